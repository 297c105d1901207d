#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace test {

/**
 * A TCP relay between clients and one server, on a port of its own of 127.0.0.1, for as long as
 * it lives: its end cuts the connections that are open.
 *
 * One thread of its own does all the work. The functions may be called from any thread.
 */
class Proxy {
  public:
    /// Listens from now on.
    /// \param port number or name of a service.
    /// \param delay how much later either direction delivers what it was sent. The order stays,
    /// and what is under way does not hold up what comes after it.
    /// \throws std::system_error when the host has no address, or no port is to be had.
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

  private:
    class Relay;
    std::unique_ptr<Relay> relay_;
};

} // namespace test
