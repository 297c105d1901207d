#pragma once

#include "run/stop.hpp"

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace run {

/// Threads that do the same work: as many as that is worth, which shows as it goes on, and no more
/// than somebody wants meanwhile. Thread-safe.
class Pool {
  public:
    /// \param body gets the worker's number, from 0. It is to return when keeps() is false for
    /// that, and may be called for the same number again later.
    /// \param joins called for each that begins, before it does anything.
    Pool(
        Stop& stop, std::function<void(int)> body, std::function<void()> joins = [] {})
        : stop_(stop), body_(std::move(body)), joins_(std::move(joins)) {}

    /// Begins some workers, all or none, further ones later, and waits until all have returned.
    /// When one throws, the others are told to stop after what they have in hand, and the first
    /// exception is thrown again at the end. \param most that there may be, until resize() says
    /// otherwise. \param wanted is told how many there are, and returns how many are wanted; asked
    /// again and again. Of the first ones there is one at least. \throws std::system_error, and
    /// calls body for none, when there cannot be as many threads as it begins with.
    void run(int most, const std::function<int(int working)>& wanted);

    /// Has so many workers at most from now on: those of the highest numbers are dismissed. One
    /// that was dismissed can begin again when it has returned.
    void resize(int most);

    /// How many workers there are.
    int size();

    /// Whether a worker is to go on; otherwise it is dismissed.
    bool keeps(int number);

  private:
    enum class Phase { beginning, called_off, at_work };

    struct Worker {
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
    bool is_resized_ = false; ///< before it began, too
    bool is_full_ = false;    ///< there cannot be a further thread
    int running_ = 0;
    std::vector<Worker> workers_; ///< by their numbers
    std::exception_ptr problem_;
    std::vector<std::jthread> threads_;
};

} // namespace run
