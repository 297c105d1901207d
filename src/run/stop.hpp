#pragma once

#include "postgres/error.hpp"

#include <atomic>
#include <chrono>

namespace run {

/// What the user, or a worker that cannot go on, wants of all workers. Shared by threads.
class Stop {
  public:
    /// Finish what is in hand, then stop.
    void after_current() { raise(Level::after_current); }

    /// Roll back, and stop.
    void now() { raise(Level::now); }

    bool is_requested() const { return level_.load() != Level::none; }
    bool is_immediate() const { return level_.load() == Level::now; }

    /// \throws Interrupted when it is to be now.
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
