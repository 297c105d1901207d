#include "postgres/connection_monitor.hpp"

#include <array>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace postgres {

ConnectionMonitor::ConnectionMonitor(PGconn* connection)
    : cancel_(PQgetCancel(connection), PQfreeCancel), socket_(PQsocket(connection)) {}

void ConnectionMonitor::close() noexcept {
    const std::lock_guard lock(mutex_);
    cancel_.reset();
    socket_ = -1;
}

void ConnectionMonitor::cancel() noexcept {
    std::unique_lock lock(mutex_);
    const auto cancel = cancel_;
    lock.unlock(); // other threads must not wait for a server that does not answer
    std::array<char, 256> message{};
    if (cancel)
        PQcancel(cancel.get(), message.data(), static_cast<int>(message.size()));
}

void ConnectionMonitor::hang_up() noexcept {
    const std::lock_guard lock(mutex_);
    if (socket_ >= 0)
        shutdown(socket_, SHUT_RDWR);
}

ConnectionMonitor::Sample ConnectionMonitor::sample() const {
    Sample sample;
    sample.calls = calls_.load(std::memory_order_relaxed);
    sample.waits = sample.calls % 2 != 0;
    const std::lock_guard lock(mutex_);
    tcp_info info{};
    socklen_t length = sizeof info;
    if (socket_ >= 0 && getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
        sample.bytes = info.tcpi_bytes_acked + info.tcpi_bytes_received;
    return sample;
}

Deadline::Deadline(std::shared_ptr<ConnectionMonitor> watched, std::chrono::milliseconds time)
    : thread_([this, monitor = std::move(watched), time](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          going_.wait_for(lock, stop, time, [] { return false; });
          if (!stop.stop_requested())
              monitor->hang_up();
      }) {}

} // namespace postgres
