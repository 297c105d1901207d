#include "timescale/bound.hpp"

#include "postgres/binary_row.hpp"
#include "postgres/sqlstate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <string_view>

namespace timescale {

namespace {

/// `[+-]digits`
bool is_integer(std::string_view text) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+'))
        text.remove_prefix(1);
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

InternalTime parse_integer(const std::string& option, std::string_view text) {
    const auto digits = text.front() == '+' ? text.substr(1) : text;
    InternalTime value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{})
        throw UsageError(fmt::format("{} {} does not fit into a bigint", option, text));
    return value;
}

/// PostgreSQL counts from 2000-01-01 (POSTGRES_EPOCH_JDATE in its
/// src/include/datatype/timestamp.h).
constexpr InternalTime postgres_epoch = 10'957 * microseconds_in_day;

std::optional<InternalTime> integer_from(std::string_view value) {
    switch (value.size()) {
    case sizeof(std::int16_t):
        return postgres::int16_at(value.data());
    case sizeof(std::int32_t):
        return postgres::int32_at(value.data());
    case sizeof(std::int64_t):
        return postgres::int64_at(value.data());
    default:
        return std::nullopt;
    }
}

constexpr auto latest = std::numeric_limits<InternalTime>::max();

} // namespace

Axis axis_of(const std::string& type) {
    if (type == "timestamp with time zone")
        return Axis::timestamptz;
    if (type == "timestamp without time zone")
        return Axis::timestamp;
    if (type == "date")
        return Axis::date;
    if (type == "smallint" || type == "integer" || type == "bigint")
        return Axis::integer;
    return Axis::other;
}

std::optional<InternalTime> internal_time(Axis axis, const std::optional<std::string_view>& value) {
    const auto number = value ? integer_from(*value) : std::nullopt;
    if (!number)
        return std::nullopt;
    switch (axis) {
    case Axis::timestamptz:
    case Axis::timestamp:
        if (*number == minus_infinity || *number > latest - postgres_epoch)
            return std::nullopt;
        return *number + postgres_epoch;
    case Axis::date: // the year of a date may have seven digits
        if (*number == std::numeric_limits<std::int32_t>::min() ||
            *number > (latest - postgres_epoch) / microseconds_in_day)
            return std::nullopt;
        return *number * microseconds_in_day + postgres_epoch;
    case Axis::integer:
        return number;
    case Axis::other:
        break;
    }
    return std::nullopt;
}

InternalTime least_time(const std::string& type) {
    if (type == "smallint")
        return std::numeric_limits<std::int16_t>::min();
    if (type == "integer")
        return std::numeric_limits<std::int32_t>::min();
    if (type == "bigint")
        return minus_infinity;
    // 4714-11-24 BC, the first day of PostgreSQL's calendar.
    return -210'866'803'200'000'000;
}

InternalTime greatest_time(const std::string& type) {
    if (type == "smallint")
        return std::numeric_limits<std::int16_t>::max();
    if (type == "integer")
        return std::numeric_limits<std::int32_t>::max();
    if (type == "bigint")
        return std::numeric_limits<std::int64_t>::max();
    // The end of PostgreSQL's calendar, reduced by the 30 years between 1970 and 2000 so that every
    // value fits into a bigint.
    return 9'223'371'331'199'999'999;
}

std::optional<InternalTime> Bound::on(Axis axis) const {
    switch (axis) {
    case Axis::timestamptz:
    case Axis::timestamp:
    case Axis::date:
        return time;
    case Axis::integer:
        return integer;
    case Axis::other:
        break;
    }
    return std::nullopt;
}

std::optional<Bound> parse_bound(const std::string& option, const std::string& text) {
    if (is_integer(text))
        return Bound{.time = std::nullopt, .integer = parse_integer(option, text)};
    if (text == "-infinity")
        return Bound{.time = minus_infinity, .integer = minus_infinity};
    return std::nullopt;
}

Bound read_bound(postgres::Connection& connection, const std::string& option,
                 const std::string& text) {
    if (const auto bound = parse_bound(option, text))
        return *bound;
    try {
        // The session's TimeZone is UTC (postgres::session_settings).
        const auto row = connection.query(
            "SELECT isfinite($1::timestamptz) AS finite, CASE WHEN isfinite($1::timestamptz) THEN "
            "(extract(epoch FROM $1::timestamptz) * 1000000)::bigint END AS microseconds",
            {text});
        if (row.boolean(0, "finite"))
            return {.time = row.integer(0, "microseconds"), .integer = std::nullopt};
        throw UsageError(fmt::format("{} {} is not finite", option, text), "give a point in time");
    } catch (const postgres::SqlError& error) {
        if (!error.sqlstate().starts_with(postgres::sqlstate_class::data_exception))
            throw;
    }
    throw UsageError(fmt::format("{} '{}' is neither a timestamp, such as '2016-01-02T00:00:00', "
                                 "nor an integer",
                                 option, text));
}

namespace {

/// A time of PostgreSQL's calendar.
struct CalendarTime {
    std::string date; ///< `2016-01-02`
    std::string era;  ///< ` BC`, or empty
    std::chrono::hh_mm_ss<std::chrono::microseconds> clock;

    explicit CalendarTime(InternalTime value);

    bool is_midnight() const { return clock.to_duration() == std::chrono::microseconds::zero(); }
    std::string day() const { return date + era; }

    /// `08:00:00`, `08:00:00.500000`
    std::string seconds() const {
        auto text = fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
                                clock.seconds().count());
        if (clock.subseconds() != std::chrono::microseconds::zero())
            text += fmt::format(".{:06}", clock.subseconds().count());
        return text;
    }

    /// The same, but `08:00` at a full minute.
    std::string minutes() const {
        auto text = seconds();
        if (text.ends_with(":00"))
            text.resize(text.size() - 3);
        return text;
    }
};

CalendarTime::CalendarTime(InternalTime value) {
    using namespace std::chrono;
    const microseconds time(value);
    // Not floor(), which overflows in the first day of all numbers.
    auto days_before = duration_cast<days>(time);
    auto time_of_day = time - days_before;
    if (time_of_day < microseconds::zero()) {
        days_before -= days{1};
        time_of_day += days{1};
    }
    clock = hh_mm_ss<microseconds>(time_of_day);
    // The years of year_month_day end at 32767, PostgreSQL's at 294276; the calendar repeats itself
    // every 400 years.
    constexpr days cycle{146'097};
    const auto cycles = days_before / cycle;
    const year_month_day day(sys_days(days_before - cycles * cycle));
    // There is no year 0: the year before 1 is 1 BC.
    const auto year = static_cast<int>(day.year()) + 400 * cycles;
    date = fmt::format("{:04}-{:02}-{:02}", year > 0 ? year : 1 - year,
                       static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
    era = year > 0 ? "" : " BC";
}

} // namespace

std::string format_time(Axis axis, InternalTime value) {
    if (value == minus_infinity)
        return "-infinity";
    if (axis == Axis::integer || axis == Axis::other)
        return std::to_string(value);
    const CalendarTime time(value);
    const bool date_alone = axis == Axis::date && time.is_midnight();
    return time.date + (date_alone ? "" : " " + time.seconds() + " UTC") + time.era;
}

std::string format_range(const std::string& type, const TimeRange& range) {
    const auto axis = type == "uuid" ? Axis::timestamptz : axis_of(type);
    const bool is_number = axis == Axis::integer || axis == Axis::other;
    const bool has_begin = range.from != minus_infinity;
    const bool has_end = range.until != latest;
    const CalendarTime from(has_begin ? range.from : 0);
    const CalendarTime until(has_end ? range.until : 0);
    const bool in_days = from.is_midnight() && until.is_midnight();
    const auto text = [&](InternalTime value, const CalendarTime& time, bool with_day) {
        if (is_number)
            return std::to_string(value);
        if (in_days)
            return time.day();
        return (with_day ? time.day() + " " : "") + time.minutes();
    };
    const auto* zone = !is_number && !in_days && axis == Axis::timestamptz ? " UTC" : "";
    if (!has_begin)
        return has_end ? fmt::format("before {}{}", text(range.until, until, true), zone)
                       : "of all times";
    if (!has_end)
        return fmt::format("from {}{} on", text(range.from, from, true), zone);
    auto end = text(range.until, until, from.day() != until.day());
    if (!is_number && !in_days && from.day() != until.day()) {
        if (CalendarTime(range.until - 1).day() == from.day())
            end = "24:00";
        else if (const auto year = from.date.substr(0, from.date.find('-') + 1);
                 until.date.starts_with(year) && until.era == from.era)
            end.erase(0, year.size());
    }
    return fmt::format("{} – {}{}", text(range.from, from, true), end, zone);
}

} // namespace timescale
