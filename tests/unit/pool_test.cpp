#include "run/pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

namespace run {
namespace {

using namespace std::chrono_literals;

/// Waits until the condition is true, for ten seconds at most.
template <typename Condition>
bool eventually(const Condition& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i)
        std::this_thread::sleep_for(10ms);
    return condition();
}

/// A pool whose workers do nothing until they are dismissed or released.
class IdlePool {
  public:
    int at_work() const { return at_work_; }

    int joined() const { return joined_; }

    void release() {
        stop_.after_current(); // so that no others start in their place
        released_ = true;
    }

    Pool pool{stop_,
              [this](int number) {
                  ++at_work_;
                  while (pool.keeps(number) && !released_)
                      std::this_thread::sleep_for(1ms);
                  --at_work_;
              },
              [this] {
                  ++joined_;
              }};

  private:
    Stop stop_;
    std::atomic<int> joined_ = 0;
    std::atomic<int> at_work_ = 0;
    std::atomic<bool> released_ = false;
};

/// Asks for the maximum number of workers.
int all(int /*working*/) {
    return 1000;
}

TEST(Pool, NumbersItsWorkers) {
    Stop stop;
    std::mutex mutex;
    std::multiset<int> numbers;
    Pool pool(stop, [&](int number) {
        const std::lock_guard lock(mutex);
        numbers.insert(number);
    });
    pool.run(4, all);
    EXPECT_EQ(numbers, (std::multiset<int>{0, 1, 2, 3}));
}

TEST(Pool, HasAsManyWorkersAsNeededUpToTheMaximum) {
    std::atomic<int> wanted = 0;
    IdlePool idle;
    std::thread runner([&] { idle.pool.run(3, [&](int) { return wanted.load(); }); });
    EXPECT_TRUE(eventually([&] { return idle.at_work() == 1; })); // at least one
    wanted = 2;
    EXPECT_TRUE(eventually([&] { return idle.at_work() == 2; }));
    wanted = 10;
    EXPECT_TRUE(eventually([&] { return idle.at_work() == 3; }));
    EXPECT_EQ(idle.pool.size(), 3);
    EXPECT_EQ(idle.joined(), 3);
    idle.release();
    runner.join();
    EXPECT_EQ(idle.joined(), 3);
}

TEST(Pool, GrowsAndShrinksOnRequest) {
    IdlePool idle;
    std::thread runner([&] { idle.pool.run(2, all); });
    ASSERT_TRUE(eventually([&] { return idle.at_work() == 2; }));
    const auto resize = [&](int workers) {
        idle.pool.resize(workers);
        return eventually([&] { return idle.at_work() == workers; });
    };
    EXPECT_TRUE(resize(5));
    EXPECT_EQ(idle.joined(), 5);
    EXPECT_TRUE(resize(1));
    EXPECT_TRUE(resize(3)); // including those that were dismissed
    EXPECT_EQ(idle.joined(), 7);
    idle.release();
    runner.join();
    EXPECT_EQ(idle.at_work(), 0);
}

TEST(Pool, DoesNotRestartAWorkerThatFoundNothing) {
    Stop stop;
    std::atomic<int> calls = 0;
    std::atomic<int> asked = 0;
    Pool pool(stop, [&](int number) {
        ++calls;
        while (number == 0 && asked < 5)
            std::this_thread::sleep_for(1ms);
    });
    pool.run(2, [&](int) {
        ++asked;
        return 2;
    });
    EXPECT_EQ(calls, 2);
}

TEST(Pool, StopsAllWorkersWhenOneFails) {
    Stop stop;
    Pool pool(stop, [&](int number) {
        if (number == 1)
            throw std::runtime_error("broken");
        while (!stop.is_requested())
            std::this_thread::sleep_for(1ms);
    });
    EXPECT_THROW(pool.run(3, all), std::runtime_error);
}

TEST(Pool, StartsNoWorkersAfterAStop) {
    Stop stop;
    std::atomic<int> calls = 0;
    std::atomic<int> asked = 0;
    Pool pool(stop, [&](int /*number*/) {
        ++calls;
        std::this_thread::sleep_for(200ms); // long enough for several requests
    });
    stop.after_current();
    pool.run(3, [&](int working) {
        ++asked;
        return working + 1;
    });
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(asked, 1);
}

} // namespace
} // namespace run
