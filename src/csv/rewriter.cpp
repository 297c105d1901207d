#include "csv/rewriter.hpp"

#include "csv/numbers.hpp"
#include "csv/records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace csv {

namespace {

/// Appends a value, in quotes if it needs them.
void append_quoted(std::string_view value, const Format& format, std::string& to) {
    const std::array special{format.delimiter, format.quote, format.escape, '\n', '\r'};
    if (value.find_first_of(std::string_view(special.data(), special.size())) ==
        std::string_view::npos) {
        to += value;
        return;
    }
    to += format.quote;
    for (const char c : value) {
        if (c == format.quote || c == format.escape)
            to += format.escape;
        to += c;
    }
    to += format.quote;
}

} // namespace

Rewriter::Rewriter(const Format& format, std::vector<Field> fields, bool ends_with_delimiter)
    : format_(format), fields_(std::move(fields)),
      leaves_out_(!std::ranges::all_of(fields_, &Field::is_kept)),
      ends_with_delimiter_(ends_with_delimiter),
      is_needed_(
          leaves_out_ || ends_with_delimiter_ || format_.comment || !format_.more_nulls.empty() ||
          !std::ranges::all_of(
              fields_, [](Values values) { return values == Values::any; }, &Field::values)) {}

std::optional<Unfit> Rewriter::rewrite(std::string_view records, std::string& to) const {
    std::optional<Unfit> last;
    while (!records.empty()) {
        if (format_.comment && records.starts_with(*format_.comment)) {
            const auto end = std::min(records.find_first_of("\r\n"), records.size());
            records.remove_prefix(end);
            records.remove_prefix(records.starts_with("\r\n") ? 2 : records.empty() ? 0 : 1);
            continue;
        }
        const auto size = to.size();
        std::optional<Unfit> unfit;
        records = rewrite_record(records, to, unfit);
        if (unfit) {
            to.resize(size);
            last = std::move(unfit);
        }
    }
    return last;
}

/// Appends the first record. Quotes are followed as in CopyReadAttributesCSV in PostgreSQL's
/// src/backend/commands/copyfromparse.c.
/// \returns the rest.
std::string_view Rewriter::rewrite_record(std::string_view rest, std::string& to,
                                          std::optional<Unfit>& unfit) const {
    static const Field further; // one that COPY refuses
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
            if (auto problem = append(value, is_quoted, now, to); problem && !unfit)
                unfit = std::move(problem);
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
    if (leaves_out_ && field < fields_.size())
        unfit = {fmt::format("missing data: the record has fewer than the {} columns of the file",
                             fields_.size()),
                 "missing data"};
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

/// \returns the problem, if the value cannot be changed.
std::optional<Unfit> Rewriter::append(std::string_view value, bool is_quoted, const Field& field,
                                      std::string& to) const {
    const bool is_changed = field.values != Values::any;
    if (!is_changed && format_.more_nulls.empty()) {
        to += value;
        return std::nullopt;
    }
    const bool may_be_null = !is_quoted || field.is_null_quoted;
    std::string unquoted;
    auto plain = value;
    if (is_quoted && (is_changed || may_be_null))
        plain = unquoted = values_of(value, format_).front();
    if (may_be_null && (plain == format_.null || means_null(plain))) {
        to.append(means_null(plain) ? format_.null : value);
        return std::nullopt;
    }
    if (is_changed)
        return append_changed(plain, field, to);
    to += value;
    return std::nullopt;
}

std::optional<Unfit> Rewriter::append_changed(std::string_view value, const Field& field,
                                              std::string& to) const {
    constexpr std::string_view blanks = " \t";
    value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
    value = value.substr(0, value.find_last_not_of(blanks) + 1);
    std::string number;
    std::string changed;
    std::optional<std::string> problem;
    const bool is_time = field.values == Values::times;
    if (!is_time || field.time_format.kind != TimeFormat::Kind::pattern) {
        problem = append_number(value, format_.decimal, field.values == Values::integers, number);
        value = number;
    }
    if (is_time && !problem)
        problem = append_time(value, field.time_format, changed);
    if (problem)
        return Unfit{*problem + ", column " + field.column, "format of " + field.column};
    // A blank does not matter, but the text that means NULL is not what the file has.
    auto& result = is_time ? changed : number;
    if (result == format_.null)
        result.insert(0, 1, ' ');
    append_quoted(result, format_, to);
    return std::nullopt;
}

bool Rewriter::means_null(std::string_view value) const {
    return std::ranges::find(format_.more_nulls, value) != format_.more_nulls.end();
}

} // namespace csv
