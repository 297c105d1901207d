#pragma once

#include "run/open_connections.hpp"

#include <chrono>
#include <map>
#include <thread>

namespace run {

/**
 * Finds connections that hang: a worker waits, and the server sends nothing. TCP does not notice if
 * a firewall, a proxy or a frozen machine in between has dropped packets. So the watchdog queries
 * the server on another connection. If the backend no longer exists, or waits for us as we wait for
 * it, or the server cannot be reached, the watchdog closes the connection, and its worker gets a
 * ConnectionError. If the backend works or waits for a lock, or if the server accepts no more
 * connections, the watchdog leaves the connection alone.
 *
 * It runs on a thread of its own for as long as the object lives.
 */
class Watchdog {
  public:
    /// \param patience how long a server may send nothing before the watchdog queries it.
    Watchdog(const OpenConnections& connections, std::chrono::milliseconds patience);

  private:
    using Clock = std::chrono::steady_clock;

    struct Seen {
        postgres::ConnectionMonitor::Sample sample;
        Clock::time_point since; ///< when this sample was first seen
    };

    void check_all(const std::stop_token& stop);
    void check(const OpenConnection& entry, postgres::ConnectionMonitor& monitor);

    const OpenConnections& connections_;
    std::chrono::milliseconds patience_;
    std::map<const postgres::ConnectionMonitor*, Seen> seen_;
    std::jthread thread_; // last, because it uses the others
};

} // namespace run
