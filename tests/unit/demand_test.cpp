#include "run/demand.hpp"

#include <gtest/gtest.h>

namespace run {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t mebibyte = 1024 * 1024;
const Demand::Clock::time_point begun;

TEST(Demand, IsOneForASmallRun) {
    Demand demand(5 * mebibyte, begun);
    EXPECT_EQ(demand.wanted(0, 7, begun), 1);
    EXPECT_EQ(demand.wanted(1, 6, begun + 400ms), 1);
}

TEST(Demand, IncreasesByOneForEach16MiB) {
    EXPECT_EQ(Demand(16 * mebibyte - 1, begun).wanted(0, 100, begun), 1);
    EXPECT_EQ(Demand(16 * mebibyte, begun).wanted(0, 100, begun), 2);
    EXPECT_EQ(Demand(100 * mebibyte, begun).wanted(0, 100, begun), 7);
}

TEST(Demand, HasNoMoreThanThereAreChunks) {
    Demand demand(1000 * mebibyte, begun);
    EXPECT_EQ(demand.wanted(0, 3, begun), 3);
    EXPECT_EQ(demand.wanted(3, 0, begun + 1h), 3);
    EXPECT_EQ(demand.wanted(2, 1, begun), 3);
}

TEST(Demand, GrowsWhenMoreWorkAppears) {
    Demand demand(5 * mebibyte, begun);
    EXPECT_EQ(demand.wanted(0, 7, begun), 1);
    demand.note(50 * mebibyte);
    EXPECT_EQ(demand.wanted(1, 20, begun), 4);
}

TEST(Demand, DoesNotShrinkWhenLessIsLeft) {
    Demand demand(100 * mebibyte, begun);
    demand.note(mebibyte);
    EXPECT_EQ(demand.wanted(5, 2, begun), 5);
}

TEST(Demand, GrowsEachHalfSecondForSlowWork) {
    Demand demand(mebibyte, begun);
    EXPECT_EQ(demand.wanted(0, 100, begun), 1);
    EXPECT_EQ(demand.wanted(1, 99, begun + 499ms), 1);
    EXPECT_EQ(demand.wanted(1, 99, begun + 500ms), 2);
    EXPECT_EQ(demand.wanted(2, 98, begun + 900ms), 2);
    EXPECT_EQ(demand.wanted(2, 98, begun + 1000ms), 3);
}

} // namespace
} // namespace run
