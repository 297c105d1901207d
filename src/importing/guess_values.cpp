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

/// `line 7 has "1.5"`
std::string seen(const FileValue& value) {
    return fmt::format("line {} has \"{}\"", value.line, value.text);
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
            if (!value.text.empty() && std::ranges::find(texts, value.text) == texts.end()) {
                texts.push_back(value.text);
                reasons.push_back(seen(value) + " for " + column.name);
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
};

/// True if a number such as 1,234 may have a comma between thousands.
bool may_be_thousands(std::string_view number) {
    number.remove_prefix(number.starts_with('-') || number.starts_with('+') ? 1 : 0);
    const auto comma = number.find(',');
    return number.size() == comma + 4 && comma >= 1 && comma <= 3 && number.front() != '0';
}

void note(std::optional<FileValue>& first, const FileValue& value) {
    if (!first)
        first = value;
}

void note_number(NumberEvidence& evidence, const FileValue& value) {
    const bool has_comma = value.text.find(',') != std::string::npos;
    const bool has_point = value.text.find('.') != std::string::npos;
    const auto reads = [&](csv::Decimal decimal) {
        std::string ignored;
        return !csv::append_number(value.text, decimal, /*is_integer=*/false, ignored);
    };
    if (!has_comma && !has_point)
        return;
    if (!reads(csv::Decimal::grouped_comma)) {
        if (!has_comma)
            note(evidence.point, value);
    } else if (!has_comma) {
        note(reads(csv::Decimal::comma) ? evidence.grouped : evidence.unclear_point, value);
    } else if (has_point) {
        note(evidence.grouped, value);
    } else {
        note(may_be_thousands(value.text) ? evidence.unclear_comma : evidence.comma, value);
    }
}

NumberEvidence evidence_of(const std::vector<ColumnValues>& columns) {
    NumberEvidence evidence;
    for (const auto& one : columns)
        for (const auto& value : one.values)
            note_number(evidence, value);
    return evidence;
}

void guess_decimal(const std::vector<ColumnValues>& columns, const Propose& propose) {
    const auto evidence = evidence_of(columns);
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
    if (evidence.unclear_comma)
        propose("", "",
                seen(*evidence.unclear_comma) +
                    ", whose comma may be before decimals (--decimal comma) or between thousands, "
                    "which PostgreSQL does not read");
}

// ---------------------------------------------------------------- times

/// A date such as 15.7.2024 at the beginning of a text.
struct ShortDate {
    int first = 0;
    int second = 0;
};

std::optional<ShortDate> short_date_of(std::string_view text) {
    ShortDate date;
    const auto read = [&](int& into) {
        const auto size = std::min(text.find_first_not_of("0123456789"), text.size());
        if (size < 1 || size > 2 || size == text.size() ||
            std::string_view("./-").find(text[size]) == std::string_view::npos)
            return false;
        std::from_chars(text.data(), text.data() + size, into);
        text.remove_prefix(size + 1);
        return true;
    };
    if (!read(date.first) || !read(date.second) || text.empty() || !is_digit(text.front()))
        return std::nullopt;
    return date;
}

/// True if PostgreSQL reads a text as a time in every date style, or may do so.
bool begins_with_year(std::string_view text) {
    return text.size() >= 8 && std::ranges::all_of(text.substr(0, 4), is_digit) &&
           (text[4] == '-' || text[4] == '/' ||
            (text.size() == 8 && std::ranges::all_of(text, is_digit)));
}

/// True if a time ends with its zone: Z, +02, -0330, +01:00.
bool has_zone(std::string_view text) {
    if (text.ends_with('Z') || text.ends_with('z'))
        return true;
    const auto sign = text.find_last_of("+-");
    const auto colon = text.find(':');
    return colon != std::string_view::npos && sign != std::string_view::npos && sign > colon;
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
        "%Y%m%d%H%M%S",      "%Y%m%d%H%M",         "%Y%m%d %H%M%S",  "%d/%b/%Y:%H:%M:%S %z",
        "%d.%m.%Y %H.%M.%S", "%d.%m.%Y, %H:%M:%S", "%d.%m.%Y, %H:%M"};
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
    std::optional<FileValue> day_first;
    std::optional<FileValue> month_first;
    std::optional<FileValue> unclear; ///< a day or a month
    std::optional<FileValue> no_zone; ///< in a column with time zone
};

/// The format that reads all values.
/// \returns its name and how it reads the first value.
std::optional<std::pair<std::string, std::string>> format_of(const std::vector<FileValue>& values) {
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
        return std::pair(name, result);
    }
    return std::nullopt;
}

void guess_times_of(const ColumnValues& times, TimeEvidence& evidence, const Propose& propose) {
    const auto& [column, values] = times;
    if (values.empty())
        return;
    if (const auto format = format_of(values)) {
        propose("--time-format", column->name + "=" + format->first,
                fmt::format("{}, which is {} then", seen(values.front()), format->second));
        if (column->has_zone() && !csv::parse_time_format(format->first).has_zone())
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
        constexpr int months = 12;
        if (date)
            note(date->first > months    ? evidence.day_first
                 : date->second > months ? evidence.month_first
                                         : evidence.unclear,
                 value);
    }
}

void guess_times(const std::vector<ColumnValues>& columns, const std::string& time_zone,
                 const Propose& propose) {
    TimeEvidence evidence;
    for (const auto& column : columns)
        guess_times_of(column, evidence, propose);
    if (evidence.day_first && evidence.month_first)
        propose("", "",
                fmt::format("no date style reads all dates: {}, {}", seen(*evidence.day_first),
                            seen(*evidence.month_first)));
    else if (evidence.day_first)
        propose("--date-style", "DMY", seen(*evidence.day_first));
    else if (evidence.month_first)
        propose("--date-style", "MDY", seen(*evidence.month_first));
    else if (evidence.unclear)
        propose(
            "", "",
            fmt::format("no date shows whether the day or the month is first, such as {} on line "
                        "{}; give --date-style DMY or MDY",
                        evidence.unclear->text, evidence.unclear->line));
    if (evidence.no_zone)
        propose("--time-zone", time_zone,
                seen(*evidence.no_zone) +
                    " without a time zone; this is the one that psql would use, the file does not "
                    "say");
}

} // namespace

void guess_values(std::vector<ColumnValues> columns, const std::string& time_zone,
                  const Propose& propose) {
    const auto is_text = [](const ColumnValues& one) {
        return !one.column->is_integer() && !one.column->is_decimal() && !one.column->is_time();
    };
    std::erase_if(columns, is_text);
    guess_nulls(columns, propose);
    std::vector<ColumnValues> times;
    std::vector<ColumnValues> numbers;
    for (auto& one : columns)
        (one.column->is_time() ? times : numbers).push_back(std::move(one));
    guess_decimal(numbers, propose);
    guess_times(times, time_zone, propose);
}

} // namespace importing
