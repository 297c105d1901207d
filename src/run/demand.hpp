#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace run {

/**
 * Decides how many workers a run should have. Each worker costs the servers some hundredths of a
 * second before it does anything, so a small run has one. Thread-safe.
 *
 * There is one worker, and one more for each 16 MiB of work. Another one is added after each half
 * second in which unclaimed work is left, because work may be slow for other reasons than its size,
 * such as a distant server.
 */
class Demand {
  public:
    using Clock = std::chrono::steady_clock;

    /// Bytes that one worker copies in about half a second.
    static constexpr std::int64_t bytes_of_one = std::int64_t{16} * 1024 * 1024;
    static constexpr std::chrono::milliseconds patience{500};

    /// \param bytes the bytes to do.
    explicit Demand(std::int64_t bytes, Clock::time_point now = Clock::now())
        : bytes_(bytes), since_(now) {}

    /// Updates the number of bytes to do.
    void note(std::int64_t bytes);

    /// \param working the number of workers now.
    /// \param left the number of unclaimed work items, as far as it is known.
    /// \returns the number of workers that are wanted, at least `working`.
    int wanted(int working, std::int64_t left, Clock::time_point now = Clock::now());

  private:
    std::mutex mutex_;
    std::int64_t bytes_;
    Clock::time_point since_; ///< when a worker was last wanted
};

} // namespace run
