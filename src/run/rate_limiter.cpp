#include "run/rate_limiter.hpp"

#include <algorithm>
#include <thread>

namespace run {

void RateLimiter::set(std::optional<std::int64_t> bytes_per_second) {
    const std::lock_guard lock(mutex_);
    rate_ = bytes_per_second;
    free_at_ = std::min(free_at_, Clock::now());
}

bool RateLimiter::is_ahead() {
    const std::lock_guard lock(mutex_);
    return rate_ && free_at_ > Clock::now();
}

void RateLimiter::take(std::int64_t bytes, const Stop& stop, bool has_begun) {
    using namespace std::chrono;
    stop.check();
    const auto due = [&]() -> std::optional<Clock::time_point> {
        const std::lock_guard lock(mutex_);
        if (!rate_)
            return std::nullopt;
        const duration<double> takes(static_cast<double>(bytes) / static_cast<double>(*rate_));
        const auto begin = std::max(free_at_, Clock::now());
        free_at_ = begin + duration_cast<Clock::duration>(takes);
        return begin;
    }();
    if (!due)
        return;
    for (auto now = Clock::now(); now < *due; now = Clock::now()) {
        stop.check();
        if (!has_begun && stop.is_requested())
            throw Interrupted();
        std::this_thread::sleep_for(std::min<Clock::duration>(*due - now, milliseconds(100)));
    }
}

} // namespace run
