#pragma once

#include "run/run.hpp"
#include "run/worker_progress.hpp"

#include <optional>
#include <string>

namespace run {

/**
 * A worker's connections, until they are lost. They are added to the run's open connections and
 * their backends to the board. Unless close() is called before the session is destroyed, the
 * backends are added to the abandoned ones.
 */
class WorkerSession {
  public:
    /// Takes idle connections, or connects, and terminates abandoned backends.
    /// \throws Error if a server has changed since the run began.
    WorkerSession(Run& run, WorkerProgress& progress);
    ~WorkerSession();
    WorkerSession(const WorkerSession&) = delete;
    WorkerSession& operator=(const WorkerSession&) = delete;

    Endpoint& source() { return *connections_.source; }
    Endpoint& target() { return connections_.target; }

    /// A second session in the target, made when it is first called.
    Endpoint& second_target();

    /// A session for the queue alone, made when it is first called.
    LeanSession& queue();

    Crashes::Servers servers() const;

    /// Terminates abandoned backends, including those of other workers, because this one may need
    /// locks that they hold.
    void end_abandoned();

    /// Checks that the servers can be reached, before a task is blamed for a crash.
    /// \throws ConnectionError
    void check_servers();

    /// The name of a connection that has broken, if one has.
    std::optional<std::string> broken_connection() const;

    /// \throws Error if a server is of another version or edition than when the run began.
    void require_servers_unchanged();

    /// Gives the connections back to the run, after the work is done.
    void close();

  private:
    void publish();

    Run& run_;
    WorkerProgress& progress_;
    Run::Connections connections_;
    std::optional<Endpoint> second_target_;
    std::optional<LeanSession> queue_;
    bool is_closed_ = false;
};

} // namespace run
