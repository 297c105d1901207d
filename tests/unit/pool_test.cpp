#include "workers/pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

namespace workers {
namespace {

using namespace std::chrono_literals;

/// Waits until it is true, for ten seconds at most.
template <typename Condition>
bool eventually(const Condition& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i)
        std::this_thread::sleep_for(10ms);
    return condition();
}

/// A pool whose workers do nothing but stay until they are dismissed or let go.
class IdlePool {
  public:
    int at_work() const { return at_work_; }

    void let_go() { let_go_ = true; }

    Pool pool{stop_, [this](int number) {
                  ++at_work_;
                  while (pool.keeps(number) && !let_go_)
                      std::this_thread::sleep_for(1ms);
                  --at_work_;
              }};

  private:
    Stop stop_;
    std::atomic<int> at_work_ = 0;
    std::atomic<bool> let_go_ = false;
};

TEST(Pool, EachWorkerHasItsNumber) {
    Stop stop;
    std::mutex mutex;
    std::multiset<int> numbers;
    Pool pool(stop, [&](int number) {
        const std::lock_guard lock(mutex);
        numbers.insert(number);
    });
    pool.run(4);
    EXPECT_EQ(numbers, (std::multiset<int>{0, 1, 2, 3}));
}

TEST(Pool, GrowsAndShrinks) {
    IdlePool idle;
    std::thread runner([&] { idle.pool.run(2); });
    ASSERT_TRUE(eventually([&] { return idle.at_work() == 2; }));
    int joined = 0;
    const auto resize = [&](int workers) {
        return eventually([&] {
            idle.pool.resize(workers, [&] { ++joined; });
            return idle.at_work() == workers;
        });
    };
    EXPECT_TRUE(resize(5));
    EXPECT_EQ(joined, 3);
    EXPECT_TRUE(resize(1));
    EXPECT_TRUE(resize(3)); // also those that were dismissed
    EXPECT_EQ(joined, 5);
    idle.let_go();
    runner.join();
    EXPECT_EQ(idle.at_work(), 0);
}

TEST(Pool, WhoHasFoundNothingLeftToDoIsNotCalledAgain) {
    Stop stop;
    std::atomic<int> calls = 0;
    std::atomic<bool> let_go = false;
    Pool pool(stop, [&](int number) {
        ++calls;
        while (number == 0 && !let_go)
            std::this_thread::sleep_for(1ms);
    });
    std::thread runner([&] { pool.run(2); });
    ASSERT_TRUE(eventually([&] { return calls == 2; }));
    for (int i = 0; i < 20; ++i) {
        pool.resize(2, [] {});
        std::this_thread::sleep_for(1ms);
    }
    let_go = true;
    runner.join();
    EXPECT_EQ(calls, 2);
}

TEST(Pool, StopsTheOthersWhenOneFails) {
    Stop stop;
    Pool pool(stop, [&](int number) {
        if (number == 1)
            throw std::runtime_error("broken");
        while (!stop.is_requested())
            std::this_thread::sleep_for(1ms);
    });
    EXPECT_THROW(pool.run(3), std::runtime_error);
}

TEST(Pool, ResizingWhenAllIsOverDoesNothing) {
    Stop stop;
    std::atomic<int> calls = 0;
    Pool pool(stop, [&](int /*number*/) { ++calls; });
    pool.resize(3, [] {});
    pool.run(1);
    pool.resize(3, [] {});
    EXPECT_EQ(calls, 1);
}

} // namespace
} // namespace workers
