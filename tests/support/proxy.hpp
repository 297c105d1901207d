#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace test {

/// A fault of a connection. Afterwards nothing is relayed, and it never recovers.
enum class Fault {
    cut,         ///< both sides see the end of the connection
    stall,       ///< neither side sees anything
    lose_client, ///< half-open: the client sees a reset, the server nothing
    lose_server, ///< half-open: the server sees a reset, the client nothing
};

/// A fault after a connection has relayed a number of bytes, in both directions together.
struct FaultAfter {
    Fault fault = Fault::cut;
    std::int64_t bytes = 0; ///< if 0, the server never sees the connection
};

/// A fault when a connection's client sends some text.
struct FaultAt {
    Fault fault = Fault::cut;
    bool is_delivered = false; ///< true if the server still receives that text
};

/// A client's wait for its server, as seen by the proxy: from the request until the first bytes of
/// the answer.
struct Wait {
    std::chrono::steady_clock::time_point from;
    std::chrono::steady_clock::time_point until;
    std::string startup; ///< the first message of the connection's client
};

/// The maximum number of consecutive waits: each begins after the one before has ended. Concurrent
/// waits on two connections count once. Use a proxy with a delay, so that requests sent at the same
/// time overlap.
int most_consecutive(std::vector<Wait> waits);

/**
 * A TCP relay between clients and one server, on its own port of 127.0.0.1, which can simulate
 * network failures. The destructor cuts the open connections.
 *
 * The proxy has one thread that does all the work. Member functions may be called from any other
 * thread, and have taken effect when they return. The proxy's thread calls the functions that are
 * passed to them.
 */
class Proxy {
  public:
    /// Starts to listen.
    /// \param port number or service name.
    /// \param delay latency of each direction. The order is kept, and data in flight does not delay
    /// later data.
    /// \throws std::system_error if the host has no address, or no port is free.
    Proxy(const std::string& host, const std::string& port, std::chrono::microseconds delay = {});
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    /// A proxy in front of the server of a postgresql:// URI.
    static Proxy in_front_of(const std::string& uri, std::chrono::microseconds delay = {});

    /// The port of 127.0.0.1 that it listens on.
    std::uint16_t port() const;

    /// The URI with the server's host and port replaced by those of this proxy.
    std::string uri(std::string original_uri) const;

    /// The number of round trips of all connections so far. A round trip ends when the server sends
    /// data after the client did. Unanswered messages, such as a client's Terminate, do not count.
    std::int64_t round_trips() const;

    /// The waits that have ended, on all connections.
    std::vector<Wait> waits() const;

    /// Sets the faults of future connections, if any.
    /// \param plan called with the connection's number, from 1.
    using Plan = std::function<std::optional<FaultAfter>(int number)>;
    void plan(Plan plan);

    /// Sets the faults of connections whose clients send a text from now on, if any.
    /// \param plan called with the number of times that any client has sent the text, from 1.
    using PlanAt = std::function<std::optional<FaultAt>(int number)>;
    void plan_at(std::string text, PlanAt plan);

    /// Cancels the faults of all connections that have had none yet.
    void cancel_faults();

    /// Causes a fault of all open connections. Connections that already have a fault can still be
    /// cut.
    void inject(Fault fault);

    /// Makes it refuse connections, or accept them again.
    void refuse(bool refuses);

    /// The number of connections accepted so far, and the number of those with a fault.
    int connections() const;
    int faults() const;

  private:
    class Relay;
    std::unique_ptr<Relay> relay_;
};

} // namespace test
