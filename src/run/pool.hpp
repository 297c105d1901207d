#pragma once

#include "run/stop.hpp"

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace run {

/// Threads that do the same work. Their number grows with demand, up to a maximum that can be
/// changed meanwhile. Thread-safe.
class Pool {
  public:
    /// \param body gets the worker's number, from 0. It must return when keeps() is false for
    /// that number, and may be called for the same number again later.
    /// \param joins called for each worker that begins, before its body.
    Pool(
        Stop& stop, std::function<void(int)> body, std::function<void()> joins = [] {})
        : stop_(stop), body_(std::move(body)), joins_(std::move(joins)) {}

    /// Begins the first workers, adds others later, and waits until all have returned. If one
    /// throws, the others are told to stop after their current work, and the first exception is
    /// rethrown at the end. \param most the maximum number of workers, until resize() changes it.
    /// \param wanted called repeatedly; gets the number of workers and returns the number that is
    /// wanted. The pool begins with at least one worker. \throws std::system_error if the first
    /// threads cannot all be created; body is not called then.
    void run(int most, const std::function<int(int working)>& wanted);

    /// Changes the maximum number of workers. Those with the highest numbers are dismissed. A
    /// dismissed worker can begin again after it has returned.
    void resize(int most);

    /// The number of workers.
    int size();

    /// True if a worker may continue; otherwise it is dismissed.
    bool keeps(int number);

  private:
    enum class Phase { beginning, called_off, at_work };

    struct WorkerState {
        bool is_busy = false;
        bool is_dismissed = false;
    };

    void begin_first(int workers);
    void grow(int workers);
    void begin(int number);
    void work(int number);

    Stop& stop_;
    const std::function<void(int)> body_;
    const std::function<void()> joins_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Phase phase_ = Phase::beginning;
    int most_ = 0;
    bool is_resized_ = false; ///< resize() was called, perhaps before run()
    bool is_full_ = false;    ///< no further thread could be created
    int running_ = 0;
    std::vector<WorkerState> workers_; ///< by number
    std::exception_ptr problem_;
    std::vector<std::jthread> threads_;
};

} // namespace run
