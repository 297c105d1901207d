#pragma once

#include "processes/child.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace output {

/**
 * Runs a user's command for each event that somebody may want to be told of, with the event on its
 * standard input. The commands run one after the other on a thread of their own, so that they do
 * not hold up the run. Thread-safe.
 */
class Hook {
  public:
    /// True for events that the command is run for: failures, waits, and the end.
    static bool concerns(std::string_view event);

    explicit Hook(std::string command) : command_(std::move(command)) {}
    ~Hook();
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

    /// Runs the command soon. If too many are waiting, logs a warning and does not run it.
    /// \param line the event as JSON.
    void run(std::string line);

    /// Waits for the commands that were begun, up to ten seconds, and then kills the rest.
    void finish();

  private:
    void work();
    void run_now(const std::string& line);

    const std::string command_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> waiting_;
    std::unique_ptr<processes::Child> child_; ///< the command that runs; guarded by mutex_
    bool is_ending_ = false;
    bool is_late_ = false;  ///< no further command is begun
    bool has_ended_ = true; ///< there is no thread, or it has done all
    std::thread thread_; ///< begins with the first event, when signals are blocked in new threads
};

} // namespace output
