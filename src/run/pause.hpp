#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

namespace run {

/// Whether the workers of a run must wait, because of the user or of a throttle. Shared by threads.
class Pause {
  public:
    using Clock = std::chrono::steady_clock;

    /// What a throttle stops.
    enum class Extent {
        nothing,
        new_work, ///< workers finish what they have begun
        rows,     ///< no rows are moved either
    };

    /// Sets whether the user has paused the run.
    void set(bool paused) { is_paused_ = paused; }
    bool is_set() const { return is_paused_; }

    /// Sets what a throttle stops. \param reason for people, as in "waiting: REASON".
    void throttle(Extent extent, std::string reason);

    /// True if workers must begin nothing new.
    bool is_on() const { return is_paused_ || extent_ != Extent::nothing; }

    /// True if workers must not move rows.
    bool stops_rows() const { return extent_ == Extent::rows; }

    /// Why and how long a throttle has stopped the run; empty if none does.
    std::string reason() const;

  private:
    std::atomic<bool> is_paused_ = false;
    std::atomic<Extent> extent_ = Extent::nothing;
    mutable std::mutex mutex_;
    std::string reason_;
    Clock::time_point since_;
};

} // namespace run
