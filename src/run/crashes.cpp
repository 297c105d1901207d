#include "run/crashes.hpp"

#include <fmt/format.h>

#include <chrono>

namespace run {

void Crashes::begin(std::int64_t task, const Servers& servers) {
    const std::lock_guard lock(mutex_);
    suspicions_[task].in_hand = servers;
}

void Crashes::end(std::int64_t task) {
    const std::lock_guard lock(mutex_);
    const auto found = suspicions_.find(task);
    if (found == suspicions_.end())
        return;
    found->second.in_hand.reset();
    if (found->second.crashes.empty())
        suspicions_.erase(found);
}

void Crashes::note_loss(std::int64_t task, const std::string& error) {
    const std::lock_guard lock(mutex_);
    if (const auto found = suspicions_.find(task); found != suspicions_.end())
        found->second.error = error;
}

/// Several workers may notice the same crash, so crashes are identified by the time since which the
/// server has statistics. The worker that had the task may notice the loss late, and the next one
/// may take the task just before the server ends all sessions.
const Crashes::Suspicion* Crashes::find_suspicion(std::int64_t task, const Servers& servers) {
    const auto found = suspicions_.find(task);
    if (found == suspicions_.end())
        return nullptr;
    auto& suspicion = found->second;
    if (!suspicion.in_hand)
        return &suspicion;
    const auto check_server = [&](const char* name, const timescale::Server& now,
                                  const timescale::Server& before) {
        if (!now.has_crashed_since(before))
            return;
        suspicion.crashes.insert(fmt::format("{} {}", name, before.statistics_since));
        suspicion.server = name;
    };
    check_server("source", servers.source, suspicion.in_hand->source);
    check_server("target", servers.target, suspicion.in_hand->target);
    return &suspicion;
}

bool Crashes::is_suspect(std::int64_t task, const Servers& servers) {
    const std::lock_guard lock(mutex_);
    const auto* suspicion = find_suspicion(task, servers);
    return suspicion != nullptr && !suspicion->crashes.empty();
}

std::optional<TaskError> Crashes::refusal(std::int64_t task, const Servers& servers) {
    const std::lock_guard lock(mutex_);
    const auto* suspicion = find_suspicion(task, servers);
    if (suspicion == nullptr || suspicion->crashes.size() < 2)
        return std::nullopt;
    return TaskError(
        fmt::format("the {} server has crashed twice while working on it, so it is not "
                    "tried again",
                    suspicion->server),
        fmt::format("see the server's log{}",
                    suspicion->error.empty() ? "" : fmt::format(" ({})", suspicion->error)));
}

Crashes::Turn::Turn(Crashes& crashes, bool alone, const std::function<void()>& check)
    : crashes_(crashes), alone_(alone) {
    begin(check);
}

void Crashes::Turn::become_alone(const std::function<void()>& check) {
    if (alone_)
        return;
    end();
    alone_ = true;
    begin(check);
}

void Crashes::Turn::begin(const std::function<void()>& check) {
    const auto may_begin = [&] {
        return !crashes_.alone_ && (alone_ ? crashes_.turns_ == 0 : crashes_.waiting_ == 0);
    };
    std::unique_lock lock(crashes_.mutex_);
    crashes_.waiting_ += alone_ ? 1 : 0;
    const auto leave = [&] {
        crashes_.waiting_ -= alone_ ? 1 : 0;
    };
    try {
        while (!crashes_.changed_.wait_for(lock, std::chrono::milliseconds(100), may_begin)) {
            lock.unlock();
            check();
            lock.lock();
        }
    } catch (...) {
        if (!lock.owns_lock())
            lock.lock();
        leave();
        crashes_.changed_.notify_all();
        throw;
    }
    leave();
    ++crashes_.turns_;
    crashes_.alone_ = alone_;
    has_begun_ = true;
}

void Crashes::Turn::end() {
    if (!has_begun_)
        return;
    const std::lock_guard lock(crashes_.mutex_);
    --crashes_.turns_;
    if (alone_)
        crashes_.alone_ = false;
    has_begun_ = false;
    crashes_.changed_.notify_all();
}

} // namespace run
