#include "timescale/buckets.hpp"

#include <gtest/gtest.h>

namespace {

using timescale::Axis;
using timescale::Buckets;

constexpr std::int64_t one_second = 1'000'000;

TEST(Buckets, HaveRoundWidths) {
    const auto width = [](std::int64_t seconds) {
        return Buckets::over({0, seconds * one_second}, 60, Axis::timestamptz)
            .width_text(Axis::timestamptz);
    };
    EXPECT_EQ(width(1), "1 s");
    EXPECT_EQ(width(59), "1 s");
    EXPECT_EQ(width(60), "1 s");
    EXPECT_EQ(width(61), "2 s");
    EXPECT_EQ(width(3600), "1 min");
    EXPECT_EQ(width(24 * 3600), "30 min");
    EXPECT_EQ(width(30 * 24 * 3600), "12 h");
    EXPECT_EQ(width(3650 * 24 * 3600LL), "100 d");
}

TEST(Buckets, HaveRoundWidthsForIntegers) {
    EXPECT_EQ(Buckets::over({0, 59}, 60, Axis::integer).width, 1);
    EXPECT_EQ(Buckets::over({0, 100}, 60, Axis::integer).width, 2);
    EXPECT_EQ(Buckets::over({0, 10'000}, 60, Axis::integer).width, 200);
    EXPECT_EQ(Buckets::over({0, 10'000}, 60, Axis::integer).width_text(Axis::integer), "200");
}

TEST(Buckets, AreWholeDaysForDates) {
    EXPECT_EQ(Buckets::over({0, 3600 * one_second}, 60, Axis::date).width_text(Axis::date), "1 d");
}

TEST(Buckets, CoverTheRangeFromARoundNumber) {
    for (const std::int64_t from : {-1234567LL, -200LL, 0LL, 199LL, 987654LL})
        for (const std::int64_t length : {1LL, 59LL, 60LL, 61LL, 4321LL, 1000000LL}) {
            const auto buckets = Buckets::over({from, from + length}, 60, Axis::integer);
            EXPECT_LE(buckets.count, 60);
            EXPECT_EQ(buckets.begin % buckets.width, 0);
            EXPECT_LE(buckets.begin, from);
            EXPECT_GT(buckets.begin + buckets.width, from);
            const auto end = buckets.range(static_cast<std::size_t>(buckets.count) - 1).until;
            EXPECT_GE(end, from + length);
            EXPECT_LT(end - buckets.width, from + length);
        }
}

} // namespace
