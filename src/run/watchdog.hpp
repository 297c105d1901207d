#pragma once

#include "run/open_connections.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace run {

/**
 * Finds connections that hang: a worker waits, and nothing comes. TCP cannot tell when a firewall,
 * a proxy or a frozen machine in between has swallowed what was sent. So another connection asks
 * the server: when its backend is gone, or waits for us as we wait for it, or the server cannot be
 * reached at all, the connection is broken off, and its worker gets a ConnectionError. A backend
 * that works, or waits for a lock, is left to it for as long as it takes; so is one that cannot be
 * asked about, for the server takes no more connections.
 *
 * A thread of its own, for as long as the object lives.
 */
class Watchdog {
  public:
    /// \param patience how long nothing may come before the server is asked.
    Watchdog(const OpenConnections& connections, std::chrono::milliseconds patience);

  private:
    using Clock = std::chrono::steady_clock;

    struct Seen {
        postgres::ConnectionMonitor::Activity activity;
        Clock::time_point since; ///< when it was first seen like this
    };

    void look_at_all(const std::stop_token& stop);
    void look_at(const OpenConnections::Entry& entry, postgres::ConnectionMonitor& monitor);

    const OpenConnections& connections_;
    std::chrono::milliseconds patience_;
    std::map<const postgres::ConnectionMonitor*, Seen> seen_;
    std::mutex mutex_;
    std::condition_variable_any stopping_;
    std::jthread thread_; // last, for it uses the others
};

} // namespace run
