#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace run {

/**
 * Calls a function for each SIGINT or SIGTERM that the process gets while this object lives. The
 * function runs on a thread of its own, so it need not be async-signal-safe.
 *
 * Construct it before any other thread, because threads inherit the mask that blocks these signals.
 */
class SignalWatch {
  public:
    /// \param on_signal gets the number of signals so far, from 1.
    explicit SignalWatch(std::function<void(int)> on_signal);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    /// The number of signals so far.
    int count() const { return count_.load(); }

  private:
    std::function<void(int)> on_signal_;
    std::atomic<int> count_ = 0;
    std::jthread thread_;
};

} // namespace run
