#include "run/abandoned_backends.hpp"

#include <algorithm>

namespace run {

void AbandonedBackends::add(Side side, const postgres::Backend& backend) {
    const std::lock_guard lock(mutex_);
    of(side).push_back(backend);
}

void AbandonedBackends::terminate(Side side, postgres::Connection& connection) {
    std::unique_lock lock(mutex_);
    const auto backends = of(side);
    lock.unlock();
    postgres::terminate(connection, backends);
    lock.lock();
    std::erase_if(of(side), [&](const auto& one) {
        return std::ranges::find(backends, one) != backends.end();
    });
}

void AbandonedBackends::terminate(Endpoints& endpoints) {
    terminate(Side::source, endpoints.source.connection);
    terminate(Side::target, endpoints.target.connection);
}

} // namespace run
