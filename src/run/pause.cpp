#include "run/pause.hpp"

#include "output/units.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace run {

using output::Seconds;

void Pause::set(bool paused) {
    const std::lock_guard lock(mutex_);
    if (is_paused_)
        waits_["pause"] += Seconds(Clock::now() - paused_since_).count();
    paused_since_ = Clock::now();
    is_paused_ = paused;
    show();
}

void Pause::show_on(output::Board& board) {
    const std::lock_guard lock(mutex_);
    board_ = &board;
    show();
}

/// \pre locked
void Pause::show() const {
    if (board_ == nullptr)
        return;
    std::vector<output::Board::Wait> waits;
    if (is_paused_)
        waits.push_back({.option = "pause", .reason = {}, .since = paused_since_});
    if (extent_ != Extent::nothing)
        waits.push_back({.option = option_, .reason = reason_, .limit = limit_, .since = since_});
    board_->set_waits(std::move(waits));
}

void Pause::throttle(Extent extent, const std::string& option, std::string reason,
                     std::optional<double> limit) {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (extent_ == Extent::nothing)
        since_ = now;
    else
        waits_[option_] += Seconds(now - option_since_).count();
    option_ = option;
    option_since_ = now;
    reason_ = std::move(reason);
    limit_ = limit;
    extent_ = extent;
    show();
}

std::string Pause::reason() const {
    const std::lock_guard lock(mutex_);
    if (extent_ == Extent::nothing)
        return {};
    return fmt::format("{}, for {}", reason_, output::format_duration(Clock::now() - since_));
}

std::map<std::string, double> Pause::waits() const {
    const std::lock_guard lock(mutex_);
    auto waits = waits_;
    const auto now = Clock::now();
    if (is_paused_)
        waits["pause"] += Seconds(now - paused_since_).count();
    if (extent_ != Extent::nothing)
        waits[option_] += Seconds(now - option_since_).count();
    return waits;
}

} // namespace run
