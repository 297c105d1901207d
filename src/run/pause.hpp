#pragma once

#include <atomic>

namespace run {

/// Whether the workers of a run are to begin nothing new for now. Shared by threads.
class Pause {
  public:
    void set(bool paused) { paused_ = paused; }
    bool is_on() const { return paused_; }

  private:
    std::atomic<bool> paused_ = false;
};

} // namespace run
