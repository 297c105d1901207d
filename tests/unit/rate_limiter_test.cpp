#include "run/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace run {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

TEST(RateLimiter, LimitsTheRateOfAllWorkersTogether) {
    RateLimiter limiter;
    limiter.set(1'000'000);
    const Stop stop;
    const auto start = Clock::now();
    {
        std::vector<std::jthread> workers;
        for (int worker = 0; worker < 4; ++worker)
            workers.emplace_back([&] {
                for (int i = 0; i < 10; ++i)
                    limiter.take(10'000, stop);
            });
    }
    // 400,000 bytes; the limiter does not wait for the last ones.
    EXPECT_GE(Clock::now() - start, milliseconds(385));
}

TEST(RateLimiter, DoesNotWaitWithoutALimit) {
    RateLimiter limiter;
    limiter.set(1);
    limiter.set(std::nullopt);
    const Stop stop;
    const auto start = Clock::now();
    limiter.take(1'000'000'000, stop);
    limiter.take(1'000'000'000, stop);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(60));
}

TEST(RateLimiter, EndsTheWaitOnAStop) {
    RateLimiter limiter;
    limiter.set(1);
    Stop stop;
    limiter.take(1'000'000, stop);
    std::jthread stopper([&] {
        std::this_thread::sleep_for(milliseconds(20));
        stop.now();
    });
    EXPECT_THROW(limiter.take(1, stop), Interrupted);
}

} // namespace
} // namespace run
