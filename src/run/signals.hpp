#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace run {

/**
 * Calls a function for each SIGINT or SIGTERM that the process gets while this object lives, on a
 * thread of its own, so that the function may do anything.
 *
 * Make it before any other thread: they inherit that these signals are blocked.
 */
class SignalWatch {
  public:
    /// \param on_signal gets how many signals have come, from 1.
    explicit SignalWatch(std::function<void(int)> on_signal);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    /// How many signals have come.
    int count() const { return count_.load(); }

  private:
    std::function<void(int)> on_signal_;
    std::atomic<int> count_ = 0;
    std::jthread thread_;
};

} // namespace run
