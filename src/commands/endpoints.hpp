#pragma once

#include "postgres/connection.hpp"
#include "postgres/session.hpp"
#include "timescale/server.hpp"
#include "workers/open_connections.hpp"
#include "workers/retry.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace commands {

enum class Role { source, target };

/// "source", "target"
const char* name_of(Role role);

/// The first one that a run has with a server shows that sessions there last.
enum class Session { first, further };

/// A connection with its settings pinned, and what is at its other end. A source may have no
/// TimescaleDB.
struct Endpoint {
    /// \param command the program's command, for application_name.
    /// \param patience how long the server may take to answer once it is connected.
    /// \param access the role's, if nothing: the source is only read.
    /// \throws ConnectionError, or Error as timescale::server_from does; UsageError as
    /// postgres::pin_first_session does.
    Endpoint(const postgres::ConnectionString& connection_string, Role role,
             const std::string& command, Session session = Session::further,
             std::chrono::milliseconds patience = default_patience,
             std::optional<postgres::Access> access = std::nullopt);

    static constexpr std::chrono::seconds default_patience{60};

    postgres::ConnectionString connection_string;
    postgres::Connection connection;
    timescale::Server server;
    postgres::Backend backend;

    /// Reads again what the server is.
    void look_again();

    /// As the registry of a run's connections wants it.
    workers::OpenConnections::Entry entry() const;
};

struct Endpoints {
    Endpoint source;
    Endpoint target;
};

/// Connects to both at the same time.
/// \throws what either throws; the source first.
Endpoints connect_both(const postgres::ConnectionString& source,
                       const postgres::ConnectionString& target, const std::string& command,
                       Session session = Session::further,
                       std::chrono::milliseconds patience = Endpoint::default_patience);

/// Server processes whose connections a run has given up. They may not know it yet, and hold locks
/// that any worker may come to wait for. Thread-safe.
class Orphans {
  public:
    void add(Role role, const postgres::Backend& backend);

    /// Ends those on a server, and forgets them.
    void terminate(Role role, postgres::Connection& connection);
    void terminate(Endpoints& endpoints);

  private:
    std::vector<postgres::Backend>& of(Role role) {
        return role == Role::source ? in_source_ : in_target_;
    }

    std::mutex mutex_;
    std::vector<postgres::Backend> in_source_;
    std::vector<postgres::Backend> in_target_;
};

/// Ends, as far as it can be done, what servers still have of sessions that were given up, or that
/// were lost before they could be used. For the end of a run in which connections failed, with no
/// other sessions left but these.
void end_leftovers(Endpoints& endpoints, const std::string& command);
void end_leftovers(Endpoint& endpoint, Role role, const std::string& command);

/// Does what is left to do when a run's workers are through, on the connection that the run began
/// with; after days that may be gone, and is made anew for as long as `recovery` allows.
/// \throws what Recovery::lead throws; ConnectionError when the run is to stop.
void conclude(Endpoint& endpoint, Role role, const std::string& command,
              workers::OpenConnections& connections, workers::Recovery recovery,
              const std::function<void(Endpoint&)>& work);

/// \throws UsageError when both are the same database of the same server: copying would delete
/// what it is to copy.
void require_different(const Endpoints& endpoints);

/// What a run began with has to stay as it is.
/// \throws Error when the server is of another version or edition than it was.
void require_unchanged(const Endpoint& endpoint, const timescale::Server& before);

/// The statements that begin a transaction to read the source in, or to compare the target in: it
/// never waits, as SERIALIZABLE DEFERRABLE would, and a hot standby takes it. One statement, when
/// there is no snapshot. \param snapshot an exported snapshot to read under.
std::string begin_read_transaction(const std::optional<std::string>& snapshot);

} // namespace commands
