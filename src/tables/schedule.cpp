#include "tables/schedule.hpp"

#include <algorithm>

namespace tables {

Schedule::Schedule(const Plan& plan)
    : plan_(plan), entries_(plan.units.size()), first_left_(plan.units.size()) {}

/// \pre locked
bool Schedule::is_ready(std::size_t unit) const {
    return entries_[unit].first == State::waiting &&
           std::ranges::all_of(plan_.units[unit].after, [&](std::size_t other) {
               return entries_[other].first == State::done;
           });
}

/// \pre locked
bool Schedule::is_ready_again(std::size_t unit) const {
    if (first_left_ > 0 || entries_[unit].second != State::waiting)
        return false;
    for (std::size_t other = 0; other < entries_.size(); ++other)
        if (entries_[other].second != State::done &&
            std::ranges::find(plan_.units[other].after, unit) != plan_.units[other].after.end())
            return false;
    return true;
}

std::optional<Visit> Schedule::take() {
    const std::lock_guard lock(mutex_);
    for (std::size_t unit = 0; unit < entries_.size(); ++unit)
        if (is_ready(unit)) {
            entries_[unit].first = State::in_progress;
            return Visit{.unit = unit};
        }
    for (std::size_t unit = 0; unit < entries_.size(); ++unit)
        if (is_ready_again(unit)) {
            entries_[unit].second = State::in_progress;
            return Visit{.unit = unit, .is_second = true, .before = entries_[unit].before};
        }
    return std::nullopt;
}

void Schedule::end(const Visit& visit, std::optional<std::vector<Mended>> again) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[visit.unit];
    if (visit.is_second) {
        entry.second = State::done;
        return;
    }
    entry.first = State::done;
    --first_left_;
    if (again) {
        entry.second = State::waiting;
        entry.before = std::move(*again);
    }
}

std::int64_t Schedule::ready() const {
    const std::lock_guard lock(mutex_);
    std::int64_t ready = 0;
    for (std::size_t unit = 0; unit < entries_.size(); ++unit)
        ready += is_ready(unit) || is_ready_again(unit) ? 1 : 0;
    return ready;
}

bool Schedule::is_done() const {
    const std::lock_guard lock(mutex_);
    return std::ranges::all_of(entries_, [](const Entry& entry) {
        return entry.first == State::done && entry.second == State::done;
    });
}

} // namespace tables
