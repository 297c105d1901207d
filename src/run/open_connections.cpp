#include "run/open_connections.hpp"

namespace run {

void OpenConnections::add(OpenConnection connection) {
    const std::lock_guard lock(mutex_);
    std::erase_if(connections_,
                  [](const OpenConnection& other) { return other.monitor.expired(); });
    connections_.push_back(std::move(connection));
}

std::vector<OpenConnection> OpenConnections::list() const {
    const std::lock_guard lock(mutex_);
    return connections_;
}

void cancel_all(const std::vector<OpenConnection>& connections) {
    for (const auto& entry : connections)
        if (const auto monitor = entry.monitor.lock())
            monitor->cancel();
}

} // namespace run
