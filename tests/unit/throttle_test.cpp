#include "run/throttle.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace run {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

TEST(Throttle, LimitsTheRateOfAllWorkersTogether) {
    Throttle throttle;
    throttle.set(1'000'000);
    const Stop stop;
    const auto start = Clock::now();
    {
        std::vector<std::jthread> workers;
        for (int worker = 0; worker < 4; ++worker)
            workers.emplace_back([&] {
                for (int i = 0; i < 10; ++i)
                    throttle.take(10'000, stop);
            });
    }
    // 400,000 bytes; the throttle does not wait for the last ones.
    EXPECT_GE(Clock::now() - start, milliseconds(385));
}

TEST(Throttle, DoesNotWaitWithoutALimit) {
    Throttle throttle;
    throttle.set(1);
    throttle.set(std::nullopt);
    const Stop stop;
    const auto start = Clock::now();
    throttle.take(1'000'000'000, stop);
    throttle.take(1'000'000'000, stop);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(60));
}

TEST(Throttle, EndsTheWaitOnAStop) {
    Throttle throttle;
    throttle.set(1);
    Stop stop;
    throttle.take(1'000'000, stop);
    std::jthread stopper([&] {
        std::this_thread::sleep_for(milliseconds(20));
        stop.now();
    });
    EXPECT_THROW(throttle.take(1, stop), Interrupted);
}

} // namespace
} // namespace run
