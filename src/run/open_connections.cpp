#include "run/open_connections.hpp"

namespace run {

void OpenConnections::add(Entry entry) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [](const Entry& other) { return other.monitor.expired(); });
    entries_.push_back(std::move(entry));
}

std::vector<OpenConnections::Entry> OpenConnections::list() const {
    const std::lock_guard lock(mutex_);
    return entries_;
}

void cancel_all(const std::vector<OpenConnections::Entry>& connections) {
    for (const auto& entry : connections)
        if (const auto monitor = entry.monitor.lock())
            monitor->cancel();
}

} // namespace run
