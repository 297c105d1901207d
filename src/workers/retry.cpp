#include "workers/retry.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

namespace workers {

void wait_before_retry(const Stop& stop, int attempts) {
    using std::chrono::milliseconds;
    thread_local std::minstd_rand random{std::random_device{}()};
    const auto longest = std::min(100 << attempts, 5000);
    auto left = milliseconds(std::uniform_int_distribution(longest / 2, longest)(random));
    constexpr milliseconds nap{50};
    for (; left > milliseconds::zero(); left -= nap) {
        stop.check();
        std::this_thread::sleep_for(std::min(left, nap));
    }
}

} // namespace workers
