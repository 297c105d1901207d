#include "csv/rewriter.hpp"

#include "csv/records.hpp"

#include <algorithm>

namespace csv {

Rewriter::Rewriter(const Format& format, std::vector<Field> fields, bool ends_with_delimiter)
    : format_(format), fields_(std::move(fields)),
      leaves_out_(!std::ranges::all_of(fields_, &Field::is_kept)),
      ends_with_delimiter_(ends_with_delimiter),
      is_needed_(leaves_out_ || ends_with_delimiter_ || format_.comment ||
                 !format_.more_nulls.empty()) {}

bool Rewriter::rewrite(std::string_view records, std::string& to) const {
    bool are_whole = true;
    while (!records.empty()) {
        if (format_.comment && records.starts_with(*format_.comment)) {
            const auto end = std::min(records.find_first_of("\r\n"), records.size());
            records.remove_prefix(end);
            records.remove_prefix(records.starts_with("\r\n") ? 2 : records.empty() ? 0 : 1);
            continue;
        }
        const auto size = to.size();
        bool is_whole = true;
        records = rewrite_record(records, to, is_whole);
        if (!is_whole)
            to.resize(size);
        are_whole = are_whole && is_whole;
    }
    return are_whole;
}

/// Appends the first record. Quotes are followed as in CopyReadAttributesCSV in PostgreSQL's
/// src/backend/commands/copyfromparse.c.
/// \returns the rest.
std::string_view Rewriter::rewrite_record(std::string_view rest, std::string& to,
                                          bool& is_whole) const {
    static constexpr Field further; // one that COPY refuses
    const auto before = to.size();
    std::size_t field = 0;
    std::size_t kept = 0;
    std::size_t begin = 0;
    bool is_quoted = false;
    const auto end_field = [&](std::size_t end, bool is_last) {
        const auto value = rest.substr(begin, end - begin);
        const bool is_after_delimiter_at_end =
            ends_with_delimiter_ && is_last && field == fields_.size() && value.empty();
        const auto& now = field < fields_.size() ? fields_[field] : further;
        if (now.is_kept && !is_after_delimiter_at_end) {
            if (kept++ > 0)
                to += format_.delimiter;
            append(value, is_quoted, now, to);
        }
        ++field;
        begin = end + 1;
        is_quoted = false;
    };
    bool in_quotes = false;
    std::size_t at = 0;
    for (; at < rest.size(); ++at) {
        const char c = rest[at];
        if (in_quotes) {
            const char next = at + 1 < rest.size() ? rest[at + 1] : '\0';
            if (c == format_.escape && (next == format_.escape || next == format_.quote))
                ++at;
            else if (c == format_.quote)
                in_quotes = false;
        } else if (c == format_.quote) {
            in_quotes = is_quoted = true;
        } else if (c == format_.delimiter) {
            end_field(at, /*is_last=*/false);
        } else if (c == '\n' || c == '\r') {
            break;
        }
    }
    end_field(at, /*is_last=*/true);
    is_whole = !leaves_out_ || field >= fields_.size();
    // Before version 18, a server takes this for the end of all data.
    if (std::string_view(to).substr(before) == "\\.") {
        to.insert(before, 1, format_.quote);
        to += format_.quote;
    }
    const std::size_t newline = rest.substr(at).starts_with("\r\n") ? 2 : at < rest.size() ? 1 : 0;
    // Without an end of line, the server would not notice an empty record.
    if (newline == 0 && to.size() == before)
        to += std::string_view(to).ends_with("\r\n") ? "\r\n" : to.ends_with('\r') ? "\r" : "\n";
    to.append(rest.substr(at, newline));
    return rest.substr(at + newline);
}

void Rewriter::append(std::string_view value, bool is_quoted, const Field& field,
                      std::string& to) const {
    const bool is_null = !format_.more_nulls.empty() &&
                         (!is_quoted             ? means_null(value)
                          : field.is_null_quoted ? means_null(values_of(value, format_).front())
                                                 : false);
    to.append(is_null ? format_.null : value);
}

bool Rewriter::means_null(std::string_view value) const {
    return std::ranges::find(format_.more_nulls, value) != format_.more_nulls.end();
}

} // namespace csv
