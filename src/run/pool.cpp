#include "run/pool.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <system_error>

namespace run {

namespace {

/// How often run() asks for the number of workers that are wanted.
constexpr std::chrono::milliseconds interval{50};

} // namespace

void Pool::run(int most, const std::function<int(int working)>& wanted) {
    {
        std::unique_lock lock(mutex_);
        if (!is_resized_)
            most_ = most;
        try {
            begin_first(std::clamp(wanted(0), 1, std::max(most_, 1)));
        } catch (...) {
            phase_ = Phase::called_off;
            changed_.notify_all();
            lock.unlock();
            threads_.clear();
            throw;
        }
        while (!changed_.wait_for(lock, interval, [&] { return running_ == 0; }))
            if (!stop_.is_requested())
                grow(wanted(running_));
    }
    threads_.clear();
    if (problem_)
        std::rethrow_exception(problem_);
}

/// \pre locked
void Pool::begin_first(int workers) {
    for (int number = 0; number < workers; ++number)
        begin(number);
    phase_ = Phase::at_work;
    changed_.notify_all();
}

/// Begins the missing workers. A worker that returned without having been dismissed found nothing
/// left to do, and is not started again.
/// \pre locked
void Pool::grow(int workers) {
    for (int number = 0; number < most_ && running_ < workers && !is_full_; ++number) {
        const auto index = static_cast<std::size_t>(number);
        if (index < workers_.size() && (workers_[index].is_busy || !workers_[index].is_dismissed))
            continue;
        try {
            begin(number);
        } catch (const std::system_error& error) {
            spdlog::warn("cannot start more than {} workers: {}", running_, error.what());
            is_full_ = true;
        }
    }
}

/// \pre locked
void Pool::begin(int number) {
    const auto index = static_cast<std::size_t>(number);
    if (workers_.size() <= index)
        workers_.resize(index + 1);
    threads_.emplace_back([this, number] { work(number); });
    workers_[index] = {.is_busy = true, .is_dismissed = false};
    ++running_;
    joins_(); // the thread waits for our lock
}

void Pool::work(int number) {
    {
        // Either all of the first workers begin or none, because they may wait for each other.
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return phase_ != Phase::beginning; });
        if (phase_ == Phase::called_off)
            return;
    }
    std::exception_ptr problem;
    try {
        body_(number);
    } catch (...) {
        problem = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    if (problem) {
        if (!problem_)
            problem_ = problem;
        stop_.after_current(); // then others may be interrupted, which is not the problem
    }
    workers_[static_cast<std::size_t>(number)].is_busy = false;
    --running_;
    changed_.notify_all();
}

void Pool::resize(int most) {
    const std::lock_guard lock(mutex_);
    most_ = most;
    is_resized_ = true;
}

int Pool::size() {
    const std::lock_guard lock(mutex_);
    return running_;
}

bool Pool::keeps(int number) {
    const std::lock_guard lock(mutex_);
    if (number < most_)
        return true;
    workers_[static_cast<std::size_t>(number)].is_dismissed = true;
    return false;
}

} // namespace run
