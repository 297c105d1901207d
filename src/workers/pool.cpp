#include "workers/pool.hpp"

#include <exception>
#include <thread>

namespace workers {

void Cancellation::add(postgres::Connection& connection) {
    const std::lock_guard lock(mutex_);
    connections_.push_back(&connection);
}

void Cancellation::remove(postgres::Connection& connection) {
    const std::lock_guard lock(mutex_);
    std::erase(connections_, &connection);
}

void Cancellation::cancel_all() {
    const std::lock_guard lock(mutex_);
    for (auto* connection : connections_)
        connection->cancel();
}

void run(int workers, Stop& stop, const std::function<void(int)>& body) {
    std::mutex mutex;
    std::exception_ptr first;
    {
        std::vector<std::jthread> threads;
        threads.reserve(static_cast<std::size_t>(workers));
        for (int number = 0; number < workers; ++number)
            threads.emplace_back([&, number] {
                try {
                    body(number);
                } catch (...) {
                    stop.after_current();
                    const std::lock_guard lock(mutex);
                    if (!first)
                        first = std::current_exception();
                }
            });
    }
    if (first)
        std::rethrow_exception(first);
}

} // namespace workers
