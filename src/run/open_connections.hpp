#pragma once

#include "postgres/connection_monitor.hpp"
#include "postgres/connection_string.hpp"
#include "postgres/session.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace run {

/// A connection of a worker, and what another thread needs to check or to cancel it.
struct OpenConnection {
    std::weak_ptr<postgres::ConnectionMonitor> monitor;
    std::string name; ///< postgres::Connection::name()
    postgres::Backend backend;
    postgres::ConnectionString connection_string;
};

/// The open connections of a run's workers, for the watchdog and the signal handler. Thread-safe.
class OpenConnections {
  public:
    /// Adds a connection. Closed connections are removed when the next one is added.
    void add(OpenConnection connection);

    std::vector<OpenConnection> list() const;

  private:
    mutable std::mutex mutex_;
    std::vector<OpenConnection> connections_;
};

/// Asks the servers to cancel the running statements of all connections, one after the other: see
/// ConnectionMonitor::cancel().
void cancel_all(const std::vector<OpenConnection>& connections);

} // namespace run
