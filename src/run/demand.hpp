#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace run {

/**
 * How many workers a run's work is worth. Each costs some tenth of a second of the servers' time
 * before it does anything, so a small run has one. Thread-safe.
 *
 * There is one for each 16 MiB that there are to do. And one more after each half second in which
 * something is left that nobody has in hand: where it is slow for other reasons than its size, such
 * as a distant server.
 */
class Demand {
  public:
    using Clock = std::chrono::steady_clock;

    /// What one worker does in about the time that it takes to begin: half a second.
    static constexpr std::int64_t bytes_of_one = std::int64_t{16} * 1024 * 1024;
    static constexpr std::chrono::milliseconds patience{500};

    /// \param bytes that there are to do.
    explicit Demand(std::int64_t bytes, Clock::time_point now = Clock::now())
        : bytes_(bytes), since_(now) {}

    /// There are so many bytes to do now.
    void note(std::int64_t bytes);

    /// \param working how many workers there are.
    /// \param left how many pieces of work nobody has in hand, as far as it is known.
    /// \returns how many are wanted, no fewer than there are.
    int wanted(int working, std::int64_t left, Clock::time_point now = Clock::now());

  private:
    std::mutex mutex_;
    std::int64_t bytes_;
    Clock::time_point since_; ///< when a worker was last wanted
};

} // namespace run
