#pragma once

#include "postgres/connection_monitor.hpp"

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

namespace test {

/// Accepts connections on its own port of 127.0.0.1, and never sends data, like a frozen machine.
class SilentServer {
  public:
    SilentServer();
    ~SilentServer();
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;

    std::string connection_string() const;

    /// Waits for the next connection and accepts it.
    /// \returns its number, from 0, or -1 if none arrives within 20 s.
    int accept();

    /// True if the client closes a connection within this time.
    bool sees_end(int number, int milliseconds) const;

    /// Closes its side of all connections.
    void close_all();

  private:
    int listener_;
    std::vector<int> connections_;
};

/// A connection to a silent server, which never gets established.
class SilentConnection {
  public:
    explicit SilentConnection(SilentServer& server);
    ~SilentConnection() { monitor_->close(); }
    SilentConnection(const SilentConnection&) = delete;
    SilentConnection& operator=(const SilentConnection&) = delete;

    const std::shared_ptr<postgres::ConnectionMonitor>& monitor() const { return monitor_; }
    bool is_broken(int milliseconds) const { return server_.sees_end(number_, milliseconds); }

  private:
    SilentServer& server_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
    int number_;
    std::shared_ptr<postgres::ConnectionMonitor> monitor_;
};

} // namespace test
