#include "postgres/error.hpp"
#include "tasks/task.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace {

using tasks::check_slices;
using tasks::parse_ranges;

TEST(ParseRanges, ReadsRangesOfAllIntegers) {
    const auto ranges = parse_ranges("[[-9223372036854775808, -5], [0, 9223372036854775807]]");
    ASSERT_EQ(ranges.size(), 2);
    EXPECT_EQ(ranges[0].from, std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(ranges[0].until, -5);
    EXPECT_EQ(ranges[1].until, std::numeric_limits<std::int64_t>::max());
}

TEST(ParseRanges, RefusesWhatIsNoListOfRanges) {
    for (const auto* json : {"", "null", "[]", "{}", "[1]", "[[1]]", "[[1, 2, 3]]", "[[null, 2]]",
                             "[[1.5, 2]]", "[[\"1\", 2]]", "[[1, 9223372036854775808]]", "[[1, 2"})
        EXPECT_THROW(parse_ranges(json), TaskError) << json;
}

TEST(CheckSlices, TakesASliceForEachDimension) {
    EXPECT_NO_THROW(check_slices(R"({"time": [0, 5], "my \"device\"": [-1, 1]})"));
}

TEST(CheckSlices, RefusesWhatIsNoSlices) {
    for (const auto* json : {"", "null", "{}", "[]", R"({"time": 1})", R"({"time": [1]})",
                             R"({"time": ["a", "b"]})", R"({"time": [1, 18446744073709551615]})"})
        EXPECT_THROW(check_slices(json), TaskError) << json;
}

} // namespace
