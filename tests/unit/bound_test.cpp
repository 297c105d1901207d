#include "timescale/bound.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using timescale::Axis;
using timescale::axis_of;
using timescale::Bound;
using timescale::format_range;
using timescale::format_time;
using timescale::InternalTime;
using timescale::minus_infinity;

constexpr InternalTime second = 1'000'000;
constexpr InternalTime hour = 3'600 * second;
constexpr InternalTime january_2_2016 = 1'451'692'800 * second;
constexpr InternalTime january_1_year_1 = -62'135'596'800 * second;

InternalTime midnight(std::chrono::year_month_day date) {
    return std::chrono::microseconds(std::chrono::sys_days(date).time_since_epoch()).count();
}

TEST(AxisOf, RecognizesTypesThatAcceptABound) {
    EXPECT_EQ(axis_of("timestamp with time zone"), Axis::timestamptz);
    EXPECT_EQ(axis_of("timestamp without time zone"), Axis::timestamp);
    EXPECT_EQ(axis_of("date"), Axis::date);
    for (const auto* type : {"smallint", "integer", "bigint"})
        EXPECT_EQ(axis_of(type), Axis::integer) << type;
}

TEST(AxisOf, ReturnsOtherForAllOtherTypes) {
    for (const auto* type :
         {"uuid", "text", "numeric", "time without time zone", "timestamptz", ""})
        EXPECT_EQ(axis_of(type), Axis::other) << type;
}

TEST(Bound, OfATimeAppliesToTimestampsAndDates) {
    const Bound bound{.time = january_2_2016, .integer = std::nullopt};
    EXPECT_EQ(bound.on(Axis::timestamptz), january_2_2016);
    EXPECT_EQ(bound.on(Axis::timestamp), january_2_2016);
    EXPECT_EQ(bound.on(Axis::date), january_2_2016);
    EXPECT_EQ(bound.on(Axis::integer), std::nullopt);
    EXPECT_EQ(bound.on(Axis::other), std::nullopt);
}

TEST(Bound, OfAnIntegerAppliesToIntegers) {
    const Bound bound{.time = std::nullopt, .integer = -42};
    EXPECT_EQ(bound.on(Axis::timestamptz), std::nullopt);
    EXPECT_EQ(bound.on(Axis::timestamp), std::nullopt);
    EXPECT_EQ(bound.on(Axis::date), std::nullopt);
    EXPECT_EQ(bound.on(Axis::integer), -42);
    EXPECT_EQ(bound.on(Axis::other), std::nullopt);
}

TEST(Bound, OfMinusInfinityAppliesToAllSupportedTypes) {
    const Bound bound{.time = minus_infinity, .integer = minus_infinity};
    EXPECT_EQ(bound.on(Axis::timestamptz), minus_infinity);
    EXPECT_EQ(bound.on(Axis::integer), minus_infinity);
    EXPECT_EQ(bound.on(Axis::other), std::nullopt);
}

TEST(FormatTime, WritesTimestampsInUtc) {
    for (const auto axis : {Axis::timestamptz, Axis::timestamp}) {
        EXPECT_EQ(format_time(axis, 0), "1970-01-01 00:00:00 UTC");
        EXPECT_EQ(format_time(axis, january_2_2016), "2016-01-02 00:00:00 UTC");
        EXPECT_EQ(format_time(axis, january_2_2016 + 15 * hour + 62 * second),
                  "2016-01-02 15:01:02 UTC");
    }
}

TEST(FormatTime, WritesMicrosecondsUnlessZero) {
    EXPECT_EQ(format_time(Axis::timestamptz, january_2_2016 + 1), "2016-01-02 00:00:00.000001 UTC");
    EXPECT_EQ(format_time(Axis::timestamptz, january_2_2016 + second / 2),
              "2016-01-02 00:00:00.500000 UTC");
}

TEST(FormatTime, CountsForwardWithinDaysBefore1970) {
    EXPECT_EQ(format_time(Axis::timestamptz, -1), "1969-12-31 23:59:59.999999 UTC");
    EXPECT_EQ(format_time(Axis::timestamptz, -hour), "1969-12-31 23:00:00 UTC");
}

TEST(FormatTime, OmitsMidnightOnADateAxis) {
    EXPECT_EQ(format_time(Axis::date, january_2_2016), "2016-01-02");
    EXPECT_EQ(format_time(Axis::date, 0), "1970-01-01");
    EXPECT_EQ(format_time(Axis::date, -24 * hour), "1969-12-31");
}

TEST(FormatTime, WritesATimeOfDayOnADateAxis) {
    EXPECT_EQ(format_time(Axis::date, january_2_2016 + hour), "2016-01-02 01:00:00 UTC");
    EXPECT_EQ(format_time(Axis::date, january_2_2016 - 1), "2016-01-01 23:59:59.999999 UTC");
}

TEST(FormatTime, PadsYearsToFourDigits) {
    EXPECT_EQ(format_time(Axis::timestamptz, january_1_year_1), "0001-01-01 00:00:00 UTC");
    EXPECT_EQ(format_time(Axis::date, midnight(987y / 5 / 6)), "0987-05-06");
}

TEST(FormatTime, WritesYearsWithFiveDigits) {
    EXPECT_EQ(format_time(Axis::date, midnight(10'000y / 1 / 1)), "10000-01-01");
}

TEST(FormatTime, WritesYearsBefore1AsBc) {
    EXPECT_EQ(format_time(Axis::timestamptz, january_1_year_1 - 1),
              "0001-12-31 23:59:59.999999 UTC BC");
    EXPECT_EQ(format_time(Axis::date, january_1_year_1 - 24 * hour), "0001-12-31 BC");
    const auto ides_of_march = midnight(-43y / 3 / 15);
    EXPECT_EQ(format_time(Axis::date, ides_of_march), "0044-03-15 BC");
    EXPECT_EQ(format_time(Axis::timestamp, ides_of_march + 12 * hour),
              "0044-03-15 12:00:00 UTC BC");
}

TEST(FormatTime, WritesIntegersUnchanged) {
    for (const auto axis : {Axis::integer, Axis::other}) {
        EXPECT_EQ(format_time(axis, 0), "0");
        EXPECT_EQ(format_time(axis, 42), "42");
        EXPECT_EQ(format_time(axis, -42), "-42");
        EXPECT_EQ(format_time(axis, std::numeric_limits<std::int64_t>::max()),
                  "9223372036854775807");
    }
}

TEST(FormatTime, WritesMinusInfinityOnEveryAxis) {
    for (const auto axis :
         {Axis::timestamptz, Axis::timestamp, Axis::date, Axis::integer, Axis::other})
        EXPECT_EQ(format_time(axis, minus_infinity), "-infinity");
}

// std::chrono::year ends at 32767, PostgreSQL's timestamps in the year 294276.
TEST(FormatTime, WritesEveryYearOfPostgresql) {
    EXPECT_EQ(timescale::format_time(Axis::date, 1'199'145'600'000'000'000), "39969-05-31");
    // SELECT extract(epoch FROM timestamptz '100000-01-01+00')
    EXPECT_EQ(timescale::format_time(Axis::timestamptz, 3'093'527'980'800 * 1'000'000),
              "100000-01-01 00:00:00 UTC");
}

TEST(FormatTime, WritesAnyNumber) {
    EXPECT_EQ(format_time(Axis::timestamptz, minus_infinity + 1),
              "290309-12-21 19:59:05.224193 UTC BC");
    EXPECT_EQ(format_time(Axis::timestamptz, std::numeric_limits<InternalTime>::max()),
              "294247-01-10 04:00:54.775807 UTC");
}

TEST(ParseBound, ReadsBoundsThatNeedNoServer) {
    for (const auto& [text, integer] :
         {std::pair{"42", 42}, {"-42", -42}, {"+42", 42}, {"007", 7}}) {
        const auto bound = timescale::parse_bound("--until", text);
        ASSERT_TRUE(bound) << text;
        EXPECT_EQ(bound->integer, integer) << text;
        EXPECT_EQ(bound->time, std::nullopt) << text;
    }
    const auto infinity = timescale::parse_bound("--from", "-infinity");
    ASSERT_TRUE(infinity);
    EXPECT_EQ(infinity->integer, minus_infinity);
    EXPECT_EQ(infinity->time, minus_infinity);
}

TEST(ParseBound, ReturnsNothingForOtherTexts) {
    for (const auto* text : {"", "-", "+-1", "1.5", "2016-01-02", "infinity", " 1"})
        EXPECT_FALSE(timescale::parse_bound("--until", text)) << text;
}

TEST(ParseBound, RefusesIntegersOutOfRange) {
    for (const auto* text : {"9223372036854775808", "-9223372036854775809"})
        EXPECT_THROW(timescale::parse_bound("--until", text), UsageError) << text;
}

TEST(FormatRange, HasDatesAloneIfBothBoundsAreMidnights) {
    const timescale::TimeRange day{january_2_2016, january_2_2016 + 24 * hour};
    for (const auto* type :
         {"timestamp with time zone", "timestamp without time zone", "date", "uuid"})
        EXPECT_EQ(format_range(type, day), "2016-01-02 – 2016-01-03") << type;
    EXPECT_EQ(format_range("date", {january_1_year_1 - 24 * hour, january_1_year_1}),
              "0001-12-31 BC – 0001-01-01");
}

TEST(FormatRange, HasTimesAsBrieflyAsIsExact) {
    const auto* zoned = "timestamp with time zone";
    EXPECT_EQ(format_range(zoned, {january_2_2016 + 8 * hour, january_2_2016 + 32 * hour}),
              "2016-01-02 08:00 – 01-03 08:00 UTC");
    EXPECT_EQ(format_range(zoned, {january_2_2016 - 28 * hour, january_2_2016 + hour}),
              "2015-12-31 20:00 – 2016-01-02 01:00 UTC");
    EXPECT_EQ(format_range(zoned, {january_2_2016, january_2_2016 + hour + second}),
              "2016-01-02 00:00 – 01:00:01 UTC");
    EXPECT_EQ(format_range("uuid", {january_2_2016, january_2_2016 + second / 2}),
              "2016-01-02 00:00 – 00:00:00.500000 UTC");
    EXPECT_EQ(format_range("timestamp without time zone",
                           {january_2_2016 + 23 * hour, january_2_2016 + 24 * hour}),
              "2016-01-02 23:00 – 24:00");
}

TEST(FormatRange, HasNumbersForOtherTypes) {
    EXPECT_EQ(format_range("bigint", {-100, 0}), "-100 – 0");
    EXPECT_EQ(format_range("smallint", {0, january_2_2016}), "0 – 1451692800000000");
    EXPECT_EQ(format_range("unknown", {1, 2}), "1 – 2");
}

TEST(FormatRange, MayBeWithoutBounds) {
    for (const auto* type : {"integer", "date"})
        EXPECT_EQ(format_range(type, {}), "of all times");
    EXPECT_EQ(format_range("integer", {.from = 42}), "from 42 on");
    EXPECT_EQ(format_range("date", {.until = january_2_2016}), "before 2016-01-02");
    EXPECT_EQ(format_range("timestamp with time zone", {.from = january_2_2016 + hour}),
              "from 2016-01-02 01:00 UTC on");
}

TEST(InternalTimeOf, ReadsBinaryValues) {
    using timescale::internal_time;
    // 2000-01-01 and the microsecond after it, 2016-01-02 as a number of days
    EXPECT_EQ(internal_time(Axis::timestamptz, "\0\0\0\0\0\0\0\0"sv), midnight(2000y / 1 / 1));
    EXPECT_EQ(internal_time(Axis::timestamp, "\0\0\0\0\0\0\0\1"sv), midnight(2000y / 1 / 1) + 1);
    EXPECT_EQ(internal_time(Axis::date, "\0\0\x16\xd5"sv), january_2_2016);
    EXPECT_EQ(internal_time(Axis::date, "\xff\xff\xff\xff"sv), midnight(1999y / 12 / 31));
    EXPECT_EQ(internal_time(Axis::integer, "\xff\xfe"sv), -2);
    EXPECT_EQ(internal_time(Axis::integer, "\x7f\xff\xff\xff"sv), 2147483647);
    EXPECT_EQ(internal_time(Axis::integer, "\x80\0\0\0\0\0\0\0"sv), minus_infinity);
}

TEST(InternalTimeOf, HasNoValueForNullsInfiniteTimesAndOtherTypes) {
    using timescale::internal_time;
    EXPECT_EQ(internal_time(Axis::timestamptz, std::nullopt), std::nullopt);
    for (const auto axis : {Axis::timestamptz, Axis::timestamp}) {
        EXPECT_EQ(internal_time(axis, "\x7f\xff\xff\xff\xff\xff\xff\xff"sv), std::nullopt);
        EXPECT_EQ(internal_time(axis, "\x80\0\0\0\0\0\0\0"sv), std::nullopt);
    }
    EXPECT_EQ(internal_time(Axis::date, "\x7f\xff\xff\xff"sv), std::nullopt);
    EXPECT_EQ(internal_time(Axis::date, "\x80\0\0\0"sv), std::nullopt);
    EXPECT_EQ(internal_time(Axis::other, "\0\0\0\0\0\0\0\1"sv), std::nullopt);
}

} // namespace
