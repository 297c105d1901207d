#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// CSV records as PostgreSQL's COPY reads them.
struct CopyLines {
    std::vector<std::string> records; ///< with their newlines
    bool has_marker = false;          ///< a line \. ends the data
    bool failed = false;              ///< the ends of records are ambiguous
};

/// CopyReadLineText of PostgreSQL 15's src/backend/commands/copyfromparse.c for complete CSV data,
/// byte by byte and with the original names. The caller handles data after \.
inline CopyLines copy_lines(std::string_view data, char quotec, char escapec) {
    enum { eol_unknown, eol_nl, eol_cr, eol_crnl } eol_type = eol_unknown;
    CopyLines lines;
    if (quotec == escapec)
        escapec = '\0';
    std::size_t ptr = 0;
    while (ptr < data.size()) {
        const auto start = ptr;
        bool first_char_in_line = true;
        bool in_quote = false;
        bool last_was_esc = false;
        bool is_whole = false;
        while (ptr < data.size() && !is_whole) {
            const char c = data[ptr++];
            if (in_quote && c == escapec && escapec != '\0')
                last_was_esc = !last_was_esc;
            if (c == quotec && !last_was_esc)
                in_quote = !in_quote;
            if (c != escapec)
                last_was_esc = false;
            if (c == '\r' && !in_quote) {
                if (eol_type == eol_unknown || eol_type == eol_crnl) {
                    if (ptr < data.size() && data[ptr] == '\n') {
                        ++ptr;
                        eol_type = eol_crnl;
                    } else {
                        if (eol_type == eol_crnl)
                            return lines.failed = true, lines;
                        eol_type = eol_cr;
                    }
                } else if (eol_type == eol_nl) {
                    return lines.failed = true, lines;
                }
                is_whole = true;
            } else if (c == '\n' && !in_quote) {
                if (eol_type == eol_cr || eol_type == eol_crnl)
                    return lines.failed = true, lines;
                eol_type = eol_nl;
                is_whole = true;
            } else if (c == '\\' && first_char_in_line && data.substr(ptr).starts_with('.')) {
                const auto rest = data.substr(ptr + 1);
                const bool is_followed = eol_type == eol_unknown
                                             ? rest.starts_with('\n') || rest.starts_with('\r')
                                         : eol_type == eol_nl ? rest.starts_with('\n')
                                         : eol_type == eol_cr ? rest.starts_with('\r')
                                                              : rest.starts_with("\r\n");
                if (rest.empty() || is_followed)
                    return lines.has_marker = true, lines;
            }
            first_char_in_line = false;
        }
        if (in_quote)
            return lines.failed = true, lines;
        lines.records.emplace_back(data.substr(start, ptr - start));
    }
    return lines;
}

} // namespace test
