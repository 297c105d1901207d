// Bounds, and times as text and as constants in SQL. The input is text; its first eight bytes are
// also a number.
#include "fuzz.hpp"
#include "postgres/error.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"
#include "timescale/server.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

namespace {

using fuzz::require;
using timescale::Axis;
using timescale::InternalTime;

constexpr std::int64_t microseconds_a_day = 86'400'000'000;

/// The value of digits with or without a sign, read by strtoll() instead of parse_bound().
std::optional<std::int64_t> integer_in(const std::string& text) {
    const auto sign = text.find_first_not_of("+-");
    if (sign > 1 || text.find_first_not_of("0123456789", sign) != std::string::npos)
        return std::nullopt;
    errno = 0;
    const auto value = std::strtoll(text.c_str(), nullptr, 10);
    return errno == 0 ? std::optional<std::int64_t>(value) : std::nullopt;
}

void read_bound(const std::string& text) {
    const auto expected = integer_in(text);
    try {
        const auto bound = timescale::parse_bound("--until", text);
        if (expected) {
            require(bound && bound->integer == *expected && !bound->time,
                    "digits are read as an integer", text);
            const auto again = timescale::parse_bound("--until", std::to_string(*expected));
            require(again && again->integer == *expected, "an integer is read as it is written",
                    text);
        } else {
            require(bound.has_value() == (text == "-infinity"),
                    "other texts except -infinity return nothing", text);
        }
    } catch (const UsageError&) {
        require(!expected, "integers of 64 bits are accepted", text);
    }
}

/// The number of days from 1970-01-01 to a day of the Gregorian calendar (H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
__int128 day_number(__int128 year, int month, int day) {
    year -= month <= 2 ? 1 : 0;
    const __int128 era = (year >= 0 ? year : year - 399) / 400;
    const __int128 of_era = year - era * 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

/// The time that format_time() has written.
__int128 time_in(const std::string& text) {
    long long year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int fraction = 0;
    std::sscanf(text.c_str(), "%lld-%d-%d %d:%d:%d.%d", &year, &month, &day, &hour, &minute,
                &second, &fraction);
    if (text.ends_with(" BC"))
        year = 1 - year;
    return day_number(year, month, day) * microseconds_a_day +
           ((hour * 60LL + minute) * 60 + second) * 1'000'000 + fraction;
}

void show(InternalTime value) {
    for (const auto axis : {Axis::integer, Axis::other}) {
        const auto text = timescale::format_time(axis, value);
        require(text == (value == timescale::minus_infinity ? "-infinity" : std::to_string(value)),
                "integers are written unchanged", text);
    }
    for (const auto axis : {Axis::timestamptz, Axis::timestamp, Axis::date}) {
        const auto text = timescale::format_time(axis, value);
        require(value == timescale::minus_infinity ? text == "-infinity" : time_in(text) == value,
                "times are written exactly", text);
    }
}

/// The text between the quotes of a constant.
std::string quoted_in(const std::string& constant) {
    const auto begin = constant.find('\'') + 1;
    return constant.substr(begin, constant.rfind('\'') - begin);
}

void write_constants(InternalTime value) {
    const auto literal = [&](const char* type) {
        return timescale::axis_literal(
            {.column = "time", .type = type, .function = std::nullopt, .closed = false}, value);
    };
    for (const auto* type : {"bigint", "integer", "smallint", "uuid"})
        require(quoted_in(literal(type)) == std::to_string(value), "constants are exact",
                literal(type));
    for (const auto* type : {"timestamp with time zone", "timestamp without time zone"}) {
        const auto text = quoted_in(literal(type));
        require(value == timescale::minus_infinity ? text == "-infinity" : time_in(text) == value,
                "constants are exact", literal(type));
    }
    if (value == timescale::minus_infinity)
        return;
    const auto midnight = time_in(quoted_in(literal("date")));
    const bool beyond = value > std::numeric_limits<InternalTime>::max() - microseconds_a_day;
    require(beyond || (midnight % microseconds_a_day == 0 && midnight >= value &&
                       midnight - value < microseconds_a_day),
            "times are rounded up to the next midnight", literal("date"));
    require(midnight >= value, "times are not rounded down", literal("date"));
}

void read_version(const std::string& text) {
    try {
        const auto version = timescale::parse_version(text);
        const auto written = std::to_string(version.major) + "." + std::to_string(version.minor) +
                             "." + std::to_string(version.patch);
        require(timescale::parse_version(written) == version,
                "versions are read as they are written", written);
    } catch (const UsageError&) {
        require(false, "an invalid version is not a usage error", text);
    } catch (const Error&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    InternalTime value = 0;
    if (size > 0)
        std::memcpy(&value, data, std::min(size, sizeof value));
    // Any time, and a time within PostgreSQL's range.
    for (const auto one : {value, value % (100'000'000 * microseconds_a_day)}) {
        show(one);
        write_constants(one);
    }
    auto text = fuzz::text_of(data, size);
    text.resize(std::min(text.find('\0'), text.size())); // as from the command line
    read_bound(text);
    read_bound(std::to_string(value));
    read_version(text);
    timescale::axis_of(text);
    timescale::least_time(text);
    return 0;
}
