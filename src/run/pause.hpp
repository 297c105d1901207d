#pragma once

#include "output/board.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
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
    void set(bool paused);
    bool is_set() const { return is_paused_; }

    /// Sets what a throttle stops. \param option such as "--max-lag", for waits().
    /// \param reason for people, as in "waiting: REASON". \param limit that is exceeded.
    void throttle(Extent extent, const std::string& option, std::string reason,
                  std::optional<double> limit = std::nullopt);

    /// Shows on a board, from now on, what the run waits for. \param board must outlive the
    /// changes.
    void show_on(output::Board& board);

    /// True if workers must begin nothing new.
    bool is_on() const { return is_paused_ || extent_ != Extent::nothing; }

    /// True if workers must not move rows.
    bool stops_rows() const { return extent_ == Extent::rows; }

    /// Why and how long a throttle has stopped the run; empty if none does.
    std::string reason() const;

    /// For how many seconds the run has waited until now, by the option of the throttle; for the
    /// user, by "pause".
    std::map<std::string, double> waits() const;

  private:
    void show() const;

    std::atomic<bool> is_paused_ = false;
    std::atomic<Extent> extent_ = Extent::nothing;
    mutable std::mutex mutex_; ///< locked for the others
    std::string option_;
    Clock::time_point option_since_; ///< when the throttle stopped the run because of option_
    std::string reason_;
    std::optional<double> limit_;
    Clock::time_point since_; ///< when the throttle stopped the run
    Clock::time_point paused_since_;
    std::map<std::string, double> waits_; ///< that have ended
    output::Board* board_ = nullptr;
};

} // namespace run
