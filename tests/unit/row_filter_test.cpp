#include "postgres/error.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/row_filter.hpp"
#include "timescale/time_range.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>

namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using timescale::axis_expression;
using timescale::chunk_filter;
using timescale::Dimension;
using timescale::hypercube_filter;
using timescale::InternalTime;
using timescale::minus_infinity;
using timescale::row_filter;
using timescale::Slices;

constexpr InternalTime end_of_time = std::numeric_limits<InternalTime>::max();
constexpr InternalTime day = 86'400'000'000;

Dimension open_dimension(const std::string& column, const std::string& type) {
    return {.column = column, .type = type, .function = std::nullopt, .closed = false};
}

Dimension integer() {
    return open_dimension("time", "bigint");
}
Dimension date() {
    return open_dimension("time", "date");
}

TEST(AxisExpression, IsTheColumnOrItsPartitioningFunctionsResult) {
    auto time = open_dimension(R"(My "time")", "bigint");
    EXPECT_EQ(axis_expression(time), R"("My ""time""")");
    time.function = R"(public."Time of")";
    EXPECT_EQ(axis_expression(time), R"(public."Time of"("My ""time"""))");
}

TEST(RowFilter, ComparesATimestamptzWithExactMicroseconds) {
    EXPECT_EQ(row_filter(open_dimension("time", "timestamp with time zone"), {{-1, 5}}),
              R"("time" >= '1969-12-31 23:59:59.999999 UTC'::timestamptz AND )"
              R"("time" < '1970-01-01 00:00:00.000005 UTC'::timestamptz)");
}

TEST(RowFilter, ComparesATimestampWithoutAZone) {
    EXPECT_EQ(row_filter(open_dimension("time", "timestamp without time zone"), {{-1, 5}}),
              R"("time" >= '1969-12-31 23:59:59.999999 UTC'::timestamp AND )"
              R"("time" < '1970-01-01 00:00:00.000005 UTC'::timestamp)");
}

TEST(RowFilter, ComparesADateWithDates) {
    EXPECT_EQ(row_filter(date(), {{-day, day}}),
              R"("time" >= '1969-12-31'::date AND "time" < '1970-01-02'::date)");
}

TEST(RowFilter, OmitsTimesThatTimescaleDbCannotCompare) {
    constexpr InternalTime end_of_timestamps = 9'223'371'331'200'000'000;
    EXPECT_EQ(row_filter(date(), {{0, end_of_timestamps - day}}),
              R"("time" >= '1970-01-01'::date AND "time" < '294247-01-01'::date)");
    for (const auto until :
         {end_of_timestamps - day + 1, end_of_timestamps, end_of_timestamps + 2 * day, end_of_time})
        EXPECT_EQ(row_filter(date(), {{0, until}}), R"("time" >= '1970-01-01'::date)");
}

TEST(RowFilter, ComparesIntegersAndOtherTypesWithABigint) {
    for (const auto* type : {"smallint", "integer", "bigint", "public.my_time"})
        EXPECT_EQ(row_filter(open_dimension("time", type), {{-1, 5}}),
                  R"("time" >= '-1'::bigint AND "time" < '5'::bigint)")
            << type;
}

TEST(RowFilter, RoundsABoundOfADateUpToMidnight) {
    struct Case {
        InternalTime bound;
        std::string midnight;
    };
    for (const auto& [bound, midnight] :
         {Case{0, "1970-01-01"}, Case{1, "1970-01-02"}, Case{day - 1, "1970-01-02"},
          Case{day, "1970-01-02"}, Case{day + 1, "1970-01-03"}, Case{-1, "1970-01-01"},
          Case{1 - day, "1970-01-01"}, Case{-day, "1969-12-31"}, Case{-day - 1, "1969-12-31"},
          Case{-63 * 365 * day * 100, "4327-03-08 BC"}}) {
        const auto bare = "'" + midnight + "'::date";
        EXPECT_EQ(row_filter(date(), {{bound, end_of_time}}), R"("time" >= )" + bare) << bound;
        EXPECT_EQ(row_filter(date(), {{minus_infinity, bound}}), R"("time" < )" + bare) << bound;
    }
}

TEST(RowFilter, OmitsAnInfiniteEnd) {
    EXPECT_EQ(row_filter(integer(), {{minus_infinity, 5}}), R"("time" < '5'::bigint)");
    EXPECT_EQ(row_filter(integer(), {{5, end_of_time}}), R"("time" >= '5'::bigint)");
    EXPECT_EQ(row_filter(date(), {{minus_infinity, end_of_time}}), "true");
}

TEST(RowFilter, SelectsRowsOfAnyOfSeveralRanges) {
    EXPECT_EQ(row_filter(integer(), {{minus_infinity, 1}, {2, 3}, {4, end_of_time}}),
              R"((("time" < '1'::bigint))"
              R"( OR ("time" >= '2'::bigint AND "time" < '3'::bigint))"
              R"( OR ("time" >= '4'::bigint)))");
}

TEST(RowFilter, QuotesTheColumn) {
    EXPECT_EQ(row_filter(open_dimension(R"(My "time")", "bigint"), {{1, end_of_time}}),
              R"("My ""time""" >= '1'::bigint)");
}

TEST(RowFilter, ComparesThePartitioningFunctionsResult) {
    auto time = open_dimension("payload", "timestamp with time zone");
    time.function = R"(public."Time of")";
    EXPECT_EQ(row_filter(time, {{minus_infinity, 5}}),
              R"(public."Time of"("payload") < '1970-01-01 00:00:00.000005 UTC'::timestamptz)");
}

TEST(HypercubeFilter, SelectsRowsWithinTheSliceOfEachDimension) {
    const auto value = open_dimension("value", "integer");
    EXPECT_EQ(hypercube_filter({date(), value},
                               Slices::parse(R"({"value": [-5, 5], "time": [0, 86400000000]})")),
              R"("time" >= '1970-01-01'::date AND "time" < '1970-01-02'::date)"
              R"( AND "value" >= '-5'::bigint AND "value" < '5'::bigint)");
}

TEST(HypercubeFilter, PutsANullIntoThePartitionOfHashZero) {
    const Dimension device{.column = "device",
                           .type = "text",
                           .function = "_timescaledb_functions.get_partition_hash",
                           .closed = true};
    EXPECT_EQ(hypercube_filter({device},
                               Slices::parse(R"({"device": [-9223372036854775808, 1073741823]})")),
              R"(coalesce(_timescaledb_functions.get_partition_hash("device"), 0))"
              R"( >= '-9223372036854775808'::bigint)"
              R"( AND coalesce(_timescaledb_functions.get_partition_hash("device"), 0))"
              R"( < '1073741823'::bigint)");
}

TEST(HypercubeFilter, FindsTheSliceOfAColumnThatNeedsQuotes) {
    EXPECT_EQ(hypercube_filter({open_dimension(R"(My "time")", "bigint")},
                               Slices::parse(R"({"My \"time\"": [1, 9223372036854775807]})")),
              R"("My ""time""" >= '1'::bigint)");
}

TEST(HypercubeFilter, RefusesADimensionWithoutASlice) {
    EXPECT_THAT([] { hypercube_filter({integer()}, Slices::parse(R"({"device": [0, 1]})")); },
                ThrowsMessage<Error>(HasSubstr(R"("time")")));
}

TEST(RowFilter, AcceptsADateBoundOnTheLastDayOfTime) {
    EXPECT_THAT(row_filter(date(), {{end_of_time - 1, end_of_time}}),
                testing::HasSubstr("'294247-01-10"));
}

TEST(ChunkFilter, IsTheSliceOfTime) {
    EXPECT_EQ(
        chunk_filter({integer()}, Slices::parse(R"({"time": [0, 100]})"), {"public", "chunk"}),
        R"("time" >= '0'::bigint AND "time" < '100'::bigint)");
}

TEST(ChunkFilter, NamesTheChunkIfThereAreSpacePartitions) {
    const Dimension space{
        .column = "device", .type = "int", .function = std::nullopt, .closed = true};
    EXPECT_EQ(chunk_filter({integer(), space},
                           Slices::parse(R"({"time": [0, 100], "device": [0, 7]})"),
                           {"public", "it's"}),
              R"("time" >= '0'::bigint AND "time" < '100'::bigint AND )"
              R"(tableoid = '"public"."it''s"'::regclass)");
}

TEST(ChunkFilter, IsEmptyWhereNoConditionOnTimeFindsTheChunk) {
    auto time = integer();
    time.function = "public.f";
    EXPECT_EQ(chunk_filter({time}, Slices::parse(R"({"time": [0, 100]})"), {"public", "chunk"}),
              std::nullopt);
    EXPECT_EQ(chunk_filter({open_dimension("time", "uuid")}, Slices::parse(R"({"time": [0, 100]})"),
                           {"public", "chunk"}),
              std::nullopt);
}

} // namespace
