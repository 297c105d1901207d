#pragma once

#include "postgres/connection_monitor.hpp"
#include "postgres/connection_string.hpp"
#include "postgres/session.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace run {

/// The open connections of a run's workers, for the watchdog and the signal handler. Thread-safe.
class OpenConnections {
  public:
    struct Entry {
        std::weak_ptr<postgres::ConnectionMonitor> monitor;
        std::string name; ///< postgres::Connection::name()
        postgres::Backend backend;
        postgres::ConnectionString connection_string;
    };

    /// Adds a connection. Closed connections are removed when the next one is added.
    void add(Entry entry);

    std::vector<Entry> list() const;

  private:
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
};

/// Asks the servers to cancel the running statements of all connections, one after the other: see
/// ConnectionMonitor::cancel().
void cancel_all(const std::vector<OpenConnections::Entry>& connections);

} // namespace run
