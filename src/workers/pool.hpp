#pragma once

#include "workers/stop.hpp"

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace workers {

/// Threads that do the same work, more or fewer of them as somebody wants meanwhile. Thread-safe.
class Pool {
  public:
    /// \param body gets the worker's number, from 0. It is to return when keeps() is false for
    /// that, and may be called for the same number again later.
    Pool(Stop& stop, std::function<void(int)> body) : stop_(stop), body_(std::move(body)) {}

    /// Begins some workers, all or none, and waits until all have returned. When one throws, the
    /// others are told to stop after what they have in hand, and the first exception is thrown
    /// again at the end.
    /// \throws std::system_error, and calls body for none, when there cannot be that many threads.
    void run(int workers);

    /// Has so many workers from now on: begins further ones, or dismisses those of the highest
    /// numbers. One that is dismissed and has not returned yet cannot begin again: say it once more
    /// later. Has no effect before run(), and when all have returned.
    /// \param joins called for each that begins, before it does anything.
    /// \throws std::system_error when there cannot be a further thread.
    void resize(int workers, const std::function<void()>& joins);

    /// Whether a worker is to go on; otherwise it is dismissed.
    bool keeps(int number);

  private:
    enum class Phase { beginning, called_off, at_work, over };

    struct Worker {
        bool is_busy = false;
        bool is_dismissed = false;
    };

    void begin(int number);
    void work(int number);

    Stop& stop_;
    const std::function<void(int)> body_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Phase phase_ = Phase::beginning;
    int wanted_ = 0;
    int running_ = 0;
    std::vector<Worker> workers_; ///< by their numbers
    std::exception_ptr problem_;
    std::vector<std::jthread> threads_;
};

} // namespace workers
