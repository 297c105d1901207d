#include "run/demand.hpp"

#include <algorithm>

namespace run {

void Demand::note(std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_ = bytes;
}

int Demand::wanted(int working, std::int64_t left, Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (left <= 0)
        return working;
    auto wanted = std::max<std::int64_t>(working, 1 + bytes_ / bytes_of_one);
    if (wanted == working && now - since_ >= patience)
        ++wanted;
    wanted = std::min({wanted, working + left, std::int64_t{1'000'000}});
    if (wanted > working)
        since_ = now;
    return static_cast<int>(wanted);
}

} // namespace run
