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
    cut,         ///< both sides see it end
    stall,       ///< neither side sees anything
    lose_client, ///< half-open: the client sees a reset, the server nothing
    lose_server, ///< half-open: the server sees a reset, the client nothing
};

/// A fault after a connection has relayed so many bytes, in both directions together.
struct FaultAfter {
    Fault fault = Fault::cut;
    std::int64_t bytes = 0; ///< with 0 the server never sees the connection
};

/// A fault when a connection's client sends some text.
struct FaultAt {
    Fault fault = Fault::cut;
    bool is_heard = false; ///< whether the server still receives that text
};

/// A client's wait for its server: from when it spoke until it got the first word of an answer, as
/// the proxy saw both.
struct Wait {
    std::chrono::steady_clock::time_point from;
    std::chrono::steady_clock::time_point until;
    std::string startup; ///< what the connection's client said first
};

/// How many waits came one after the other at most: none of them began before the one before it had
/// ended. Those on two connections at the same time count once. It takes a proxy with a delay, for
/// two that are sent at once to be seen as such.
int one_after_the_other(std::vector<Wait> waits);

/**
 * A TCP relay between clients and one server, on a port of its own of 127.0.0.1, for as long as
 * it lives: its end cuts the connections that are open. It is also where networks fail.
 *
 * One thread of its own does all the work. The functions may be called from any other thread, and
 * have taken effect when they return. Functions that they are given are called by the proxy's.
 */
class Proxy {
  public:
    /// Listens from now on.
    /// \param port number or name of a service.
    /// \param delay how much later either direction delivers what it was sent. The order stays,
    /// and what is under way does not hold up what comes after it.
    /// \throws std::system_error if the host has no address, or no port is free.
    Proxy(const std::string& host, const std::string& port, std::chrono::microseconds delay = {});
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    /// One in front of the server that a postgresql:// URI names.
    static Proxy in_front_of(const std::string& uri, std::chrono::microseconds delay = {});

    /// Where it listens, on 127.0.0.1.
    std::uint16_t port() const;

    /// The same URI by way of this proxy: with its host and port for the server's.
    std::string uri(std::string original_uri) const;

    /// How many round trips all connections made so far: each time that the server speaks after
    /// its client did is the end of one. What goes unanswered, such as a client's farewell, is
    /// none.
    std::int64_t round_trips() const;

    /// Those that have ended, each on its connection.
    std::vector<Wait> waits() const;

    /// Sets the faults of future connections, if any.
    /// \param plan is given their numbers, from 1.
    using Plan = std::function<std::optional<FaultAfter>(int number)>;
    void plan(Plan plan);

    /// Sets the faults of connections whose clients send a text from now on, if any.
    /// \param plan is given the numbers of the times that any of them says it, from 1.
    using PlanAt = std::function<std::optional<FaultAt>(int number)>;
    void plan_at(std::string text, PlanAt plan);

    /// Cancels the faults of all connections that have had none yet.
    void spare();

    /// Strikes all connections that are open; ones that a fault has befallen may still be cut.
    void strike(Fault fault);

    /// Makes it refuse connections, or accept them again.
    void refuse(bool refuses);

    /// How many connections it has taken so far, and how many of them a fault has befallen.
    int connections() const;
    int struck() const;

  private:
    class Relay;
    std::unique_ptr<Relay> relay_;
};

} // namespace test
