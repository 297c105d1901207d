#include "workers/pool.hpp"

namespace workers {

void Pool::run(int workers) {
    {
        std::unique_lock lock(mutex_);
        wanted_ = workers;
        try {
            for (int number = 0; number < workers; ++number)
                begin(number);
            phase_ = Phase::at_work;
        } catch (...) {
            phase_ = Phase::called_off;
            changed_.notify_all();
            lock.unlock();
            threads_.clear();
            throw;
        }
        changed_.notify_all();
        changed_.wait(lock, [&] { return running_ == 0; });
        phase_ = Phase::over;
    }
    threads_.clear();
    if (problem_)
        std::rethrow_exception(problem_);
}

/// \pre locked
void Pool::begin(int number) {
    const auto index = static_cast<std::size_t>(number);
    if (workers_.size() <= index)
        workers_.resize(index + 1);
    threads_.emplace_back([this, number] { work(number); });
    workers_[index] = {.is_busy = true, .is_dismissed = false};
    ++running_;
}

void Pool::work(int number) {
    {
        // All begin, or none: they may wait for each other.
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
        stop_.after_current();
    }
    const std::lock_guard lock(mutex_);
    if (problem && !problem_)
        problem_ = problem;
    workers_[static_cast<std::size_t>(number)].is_busy = false;
    --running_;
    changed_.notify_all();
}

void Pool::resize(int workers, const std::function<void()>& joins) {
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::at_work || running_ == 0)
        return;
    for (int number = 0; number < workers; ++number) {
        const auto index = static_cast<std::size_t>(number);
        const bool is_new = index >= workers_.size();
        // Who returned without having been dismissed has found nothing left to do.
        if (!is_new && (workers_[index].is_busy || !workers_[index].is_dismissed))
            continue;
        begin(number);
        joins(); // it waits for our lock
    }
    wanted_ = workers;
}

bool Pool::keeps(int number) {
    const std::lock_guard lock(mutex_);
    if (number < wanted_)
        return true;
    workers_[static_cast<std::size_t>(number)].is_dismissed = true;
    return false;
}

} // namespace workers
