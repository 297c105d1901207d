#pragma once

#include "postgres/error.hpp"
#include "run/stop.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace run {

/// How failures are borne.
struct RetryOptions {
    int max_retries = 8; ///< further attempts at a chunk, in one run
    /// How long a server may be out of reach, or without space, before the run is given up.
    std::chrono::seconds retry_timeout{900};
    /// How long nothing may come from a server before another connection is used to ask it.
    std::chrono::seconds stall_timeout{60};
};

/// Waits before an attempt is repeated: twice as long each time, from about 0.2 s to 5 s, and not
/// quite as long as another worker.
/// \param attempts how many have failed, from 1.
/// \throws Interrupted when everything is to stop now.
void wait_before_retry(const Stop& stop, int attempts);

/// What the workers of a run know together of their servers' failures. Thread-safe.
class Outage {
  public:
    using Clock = std::chrono::steady_clock;

    /// A worker got through to its servers, or got something done.
    void note_success();
    Clock::time_point last_success() const;

    /// Says it on standard error, unless it has just been said: all workers see the same failure.
    void announce(const std::string& message);

    /// Whether there has been anything to announce.
    bool has_happened() const;

  private:
    mutable std::mutex mutex_;
    Clock::time_point last_success_ = Clock::now();
    std::map<std::string, Clock::time_point> announced_;
    bool has_happened_ = false;
};

/**
 * Leads one worker through failures that pass by themselves: connections that break, servers that
 * restart or have no space. After each it waits, longer and longer, and lets the worker begin
 * again on new connections.
 */
class Recovery {
  public:
    Recovery(const RetryOptions& options, const Stop& stop, Outage& outage)
        : options_(options), stop_(stop), outage_(outage) {}

    /// Does some work, again and again until it is done, or is to be done no more.
    /// \param work connects, and tells when it got through: connected(), succeeded().
    /// \param failed called when it failed, before waiting; returns whether to go on.
    /// \throws what wait_after() throws, and what work throws unless the remedy is to wait.
    void lead(const std::function<void()>& work, const std::function<bool(const Error&)>& failed);

    /// Waits after a failure whose remedy is to wait.
    /// \returns false when the run is to stop.
    /// \throws Error when the servers have failed for all workers, and for longer than allowed;
    /// Interrupted.
    bool wait_after(const Error& error);

    /// New connections were made.
    void connected();

    /// Something got done.
    void succeeded();

    /// It was a connection that failed the last time, rather than a statement.
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
