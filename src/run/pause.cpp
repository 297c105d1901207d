#include "run/pause.hpp"

#include "output/units.hpp"

#include <fmt/format.h>

#include <utility>

namespace run {

void Pause::throttle(Extent extent, std::string reason) {
    const std::lock_guard lock(mutex_);
    if (extent_ == Extent::nothing)
        since_ = Clock::now();
    reason_ = std::move(reason);
    extent_ = extent;
}

std::string Pause::reason() const {
    const std::lock_guard lock(mutex_);
    if (extent_ == Extent::nothing)
        return {};
    return fmt::format("{}, for {}", reason_, output::format_duration(Clock::now() - since_));
}

} // namespace run
