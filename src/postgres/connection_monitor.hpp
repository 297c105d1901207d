#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

namespace postgres {

/**
 * Lets other threads observe, cancel and break a connection. Safe to use after the connection is
 * closed. Thread-safe.
 */
class ConnectionMonitor {
  public:
    /// \param connection an open connection. The caller keeps ownership, and calls close() before
    /// it closes the connection.
    explicit ConnectionMonitor(PGconn* connection);

    /// Detaches the monitor from the connection.
    void close() noexcept;

    /// Asks the server to cancel the connection's current statement. Does nothing if the connection
    /// is idle. Ignores errors. Blocks until the server has received the request; if the server
    /// does not answer, until TCP times out, or forever.
    void cancel() noexcept;

    /// Breaks the connection. A thread that waits on it gets a ConnectionError.
    void hang_up() noexcept;

    /// A sample of a connection's activity. The connection makes no progress if `waits` is true and
    /// two samples are equal.
    struct Sample {
        bool waits = false;      ///< its thread is inside libpq
        std::uint32_t calls = 0; ///< number of changes of `waits`
        std::uint64_t bytes = 0; ///< acknowledged by and received from the TCP peer

        bool operator==(const Sample&) const = default;
    };
    Sample sample() const;

    /// Held by the connection's own thread while it may wait for the server.
    class Waiting {
      public:
        explicit Waiting(ConnectionMonitor& monitor) : monitor_(monitor) { monitor_.count(); }
        ~Waiting() { monitor_.count(); }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;

      private:
        ConnectionMonitor& monitor_;
    };

  private:
    /// Only one thread writes, so that a plain load and store suffice. An atomic increment for each
    /// row would lock the bus.
    void count() {
        calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    mutable std::mutex mutex_;
    std::shared_ptr<PGcancel> cancel_;
    int socket_;
    std::atomic<std::uint32_t> calls_ = 0; ///< odd while the thread waits
};

/// Breaks a connection after a time, unless this object is destroyed before. Use it for requests
/// that need a prompt answer.
class Deadline {
  public:
    Deadline(std::shared_ptr<ConnectionMonitor> monitor, std::chrono::milliseconds time);

  private:
    std::mutex mutex_;
    std::condition_variable_any going_;
    std::jthread thread_; // last because it uses the others
};

} // namespace postgres
