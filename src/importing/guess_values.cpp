#include "importing/guess_values.hpp"

#include "csv/numbers.hpp"
#include "csv/times.hpp"
#include "importing/columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace importing {

namespace {

using namespace std::string_view_literals;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// ---------------------------------------------------------------- NULL

bool may_mean_null(const std::string& text, const TableColumn& column) {
    constexpr std::array words{"null"sv, "na"sv, "n/a"sv, "#n/a"sv, "none"sv, "nil"sv,  R"(\n)"sv,
                               "-"sv,    "--"sv, "---"sv, "?"sv,    "nan"sv,  "n.a."sv, "#num!"sv};
    const auto word = lower(text);
    return std::ranges::find(words, word) != words.end() && !(word == "nan" && column.is_decimal());
}

/// Proposes what means NULL, and removes it from the values.
void guess_nulls(std::vector<ColumnValues>& columns, const Propose& propose) {
    std::vector<std::string> texts;
    std::vector<std::string> reasons;
    std::vector<std::string> forced;
    std::string forced_reason;
    for (auto& one : columns) {
        const auto& column = *one.column;
        const auto is_null = [&](const FileValue& value) {
            return value.text.empty() || may_mean_null(value.text, column);
        };
        for (const auto& value : one.values) {
            if (!is_null(value))
                continue;
            if (!value.raw.empty() && std::ranges::find(texts, value.raw) == texts.end()) {
                texts.push_back(value.raw);
                reasons.push_back(
                    fmt::format("line {} has \"{}\" for {}", value.line, value.raw, column.name));
            }
            if (value.is_quoted && std::ranges::find(forced, column.name) == forced.end()) {
                forced_reason = forced.empty() ? seen(value) + " in quotes" : forced_reason;
                forced.push_back(column.name);
            }
        }
        std::erase_if(one.values, is_null);
    }
    if (!texts.empty())
        propose("--null", "", "nothing between delimiters is NULL, too");
    for (std::size_t i = 0; i < texts.size(); ++i)
        propose("--null", texts[i], reasons[i] + "; it means NULL in all columns then");
    if (!forced.empty())
        propose("--force-null", list_for_option(forced), forced_reason);
}

// ---------------------------------------------------------------- numbers

/// What the numbers of a file show about its decimal sign.
struct NumberEvidence {
    std::optional<FileValue> comma;         ///< can only be read with a decimal comma
    std::optional<FileValue> grouped;       ///< likewise, with points between thousands
    std::optional<FileValue> point;         ///< cannot be read with a decimal comma
    std::optional<FileValue> unclear_comma; ///< 1,234
    std::optional<FileValue> unclear_point; ///< 1.234
    std::optional<FileValue> unreadable;    ///< no number at all
};

/// True if a number such as 1,234 may have a comma between thousands.
bool may_be_thousands(std::string_view number) {
    number.remove_prefix(number.starts_with('-') || number.starts_with('+') ? 1 : 0);
    const auto comma = number.find(',');
    return number.size() == comma + 4 && comma >= 1 && comma <= 3 && number.front() != '0';
}

bool reads_number(const std::string& text, csv::Decimal decimal, bool is_integer) {
    std::string ignored;
    return !csv::append_number(text, decimal, is_integer, ignored);
}

/// True if PostgreSQL reads a number.
bool is_sql_number(std::string_view text) {
    constexpr std::array words{"nan"sv,      "inf"sv,       "+inf"sv,     "-inf"sv,
                               "infinity"sv, "+infinity"sv, "-infinity"sv};
    if (std::ranges::find(words, lower(std::string(text))) != words.end())
        return true;
    const auto skip = [&](std::string_view characters) {
        const auto size = std::min(text.find_first_not_of(characters), text.size());
        text.remove_prefix(size);
        return size;
    };
    constexpr auto digits = "0123456789"sv;
    const auto skip_sign = [&] {
        text.remove_prefix(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
    };
    skip_sign();
    auto count = skip(digits);
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        count += skip(digits);
    }
    if (count == 0)
        return false;
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        skip_sign();
        if (skip(digits) == 0)
            return false;
    }
    return text.empty();
}

void note(std::optional<FileValue>& first, const FileValue& value) {
    if (!first)
        first = value;
}

void note_number(NumberEvidence& evidence, const FileValue& value, bool is_integer) {
    const bool has_comma = value.text.find(',') != std::string::npos;
    const bool has_point = value.text.find('.') != std::string::npos;
    const bool has_group = has_point && reads_number(value.text, csv::Decimal::grouped_comma,
                                                     /*is_integer=*/true);
    if (!is_number(value.text))
        note(evidence.unreadable, value);
    else if (has_comma && has_point)
        note(evidence.grouped, value);
    else if (has_comma)
        note(may_be_thousands(value.text) ? evidence.unclear_comma : evidence.comma, value);
    else if (has_group && (is_integer || !is_sql_number(value.text)))
        note(evidence.grouped, value); // an integer with thousands, or several of them
    else if (has_group)
        note(evidence.unclear_point, value);
    else if (has_point)
        note(evidence.point, value);
}

/// \param times those that are numbers.
NumberEvidence evidence_of(const std::vector<ColumnValues>& columns,
                           const std::vector<ColumnValues>& times) {
    NumberEvidence evidence;
    for (const auto& one : columns)
        for (const auto& value : one.values)
            note_number(evidence, value, one.column->is_integer());
    for (const auto& one : times)
        for (const auto& value : one.values)
            note_number(evidence, value, /*is_integer=*/false);
    return evidence;
}

void guess_decimal(const NumberEvidence& evidence, const Propose& propose) {
    if (evidence.unreadable)
        propose("", "",
                seen(*evidence.unreadable) + ", which is read as a number neither with a decimal "
                                             "point nor with a comma; change it in the file, "
                                             "or load it into a column of text");
    const auto& comma = evidence.comma ? evidence.comma : evidence.grouped;
    if (comma && evidence.point) {
        propose("", "",
                fmt::format("numbers have commas and points: {}, {}", seen(*comma),
                            seen(*evidence.point)));
        return;
    }
    if (comma) {
        const bool is_grouped = evidence.grouped.has_value() && evidence.unclear_point;
        propose("--decimal", is_grouped ? "grouped-comma" : "comma",
                is_grouped ? fmt::format("{}, {}, and {}", seen(*comma), seen(*evidence.grouped),
                                         seen(*evidence.unclear_point))
                           : seen(*comma));
        if (evidence.unclear_point && !is_grouped)
            propose(
                "", "",
                seen(*evidence.unclear_point) +
                    ", which is refused with --decimal comma; --decimal grouped-comma reads the "
                    "point as one between thousands");
        return;
    }
    if (evidence.unclear_comma && evidence.point)
        propose("", "",
                fmt::format("{}, whose comma is between thousands, because {}: PostgreSQL does not "
                            "read it, so remove these commas",
                            seen(*evidence.unclear_comma), seen(*evidence.point)));
    else if (evidence.unclear_comma)
        propose("", "",
                seen(*evidence.unclear_comma) +
                    ", whose comma may be before decimals (--decimal comma) or between thousands, "
                    "which PostgreSQL does not read");
}

/// Says which values with decimals --decimal does not apply to.
void guess_inner_decimals(const std::vector<ColumnValues>& columns, const NumberEvidence& evidence,
                          const Propose& propose) {
    const bool has_commas = evidence.comma || evidence.grouped;
    for (const auto& [column, values] : columns) {
        const auto found = std::ranges::find_if(values, [&](const FileValue& value) {
            return !value.text.empty() && (has_commas || value.text.find(',') != std::string::npos);
        });
        if (found != values.end())
            propose("", "",
                    fmt::format("{} for {}, of the type {}, to which --decimal does not apply; "
                                "leave the column out with --ignore-columns, or load it into one "
                                "of text, unless the decimals have points",
                                seen(*found), column->name, column->type));
    }
}

// ---------------------------------------------------------------- times

/// The parts of a date such as 15.7.2024 at the beginning of a text, in their order.
struct ShortDate {
    std::array<int, 3> parts{};
    std::array<std::size_t, 3> digits{};
};

std::optional<ShortDate> short_date_of(std::string_view text) {
    ShortDate date;
    for (std::size_t i = 0; i < date.parts.size(); ++i) {
        const auto size = std::min(text.find_first_not_of("0123456789"), text.size());
        if (size < 1 || size > (i == 2 ? 4 : 2))
            return std::nullopt;
        std::from_chars(text.data(), text.data() + size, date.parts.at(i));
        date.digits.at(i) = size;
        text.remove_prefix(size);
        if (i == 2)
            break;
        if (text.empty() || "./-"sv.find(text.front()) == std::string_view::npos)
            return std::nullopt;
        text.remove_prefix(1);
    }
    return date;
}

struct DateStyle {
    std::string_view name;
    std::size_t year; ///< its place
    std::size_t month;
    std::size_t day;
};

constexpr std::array date_styles{DateStyle{"DMY", 2, 1, 0}, DateStyle{"MDY", 2, 0, 1},
                                 DateStyle{"YMD", 0, 1, 2}};

/// How a date is read in a style; empty if it is not.
std::string read_in(const DateStyle& style, const ShortDate& date) {
    const auto digits = date.digits.at(style.year);
    const bool has_year = digits == 2 || digits == 4;
    const auto short_year = date.parts.at(style.year);
    const auto year = digits > 2 ? short_year : short_year + (short_year < 70 ? 2000 : 1900);
    const auto month = date.parts.at(style.month);
    const auto day = date.parts.at(style.day);
    if (!has_year || date.digits.at(style.day) > 2 || month < 1 || month > 12 || day < 1 ||
        day > 31)
        return {};
    return fmt::format("{:04}-{:02}-{:02}", year, month, day);
}

/// True if PostgreSQL reads a text as a time in every date style, or may do so.
bool begins_with_year(std::string_view text) {
    return text.size() >= 8 && std::ranges::all_of(text.substr(0, 4), is_digit) &&
           (text[4] == '-' || text[4] == '/' ||
            (text.size() == 8 && std::ranges::all_of(text, is_digit)));
}

/// True if a time has a zone: Z, +02, -0330, +01:00, CET, Europe/Berlin.
bool has_zone(std::string_view text) {
    const auto sign = text.find_last_of("+-");
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && sign != std::string_view::npos && sign > colon)
        return true;
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    for (std::size_t at = 0; at < text.size();) {
        auto end = at;
        while (end < text.size() && is_letter(text[end]))
            ++end;
        const auto word = lower(std::string(text.substr(at, end - at)));
        const bool is_between = word == "t" && end < text.size() && is_digit(text[end]);
        if (!word.empty() && !is_between && word != "am" && word != "pm")
            return true;
        at = end + 1;
    }
    return false;
}

/// The format of a number of a certain size; empty if it has none.
std::string numeric_format_of(std::string_view text) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (text.substr(digits).starts_with('.') || text.substr(digits).starts_with(','))
        text = text.substr(0, digits);
    if (digits == 0 || digits != text.size())
        return {};
    switch (digits) {
    case 5:
        return "excel";
    case 9:
    case 10:
        return "epoch";
    case 12:
    case 13:
        return "epoch-ms";
    case 15:
    case 16:
        return "epoch-us";
    case 18:
    case 19:
        return "epoch-ns";
    default:
        return {};
    }
}

/// The formats that may be meant, more likely ones first.
std::vector<std::string> formats_for(const std::string& text) {
    std::vector<std::string> formats{
        "%Y%m%d%H%M%S",         "%Y%m%d%H%M",        "%Y%m%d%H",           "%Y%m%d %H%M%S",
        "%d/%b/%Y:%H:%M:%S %z", "%d.%m.%Y %H.%M.%S", "%d.%m.%Y, %H:%M:%S", "%d.%m.%Y, %H:%M"};
    if (auto numeric = numeric_format_of(text); !numeric.empty())
        formats.push_back(std::move(numeric));
    return formats;
}

/// True if values are times in a format; those with a decimal comma, too.
bool reads(const csv::TimeFormat& format, const std::string& text, std::string& to) {
    auto with_point = text;
    if (format.kind != csv::TimeFormat::Kind::pattern)
        std::ranges::replace(with_point, ',', '.');
    return !csv::append_time(with_point, format, to);
}

/// What the times of a file show.
struct TimeEvidence {
    /// For each of date_styles, the first value that it does not read.
    std::array<std::optional<FileValue>, date_styles.size()> unread;
    std::optional<FileValue> date;    ///< the first one that depends on the date style
    std::optional<FileValue> no_zone; ///< in a column with time zone
};

/// A format that reads all values, and how it reads the first one.
struct FittingFormat {
    std::string name;
    std::string reading;

    csv::TimeFormat format() const { return csv::parse_time_format(name); }
};

/// More likely ones first: those of years from 1970 to 2099.
std::vector<FittingFormat> formats_of(const std::vector<FileValue>& values) {
    std::vector<FittingFormat> fitting;
    if (values.empty())
        return fitting;
    for (const auto& name : formats_for(values.front().text)) {
        const auto format = csv::parse_time_format(name);
        std::string result;
        const bool reads_all = std::ranges::all_of(values, [&](const FileValue& value) {
            result.clear();
            return reads(format, value.text, result) &&
                   (format.kind == csv::TimeFormat::Kind::pattern ||
                    numeric_format_of(value.text) == name);
        });
        if (!reads_all)
            continue;
        result.clear();
        reads(format, values.front().text, result);
        fitting.push_back({.name = name, .reading = result});
    }
    std::stable_partition(fitting.begin(), fitting.end(), [](const FittingFormat& one) {
        return one.reading >= "1970" && one.reading < "2100";
    });
    return fitting;
}

bool is_numeric(const std::vector<FittingFormat>& formats) {
    return !formats.empty() && formats.front().format().kind != csv::TimeFormat::Kind::pattern;
}

void guess_times_of(const ColumnValues& times, TimeEvidence& evidence, const Propose& propose) {
    const auto& [column, values] = times;
    const auto formats = formats_of(values);
    if (!formats.empty()) {
        const auto& likely = formats.front();
        auto reason = fmt::format("{}, which is {} then", seen(values.front()), likely.reading);
        for (const auto& other : formats)
            if (&other != &likely)
                reason += fmt::format(", and {} with {}", other.reading, shell_word(other.name));
        propose("--time-format", column->name + "=" + likely.name, reason);
        if (column->has_zone() && !likely.format().has_zone())
            note(evidence.no_zone, values.front());
        return;
    }
    for (const auto& value : values) {
        const auto date = short_date_of(value.text);
        if (!date && !begins_with_year(value.text)) {
            propose("", "",
                    fmt::format("{} for {}, which --guess does not know; see --time-format",
                                seen(value), column->name));
            return;
        }
        if (column->has_zone() && !has_zone(value.text))
            note(evidence.no_zone, value);
        if (!date)
            continue;
        note(evidence.date, value);
        for (std::size_t i = 0; i < date_styles.size(); ++i)
            if (read_in(date_styles.at(i), *date).empty())
                note(evidence.unread.at(i), value);
    }
}

/// \returns true if days come first.
bool guess_date_style(const TimeEvidence& evidence, const Propose& propose) {
    if (!evidence.date)
        return false;
    const auto date = *short_date_of(evidence.date->text);
    std::vector<std::string> possible;
    std::vector<std::string> unread;
    const FileValue* last = nullptr; // that some style does not read
    for (std::size_t i = 0; i < date_styles.size(); ++i) {
        const auto& style = date_styles.at(i);
        const auto& value = evidence.unread.at(i);
        if (!value) {
            possible.push_back(fmt::format("{} ({})", style.name, read_in(style, date)));
            continue;
        }
        if (last == nullptr || value->line > last->line)
            last = &*value;
        unread.push_back(fmt::format("{} ({})", style.name, seen(*value)));
    }
    if (possible.empty()) {
        propose("", "",
                fmt::format("no date style reads all dates: not {}", fmt::join(unread, ", not ")));
        return false;
    }
    if (possible.size() > 1) {
        propose("", "",
                fmt::format("no date shows the order of day, month and year, such as {} on line "
                            "{}; give --date-style {}",
                            evidence.date->text, evidence.date->line, fmt::join(possible, " or ")));
        return false;
    }
    const auto style = std::ranges::find_if(
        date_styles, [&](const DateStyle& one) { return possible.front().starts_with(one.name); });
    propose("--date-style", std::string(style->name),
            fmt::format("{}, which is {} then", seen(*last),
                        read_in(*style, *short_date_of(last->text))));
    return style->name == "DMY";
}

/// \returns true if a date style with the day first is proposed.
bool guess_times(const std::vector<ColumnValues>& columns, const std::string& time_zone,
                 const Propose& propose) {
    TimeEvidence evidence;
    for (const auto& column : columns)
        guess_times_of(column, evidence, propose);
    const bool has_day_first = guess_date_style(evidence, propose);
    if (evidence.no_zone)
        propose("--time-zone", time_zone,
                seen(*evidence.no_zone) +
                    " without a time zone; this is the one that psql would use, the file does not "
                    "say");
    return has_day_first;
}

} // namespace

std::string seen(const FileValue& value) {
    return fmt::format("line {} has \"{}\"", value.line, value.text);
}

bool is_number(std::string_view text) {
    return is_sql_number(text) ||
           (text.find_first_of(",.") != std::string_view::npos &&
            reads_number(std::string(text), csv::Decimal::grouped_comma, /*is_integer=*/true));
}

bool is_day(std::string_view text) {
    constexpr std::size_t longest = 10;
    return text.size() <= longest && text.find(':') == std::string_view::npos &&
           (short_date_of(text) || begins_with_year(text));
}

bool is_time_of_day(std::string_view text) {
    const auto is_pair = [](std::string_view pair) {
        return pair.size() == 2 && is_digit(pair[0]) && is_digit(pair[1]);
    };
    const auto colon = text.find(':');
    return (colon == 1 || colon == 2) && is_digit(text[0]) && is_digit(text[colon - 1]) &&
           is_pair(text.substr(colon + 1, 2)) &&
           (text.size() == colon + 3 || !is_digit(text[colon + 3]));
}

bool may_be_time(std::string_view text) {
    if (text.empty() || !is_digit(text.front()) ||
        text.find_first_of(";|\t") != std::string_view::npos)
        return false;
    const std::vector<FileValue> one{{.line = 0, .text = std::string(text), .raw = {}}};
    const bool is_date =
        text.find(',') == std::string_view::npos && (short_date_of(text) || begins_with_year(text));
    return is_date || !formats_of(one).empty();
}

void guess_values(std::vector<ColumnValues> columns, bool may_have_commas,
                  const std::string& time_zone, const Propose& propose) {
    std::vector<ColumnValues> inner;
    const auto is_text = [](const ColumnValues& one) {
        return !one.column->is_integer() && !one.column->is_decimal() && !one.column->is_time();
    };
    for (const auto& one : columns)
        if (one.column->has_inner_decimals())
            inner.push_back(one);
    std::erase_if(columns, is_text);
    guess_nulls(columns, propose);
    std::vector<ColumnValues> times;
    std::vector<ColumnValues> numbers;
    std::vector<ColumnValues> numeric_times;
    for (auto& one : columns) {
        if (one.column->is_time() && is_numeric(formats_of(one.values)))
            numeric_times.push_back(one);
        (one.column->is_time() ? times : numbers).push_back(std::move(one));
    }
    const auto evidence = evidence_of(numbers, numeric_times);
    guess_decimal(evidence, propose);
    guess_inner_decimals(inner, evidence, propose);
    const bool has_day_first = guess_times(times, time_zone, propose);
    const bool is_lone = evidence.unclear_point && !evidence.comma && !evidence.grouped &&
                         !evidence.point && !evidence.unclear_comma;
    if (is_lone && (may_have_commas || has_day_first))
        propose("", "",
                seen(*evidence.unclear_point) + ", which is read with a decimal point; if it has a "
                                                "point between thousands, give --decimal "
                                                "grouped-comma");
}

} // namespace importing
