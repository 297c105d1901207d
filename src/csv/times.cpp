#include "csv/times.hpp"

#include "base/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <set>

namespace csv {

namespace {

using Kind = TimeFormat::Kind;
using namespace std::chrono;

constexpr std::string_view blanks = " \t";

// ---------------------------------------------------------------- numbers

struct NumericFormat {
    Kind kind;
    std::string_view name;
    std::string_view unit;
    std::int64_t per_second; ///< 0 for days
};

constexpr std::array numeric_formats{
    NumericFormat{Kind::seconds, "epoch", "seconds", 1},
    NumericFormat{Kind::milliseconds, "epoch-ms", "milliseconds", 1'000},
    NumericFormat{Kind::microseconds, "epoch-us", "microseconds", 1'000'000},
    NumericFormat{Kind::nanoseconds, "epoch-ns", "nanoseconds", 1'000'000'000},
    NumericFormat{Kind::excel, "excel", "days", 0}};

/// A number without an exponent, whose last digits are often lost.
struct Number {
    bool is_negative = false;
    std::int64_t whole = 0;
    std::string_view decimals;
};

std::optional<Number> parse_number(std::string_view text) {
    Number number;
    number.is_negative = text.starts_with('-');
    if (number.is_negative || text.starts_with('+'))
        text.remove_prefix(1);
    const auto point = std::min(text.find('.'), text.size());
    number.decimals = text.substr(std::min(point + 1, text.size()));
    const auto digits = text.substr(0, point);
    const auto is_digit = [](char c) {
        return c >= '0' && c <= '9';
    };
    if (digits.empty() || !std::ranges::all_of(digits, is_digit) ||
        !std::ranges::all_of(number.decimals, is_digit))
        return std::nullopt;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number.whole);
    return parsed.ec == std::errc{} ? std::optional(number) : std::nullopt;
}

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;

/// The value of decimals as a fraction of `one`, rounded down.
std::int64_t fraction_of(std::string_view decimals, std::int64_t one) {
    std::int64_t fraction = 0;
    for (const char digit : decimals) {
        one /= 10;
        fraction += (digit - '0') * one;
    }
    return fraction;
}

/// \returns nothing if the year is not one from 1 to 9999.
std::optional<year_month_day> date_of(std::int64_t days_since_1970) {
    constexpr sys_days first = year(1) / 1 / 1;
    constexpr sys_days last = year(9999) / 12 / 31;
    if (days_since_1970 < first.time_since_epoch().count() ||
        days_since_1970 > last.time_since_epoch().count())
        return std::nullopt;
    return year_month_day(sys_days(days(days_since_1970)));
}

/// Appends `2024-07-15 12:30:00.5`, without a time zone.
void append_local(const year_month_day& date, std::int64_t second_of_day, std::int64_t nanoseconds,
                  std::string& to) {
    const auto into = std::back_inserter(to);
    fmt::format_to(into, "{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                   second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    if (nanoseconds > 0)
        fmt::format_to(into, ".{:09}", nanoseconds);
}

bool append_epoch(const Number& number, std::int64_t per_second, std::string& to) {
    const auto one = nanoseconds_per_second / per_second; // nanoseconds
    auto seconds = number.whole / per_second;
    auto nanoseconds = number.whole % per_second * one + fraction_of(number.decimals, one);
    if (number.is_negative) {
        seconds = -seconds - (nanoseconds > 0 ? 1 : 0);
        nanoseconds = nanoseconds > 0 ? nanoseconds_per_second - nanoseconds : 0;
    }
    constexpr std::int64_t day = 86'400;
    const auto second_of_day = (seconds % day + day) % day;
    const auto date = date_of((seconds - second_of_day) / day);
    if (!date)
        return false;
    append_local(*date, second_of_day, nanoseconds, to);
    to += "+00";
    return true;
}

/// A day of a spreadsheet, rounded to milliseconds as spreadsheets do. Days before March 1900 are
/// counted in several ways.
bool append_excel(const Number& number, std::string& to) {
    constexpr std::int64_t first = 61;
    constexpr std::int64_t day = 86'400'000; // milliseconds
    constexpr sys_days zero = year(1899) / 12 / 30;
    constexpr std::int64_t half = 500'000; // nanoseconds
    const auto rounded = (fraction_of(number.decimals, day * 2 * half) + half) / (2 * half);
    const auto milliseconds = rounded % day;
    if (number.is_negative || number.whole < first || number.whole > 3'000'000)
        return false;
    const auto date = date_of(zero.time_since_epoch().count() + number.whole + rounded / day);
    if (!date)
        return false;
    append_local(*date, milliseconds / 1000, milliseconds % 1000 * 1'000'000, to);
    return true;
}

// ---------------------------------------------------------------- patterns

constexpr std::array<std::string_view, 12> months{"january",   "february", "march",    "april",
                                                  "may",       "june",     "july",     "august",
                                                  "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> weekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};

/// What a value says.
struct Parts {
    int year = 0;
    int month = 0;
    int day = 0;
    int day_of_year = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    std::string_view decimals; ///< of the second
    std::optional<bool> is_afternoon;
    std::optional<minutes> zone; ///< east of Greenwich
};

/// Reads values by a pattern.
class PatternReader {
  public:
    PatternReader(std::string_view pattern, std::string_view text)
        : pattern_(pattern), text_(text), begin_(text.data()) {}

    /// \returns nothing if the text does not match.
    std::optional<Parts> read() {
        while (!pattern_.empty()) {
            const char c = pattern_.front();
            pattern_.remove_prefix(1);
            if (blanks.find(c) != std::string_view::npos) {
                text_.remove_prefix(std::min(text_.find_first_not_of(blanks), text_.size()));
            } else if (c == '%') {
                const char directive = pattern_.front();
                pattern_.remove_prefix(1);
                if (!read_directive(directive))
                    return std::nullopt;
            } else if (!skip(c)) {
                return std::nullopt;
            }
        }
        return text_.empty() ? std::optional(parts_) : std::nullopt;
    }

  private:
    bool skip(char c) {
        if (!text_.starts_with(c))
            return false;
        text_.remove_prefix(1);
        return true;
    }

    /// Next to another number, all digits are needed: it is not known which number lacks one.
    bool read_number(int& into, std::size_t least, std::size_t most, int smallest, int largest) {
        const auto size = std::min({most, text_.size(), text_.find_first_not_of("0123456789")});
        const bool follows_digit =
            text_.data() != begin_ && text_.data()[-1] >= '0' && text_.data()[-1] <= '9';
        if (size < (follows_digit ? most : least))
            return false;
        std::from_chars(text_.data(), text_.data() + size, into);
        text_.remove_prefix(size);
        return into >= smallest && into <= largest;
    }

    /// Reads a name, in full or its first three letters.
    template <std::size_t count>
    bool read_name(const std::array<std::string_view, count>& names, int& into) {
        const auto is_next = [&](std::string_view name) {
            return std::ranges::equal(text_.substr(0, name.size()), name, [](char a, char b) {
                return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
            });
        };
        for (std::size_t i = 0; i < count; ++i)
            for (const auto& name : {names.at(i), names.at(i).substr(0, 3)})
                if (is_next(name)) {
                    text_.remove_prefix(name.size());
                    into = static_cast<int>(i) + 1;
                    return true;
                }
        return false;
    }

    bool read_decimals() {
        const auto size = std::min(text_.find_first_not_of("0123456789"), text_.size());
        parts_.decimals = text_.substr(0, size);
        text_.remove_prefix(size);
        return size > 0;
    }

    bool read_half() {
        constexpr std::array<std::string_view, 2> halves{"am", "pm"};
        int half = 0;
        const bool is_read = read_name(halves, half);
        parts_.is_afternoon = half == 2;
        return is_read;
    }

    bool read_zone() {
        if (skip('Z') || skip('z')) {
            parts_.zone = minutes(0);
            return true;
        }
        const bool is_west = text_.starts_with('-');
        int hour = 0;
        int minute = 0;
        if (!(skip('+') || skip('-')) || !read_number(hour, 2, 2, 0, 15))
            return false;
        const bool has_minutes =
            skip(':') || (!text_.empty() && text_.front() >= '0' && text_.front() <= '9');
        if (has_minutes && !read_number(minute, 2, 2, 0, 59))
            return false;
        parts_.zone = (is_west ? -1 : 1) * (hours(hour) + minutes(minute));
        return true;
    }

    bool read_directive(char directive) {
        switch (directive) {
        case 'Y':
            return read_number(parts_.year, 4, 4, 1, 9999);
        case 'y':
            if (!read_number(parts_.year, 2, 2, 0, 99))
                return false;
            parts_.year += parts_.year < 69 ? 2000 : 1900;
            return true;
        case 'm':
            return read_number(parts_.month, 1, 2, 1, 12);
        case 'b':
        case 'B':
            return read_name(months, parts_.month);
        case 'd':
            return read_number(parts_.day, 1, 2, 1, 31);
        case 'j':
            return read_number(parts_.day_of_year, 3, 3, 1, 366);
        case 'a':
        case 'A':
            return read_name(weekdays, ignored_);
        case 'H':
            return read_number(parts_.hour, 1, 2, 0, 23);
        case 'I':
            return read_number(parts_.hour, 1, 2, 1, 12);
        case 'p':
            return read_half();
        case 'M':
            return read_number(parts_.minute, 1, 2, 0, 59);
        case 'S':
            return read_number(parts_.second, 1, 2, 0, 60);
        case 'f':
            return read_decimals();
        case 'z':
            return read_zone();
        default:
            return skip('%');
        }
    }

    std::string_view pattern_;
    std::string_view text_;
    const char* begin_; ///< of the whole text
    Parts parts_;
    int ignored_ = 0;
};

/// \throws UsageError
void check_pattern(const std::string& pattern) {
    const auto refuse = [&](const std::string& problem, const std::string& remedy) {
        throw UsageError(fmt::format("--time-format '{}' {}", pattern, problem), remedy);
    };
    std::set<char> given;
    for (std::size_t at = pattern.find('%'); at != std::string::npos;
         at = pattern.find('%', at + 2)) {
        const char directive = at + 1 < pattern.size() ? pattern[at + 1] : '\0';
        constexpr std::string_view known = "YymbBdjaAHIpMSfz%";
        if (directive == '\0')
            refuse("ends with %", "write %% for the character itself");
        if (known.find(directive) == std::string_view::npos)
            refuse(fmt::format("has %{}, which is not supported", directive),
                   "the supported ones are %Y %y %m %b %B %d %j %a %A %H %I %p %M %S %f %z %%");
        if (directive != '%' && !given.insert(directive).second)
            refuse(fmt::format("has %{} twice", directive), "give it once");
    }
    const auto count = [&](std::string_view directives) {
        return std::ranges::count_if(directives,
                                     [&](char directive) { return given.contains(directive); });
    };
    const bool has_day =
        count("j") == 1 ? count("mbBd") == 0 : count("mbB") == 1 && count("d") == 1;
    if (count("Yy") != 1 || !has_day)
        refuse("must give each day in one way", "for example with %Y, %m and %d");
    if (count("HI") > 1 || count("I") != count("p"))
        refuse("must give each hour in one way", "with %H, or with %I and %p");
    if (count("M") > count("HI") || count("S") > count("M") || count("f") > count("S"))
        refuse("has a part of a time without the larger ones",
               "give %H before %M, %S and %f their sense");
}

bool append_by_pattern(std::string_view value, const std::string& pattern, std::string& to) {
    const auto parts = PatternReader(pattern, value).read();
    if (!parts)
        return false;
    auto date = year(parts->year) / parts->month / parts->day;
    if (parts->day_of_year > 0) {
        date = sys_days(year(parts->year) / 1 / 1) + days(parts->day_of_year - 1);
        if (date.year() != year(parts->year))
            return false;
    }
    if (!date.ok())
        return false;
    const int hour =
        parts->is_afternoon ? parts->hour % 12 + (*parts->is_afternoon ? 12 : 0) : parts->hour;
    std::int64_t seconds = (hour * 60 + parts->minute) * 60 + parts->second;
    if (parts->zone) {
        const auto moment = sys_days(date) + std::chrono::seconds(seconds) - *parts->zone;
        date = floor<days>(moment);
        seconds = (moment - sys_days(date)).count();
    }
    append_local(date, seconds, 0, to);
    if (!parts->decimals.empty()) {
        to += '.';
        to += parts->decimals;
    }
    if (parts->zone)
        to += "+00";
    return true;
}

} // namespace

bool TimeFormat::has_zone() const {
    return kind == Kind::pattern ? pattern.find("%z") != std::string::npos : kind != Kind::excel;
}

std::string name_of(const TimeFormat& format) {
    if (format.kind == Kind::pattern)
        return format.pattern;
    return std::string(std::ranges::find(numeric_formats, format.kind, &NumericFormat::kind)->name);
}

TimeFormat parse_time_format(const std::string& text) {
    const auto* numeric = std::ranges::find(numeric_formats, text, &NumericFormat::name);
    if (numeric != numeric_formats.end())
        return {.kind = numeric->kind};
    if (text.find('%') == std::string::npos)
        throw UsageError(fmt::format("--time-format '{}' is not a format of times", text),
                         "give epoch, epoch-ms, epoch-us, epoch-ns, excel or a pattern such as "
                         "'%d.%m.%Y %H:%M:%S'");
    check_pattern(text);
    return {.kind = Kind::pattern, .pattern = text};
}

std::optional<std::string> append_time(std::string_view value, const TimeFormat& format,
                                       std::string& to) {
    if (format.kind == Kind::pattern) {
        if (append_by_pattern(value, format.pattern, to))
            return std::nullopt;
        return fmt::format("\"{}\" is no time in the format {}", value, format.pattern);
    }
    const auto* numeric = std::ranges::find(numeric_formats, format.kind, &NumericFormat::kind);
    const auto number = parse_number(value);
    if (!number)
        return fmt::format("\"{}\" is no number of {} (--time-format {})", value, numeric->unit,
                           numeric->name);
    const bool is_appended = format.kind == Kind::excel
                                 ? append_excel(*number, to)
                                 : append_epoch(*number, numeric->per_second, to);
    if (is_appended)
        return std::nullopt;
    return fmt::format("\"{}\" {} are not between the years {} and 9999 (--time-format {})", value,
                       numeric->unit, format.kind == Kind::excel ? 1900 : 1, numeric->name);
}

} // namespace csv
