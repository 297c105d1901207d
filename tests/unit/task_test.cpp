#include "postgres/error.hpp"
#include "queue/task.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using queue::parse_ranges;
using queue::parse_slices;

TEST(ParseRanges, ReadsRangesOfAllIntegers) {
    const auto ranges = parse_ranges("[[-9223372036854775808, -5], [0, 9223372036854775807]]");
    ASSERT_EQ(ranges.size(), 2);
    EXPECT_EQ(ranges[0].from, std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(ranges[0].until, -5);
    EXPECT_EQ(ranges[1].until, std::numeric_limits<std::int64_t>::max());
}

TEST(ParseRanges, RefusesInvalidText) {
    for (const auto* json : {"", "null", "[]", "{}", "[1]", "[[1]]", "[[1, 2, 3]]", "[[null, 2]]",
                             "[[1.5, 2]]", "[[\"1\", 2]]", "[[1, 9223372036854775808]]", "[[1, 2"})
        EXPECT_THROW(parse_ranges(json), TaskError) << json;
}

TEST(ParseSlices, ReadsASliceForEachDimension) {
    const auto slices = parse_slices(R"({"time": [0, 5], "my \"device\"": [-1, 1]})");
    ASSERT_NE(slices.find("time"), nullptr);
    EXPECT_EQ(*slices.find("time"), (timescale::TimeRange{0, 5}));
    ASSERT_NE(slices.find("my \"device\""), nullptr);
    EXPECT_EQ(*slices.find("my \"device\""), (timescale::TimeRange{-1, 1}));
    EXPECT_EQ(slices.find("device"), nullptr);
    EXPECT_EQ(parse_slices(slices.text()), slices);
}

TEST(Slices, AreEqualInAnyOrder) {
    EXPECT_EQ(parse_slices(R"({"a": [0, 5], "b": [1, 2]})"),
              parse_slices(R"({"b": [1, 2], "a": [0, 5]})"));
    EXPECT_NE(parse_slices(R"({"a": [0, 5]})"), parse_slices(R"({"a": [0, 5], "b": [1, 2]})"));
}

TEST(Slices, OverlapIfTheyOverlapInEachDimension) {
    const auto slices = parse_slices(R"({"time": [0, 5], "device": [0, 10]})");
    EXPECT_TRUE(slices.overlap(parse_slices(R"({"time": [4, 8], "device": [9, 11]})")));
    EXPECT_TRUE(slices.overlap(parse_slices(R"({"time": [4, 8]})")));
    EXPECT_FALSE(slices.overlap(parse_slices(R"({"time": [5, 8], "device": [9, 11]})")));
    EXPECT_FALSE(slices.overlap(parse_slices(R"({"time": [4, 8], "device": [10, 11]})")));
}

TEST(ParseSlices, RefusesInvalidText) {
    for (const auto* json : {"", "null", "{}", "[]", R"({"time": 1})", R"({"time": [1]})",
                             R"({"time": ["a", "b"]})", R"({"time": [1, 18446744073709551615]})"})
        EXPECT_THROW(parse_slices(json), TaskError) << json;
}

} // namespace
