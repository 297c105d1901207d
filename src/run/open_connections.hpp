#pragma once

#include "postgres/connection_monitor.hpp"
#include "postgres/connection_string.hpp"
#include "postgres/session.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace run {

/// The connections of a run's workers, for those who watch over them. Thread-safe.
class OpenConnections {
  public:
    struct Entry {
        std::weak_ptr<postgres::ConnectionMonitor> monitor;
        std::string name; ///< postgres::Connection::name()
        postgres::Backend backend;
        postgres::ConnectionString connection_string;
    };

    /// It stays listed until it is closed.
    void add(Entry entry);

    std::vector<Entry> list() const;

  private:
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
};

/// Asks the servers to cancel what runs on any of them, one after the other: see
/// ConnectionMonitor::cancel().
void cancel_all(const std::vector<OpenConnections::Entry>& connections);

} // namespace run
