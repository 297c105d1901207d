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
 * What other threads than its own may know of a connection, and do to it, for as long as it is
 * open and harmlessly afterwards. Thread-safe.
 */
class ConnectionMonitor {
  public:
    /// \param connection open; it stays the caller's, who calls close() before it ends it.
    explicit ConnectionMonitor(PGconn* connection);

    /// No more is done to the connection.
    void close() noexcept;

    /// Asks the server to cancel what the connection is running; does nothing when it is idle, and
    /// reports no failure. It waits for the server to hear of it, and where that does not answer,
    /// for as long as TCP does, or for ever.
    void cancel() noexcept;

    /// Breaks the connection: whoever waits on it gets a ConnectionError.
    void hang_up() noexcept;

    /// What shows whether a connection gets on: as long as it waits, and two looks at it are equal,
    /// it does not.
    struct Activity {
        bool waits = false;      ///< its thread is inside of libpq
        std::uint32_t calls = 0; ///< how often that has changed
        std::uint64_t bytes = 0; ///< acknowledged by and received from a TCP peer

        bool operator==(const Activity&) const = default;
    };
    Activity activity() const;

    /// To be held by the connection's own thread while it may be waiting for the server.
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
    /// One thread writes: no need to lock the bus for each row.
    void count() {
        calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    mutable std::mutex mutex_;
    std::shared_ptr<PGcancel> cancel_;
    int socket_;
    std::atomic<std::uint32_t> calls_ = 0; ///< odd while it waits
};

/// Hangs a monitor up, unless it goes before the time is over: for what is to be answered soon.
class Deadline {
  public:
    Deadline(std::shared_ptr<ConnectionMonitor> monitor, std::chrono::milliseconds time);

  private:
    std::mutex mutex_;
    std::condition_variable_any going_;
    std::jthread thread_; // last, for it uses the others
};

} // namespace postgres
