#pragma once

#include "postgres/error.hpp"
#include "run/stop.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace run {

/// How often and how long failed work is repeated.
struct RetryOptions {
    int max_retries = 8; ///< further attempts at a chunk in one run
    /// How long a server may be unreachable or out of space before the run fails.
    std::chrono::seconds retry_timeout{900};
    /// How long a server may send nothing before the watchdog checks it on another connection.
    std::chrono::seconds stall_timeout{60};
};

/// Waits before an attempt is repeated: up to 0.2 s at first, twice as long each time, up to 5 s.
/// Half of it is random.
/// \param attempts the number of attempts that have failed, from 1.
/// \throws Interrupted if the run must stop now.
void wait_before_retry(const Stop& stop, int attempts);

/// What the workers of a run know about their servers' failures. Thread-safe.
class Outage {
  public:
    using Clock = std::chrono::steady_clock;

    /// Notes that a worker connected to its servers or finished some work.
    void note_success();
    Clock::time_point last_success() const;

    /// Logs a warning, unless the same was logged in the last 30 s, because all workers see the
    /// same failure.
    void announce(const std::string& message);

    /// True if announce() was called.
    bool has_happened() const;

  private:
    mutable std::mutex mutex_;
    Clock::time_point last_success_ = Clock::now();
    std::map<std::string, Clock::time_point> announced_;
    bool has_happened_ = false;
};

/**
 * Repeats the work of one worker after temporary failures: broken connections, servers that restart
 * or are out of space. After each failure it waits, longer each time, and then lets the worker
 * begin again on new connections.
 */
class Recovery {
  public:
    Recovery(const RetryOptions& options, const Stop& stop, Outage& outage)
        : options_(options), stop_(stop), outage_(outage) {}

    /// Repeats some work until it is done, `failed` gives up, or the run must stop.
    /// \param work calls connected() once it has connected, and succeeded() whenever some work is
    /// done.
    /// \param failed called after a failure, before waiting; returns false to give up.
    /// \throws what wait_after() throws, and what work throws unless the reaction is to wait.
    void run_with_retries(const std::function<void()>& work,
                          const std::function<bool(const Error&)>& failed);

    /// Waits after a failure whose reaction is to wait.
    /// \returns false if the run must stop.
    /// \throws Error if the servers have failed for all workers for longer than
    /// RetryOptions::retry_timeout; Interrupted.
    bool wait_after(const Error& error);

    /// Notes that new connections were made.
    void connected();

    /// Notes that some work is done.
    void succeeded();

    /// True if the last failure was of a connection rather than of a statement.
    bool connection_failed() const { return connection_failed_; }

  private:
    const RetryOptions& options_;
    const Stop& stop_;
    Outage& outage_;
    int failures_ = 0; ///< in a row
    bool connection_failed_ = false;
    Outage::Clock::time_point since_;
};

} // namespace run
