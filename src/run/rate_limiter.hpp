#pragma once

#include "run/stop.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace run {

/// Limits the bytes per second of all workers of a run together. Thread-safe.
class RateLimiter {
  public:
    /// \param bytes_per_second none for no limit.
    void set(std::optional<std::int64_t> bytes_per_second);

    /// True if bytes that are taken now have to wait.
    bool is_ahead();

    /// Takes bytes, and waits as long as the rate requires.
    /// \param has_begun false if nothing is lost when the work is given up: then any request to
    /// stop ends the wait. \throws Interrupted
    void take(std::int64_t bytes, const Stop& stop, bool has_begun = true);

  private:
    using Clock = std::chrono::steady_clock;

    std::mutex mutex_;
    std::optional<std::int64_t> rate_;
    Clock::time_point free_at_; ///< when the bytes taken so far are within the rate
};

} // namespace run
