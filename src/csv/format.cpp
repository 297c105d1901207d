#include "csv/format.hpp"

#include "base/error.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace csv {

namespace {

/// The letters, in lower case, and digits of a name. PostgreSQL compares names of encodings this
/// way.
std::string plain(std::string_view name) {
    std::string result;
    for (const char c : name)
        if (std::isalnum(static_cast<unsigned char>(c)) != 0)
            result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

/// True if bytes after the first of a multibyte character may look like ASCII characters from '0'
/// on (PG_ENCODING_IS_CLIENT_ONLY in PostgreSQL's src/include/mb/pg_wchar.h).
bool embeds_ascii(const Format& format) {
    constexpr std::array<std::string_view, 17> names{
        "sjis", "mskanji", "shiftjis",   "win932",  "windows932", "shiftjis2004",
        "big5", "win950",  "windows950", "gbk",     "win936",     "windows936",
        "uhc",  "win949",  "windows949", "gb18030", "johab"};
    return format.encoding && std::ranges::find(names, plain(*format.encoding)) != names.end();
}

bool is_ascii(char c) {
    return c != '\0' && static_cast<unsigned char>(c) < 0x80;
}

} // namespace

void check(const Format& format) {
    for (const char c : {format.delimiter, format.quote, format.escape})
        if (!is_ascii(c) || c == '\n' || c == '\r')
            throw UsageError("--delimiter, --quote and --escape must be single ASCII characters "
                             "other than an end of line");
    if (format.delimiter == format.quote)
        throw UsageError("--delimiter and --quote must differ");
    // Before version 18, a server takes \. at the beginning of a line for the end of all data, even
    // in quotes.
    if (format.quote == '\\' || format.quote == '.')
        throw UsageError("--quote must not be a backslash or a period");
    const std::string unfit{'\n', '\r', format.delimiter, format.quote};
    const auto is_unfit = [&](const std::string& null) {
        return null.find_first_of(unfit) != std::string::npos;
    };
    if (is_unfit(format.null) || std::ranges::any_of(format.more_nulls, is_unfit))
        throw UsageError("--null must not contain the delimiter, the quote or an end of line");
    if (!format.more_nulls.empty() && !is_utf8(format) &&
        !(std::ranges::all_of(format.null, is_ascii) &&
          std::ranges::all_of(format.more_nulls, [](const auto& null) {
              return std::ranges::all_of(null, is_ascii);
          })))
        throw UsageError("several --null must be ASCII if --encoding is not UTF8");
    if (format.comment &&
        (!is_ascii(*format.comment) || unfit.find(*format.comment) != std::string::npos))
        throw UsageError("--comment must be an ASCII character other than the delimiter, the quote "
                         "and an end of line");
    if (embeds_ascii(format) && std::max({format.delimiter, format.quote, format.escape}) >= '0')
        throw UsageError(fmt::format("in encoding {}, --delimiter, --quote and --escape could be "
                                     "part of another character",
                                     *format.encoding),
                         "convert the file, for example with iconv");
}

bool is_utf8(const Format& format) {
    if (!format.encoding)
        return true;
    const auto name = plain(*format.encoding);
    return name == "utf8" || name == "unicode";
}

std::string copy_options(const Format& format) {
    if (format.is_binary())
        return "FORMAT binary";
    const auto literal = [](char c) {
        return postgres::quote_literal(std::string(1, c));
    };
    auto options = fmt::format("FORMAT csv, DELIMITER {}, QUOTE {}, ESCAPE {}, NULL {}",
                               literal(format.delimiter), literal(format.quote),
                               literal(format.escape), postgres::quote_literal(format.null));
    if (format.encoding)
        options += ", ENCODING " + postgres::quote_literal(*format.encoding);
    return options;
}

} // namespace csv
