#pragma once

#include "postgres/error.hpp"

#include <atomic>
#include <chrono>

namespace run {

/// A request, by the user or by a worker that failed, to stop all workers. Shared by threads.
class Stop {
  public:
    /// Asks workers to finish their current work, then stop.
    void after_current() { raise(Level::after_current); }

    /// Asks workers to roll back and stop.
    void now() { raise(Level::now); }

    bool is_requested() const { return level_.load() != Level::none; }
    bool is_immediate() const { return level_.load() == Level::now; }

    /// \throws Interrupted if now() was called.
    void check() const {
        if (is_immediate())
            throw Interrupted();
    }

  private:
    enum class Level { none, after_current, now };

    void raise(Level level) {
        auto current = level_.load();
        while (current < level && !level_.compare_exchange_weak(current, level)) {
        }
    }

    std::atomic<Level> level_ = Level::none;
};

} // namespace run
