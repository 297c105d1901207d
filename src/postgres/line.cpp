#include "postgres/line.hpp"

#include <array>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace postgres {

Line::Line(PGconn* connection)
    : cancel_(PQgetCancel(connection), PQfreeCancel), socket_(PQsocket(connection)) {}

void Line::close() noexcept {
    const std::lock_guard lock(mutex_);
    cancel_.reset();
    socket_ = -1;
}

void Line::cancel() noexcept {
    std::unique_lock lock(mutex_);
    const auto cancel = cancel_;
    lock.unlock(); // nobody else is to wait for a server that does not answer
    std::array<char, 256> message{};
    if (cancel)
        PQcancel(cancel.get(), message.data(), static_cast<int>(message.size()));
}

void Line::hang_up() noexcept {
    const std::lock_guard lock(mutex_);
    if (socket_ >= 0)
        shutdown(socket_, SHUT_RDWR);
}

Line::Activity Line::activity() const {
    Activity activity;
    activity.calls = calls_.load(std::memory_order_relaxed);
    activity.waits = activity.calls % 2 != 0;
    const std::lock_guard lock(mutex_);
    tcp_info info{};
    socklen_t length = sizeof info;
    if (socket_ >= 0 && getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &length) == 0)
        activity.bytes = info.tcpi_bytes_acked + info.tcpi_bytes_received;
    return activity;
}

Deadline::Deadline(std::shared_ptr<Line> watched, std::chrono::milliseconds time)
    : thread_([this, line = std::move(watched), time](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          going_.wait_for(lock, stop, time, [] { return false; });
          if (!stop.stop_requested())
              line->hang_up();
      }) {}

} // namespace postgres
