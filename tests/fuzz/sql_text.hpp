#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// SQL as PostgreSQL's lexer splits it (src/backend/parser/scan.l).
struct SqlText {
    std::string outside; ///< the text outside of quotes, with a space for each quoted text
    std::vector<std::string> identifiers; ///< the quoted ones, without quotes
    std::vector<std::string> literals;    ///< without quotes
};

/// \param standard_conforming_strings the setting: a backslash in plain quotes is not an escape.
/// \returns nothing if a quote is not closed, or if there is an escape that we do not write.
inline std::optional<SqlText> read_sql(std::string_view sql,
                                       bool standard_conforming_strings = true) {
    SqlText text;
    for (std::size_t at = 0; at < sql.size(); ++at) {
        const char quote = sql[at];
        if (quote != '"' && quote != '\'') {
            text.outside += quote;
            continue;
        }
        const bool marked = quote == '\'' && text.outside.ends_with('E');
        if (marked)
            text.outside.pop_back();
        const bool escapes = quote == '\'' && (marked || !standard_conforming_strings);
        std::string quoted;
        bool closed = false;
        while (++at < sql.size() && !closed) {
            const char c = sql[at];
            const char next = at + 1 < sql.size() ? sql[at + 1] : '\0';
            if (c == quote && next != quote) {
                closed = true;
                break;
            }
            if (c == '\\' && escapes && next != '\\' && next != '\'')
                return std::nullopt;
            if (c == quote || (c == '\\' && escapes))
                ++at;
            quoted += sql[at];
        }
        if (!closed)
            return std::nullopt;
        text.outside += ' ';
        (quote == '"' ? text.identifiers : text.literals).push_back(quoted);
    }
    return text;
}

} // namespace fuzz
