#pragma once

#include <atomic>

namespace run {

/// A flag: while it is set, the workers of a run begin nothing new. Shared by threads.
class Pause {
  public:
    void set(bool paused) { paused_ = paused; }
    bool is_on() const { return paused_; }

  private:
    std::atomic<bool> paused_ = false;
};

} // namespace run
