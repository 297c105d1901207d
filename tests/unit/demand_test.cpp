#include "run/demand.hpp"

#include <gtest/gtest.h>

namespace run {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t mebibyte = 1024 * 1024;
const Demand::Clock::time_point start;

TEST(Demand, IsOneForASmallRun) {
    Demand demand(5 * mebibyte, start);
    EXPECT_EQ(demand.wanted(0, 7, start), 1);
    EXPECT_EQ(demand.wanted(1, 6, start + 400ms), 1);
}

TEST(Demand, IncreasesByOneForEach16MiB) {
    EXPECT_EQ(Demand(16 * mebibyte - 1, start).wanted(0, 100, start), 1);
    EXPECT_EQ(Demand(16 * mebibyte, start).wanted(0, 100, start), 2);
    EXPECT_EQ(Demand(100 * mebibyte, start).wanted(0, 100, start), 7);
}

TEST(Demand, DoesNotExceedTheNumberOfChunks) {
    Demand demand(1000 * mebibyte, start);
    EXPECT_EQ(demand.wanted(0, 3, start), 3);
    EXPECT_EQ(demand.wanted(3, 0, start + 1h), 3);
    EXPECT_EQ(demand.wanted(2, 1, start), 3);
}

TEST(Demand, GrowsWhenMoreWorkAppears) {
    Demand demand(5 * mebibyte, start);
    EXPECT_EQ(demand.wanted(0, 7, start), 1);
    demand.note(50 * mebibyte);
    EXPECT_EQ(demand.wanted(1, 20, start), 4);
}

TEST(Demand, DoesNotShrinkWhenLessIsLeft) {
    Demand demand(100 * mebibyte, start);
    demand.note(mebibyte);
    EXPECT_EQ(demand.wanted(5, 2, start), 5);
}

TEST(Demand, GrowsEachHalfSecondForSlowWork) {
    Demand demand(mebibyte, start);
    EXPECT_EQ(demand.wanted(0, 100, start), 1);
    EXPECT_EQ(demand.wanted(1, 99, start + 499ms), 1);
    EXPECT_EQ(demand.wanted(1, 99, start + 500ms), 2);
    EXPECT_EQ(demand.wanted(2, 98, start + 900ms), 2);
    EXPECT_EQ(demand.wanted(2, 98, start + 1000ms), 3);
}

} // namespace
} // namespace run
