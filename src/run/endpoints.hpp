#pragma once

#include "base/side.hpp"
#include "postgres/connection.hpp"
#include "postgres/session.hpp"
#include "run/open_connections.hpp"
#include "run/retry.hpp"
#include "timescale/server.hpp"

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace run {

/// The first session of a run with a server also checks that sessions persist there, which they do
/// not behind a pooler in transaction mode (postgres::pin_first_session).
enum class Session { first, further };

/// Whether a database may be without TimescaleDB.
enum class Extension {
    required_in_target, ///< as for all that copies rows
    optional,
};

/// A connection with its settings pinned, and a description of its server. A source may have no
/// TimescaleDB.
struct Endpoint {
    /// \param command the program's command, for application_name.
    /// \param patience how long the server may take to answer after connecting.
    /// \param access if none, the source is read-only and the target is not.
    /// \param further statements to run in the same round trip, after the session is pinned. In a
    /// first session, their failure is not reported. \throws ConnectionError; Error as
    /// timescale::server_from does; UsageError as postgres::pin_first_session does.
    Endpoint(const postgres::ConnectionString& connection_string, Side side,
             const std::string& command, Session session = Session::further,
             std::chrono::milliseconds patience = default_patience,
             std::optional<postgres::Access> access = std::nullopt,
             const std::vector<postgres::Statement>& further = {},
             Extension extension = Extension::required_in_target);

    static constexpr std::chrono::seconds default_patience{60};

    Side side;
    postgres::ConnectionString connection_string;
    postgres::Connection connection;
    timescale::Server server;
    postgres::Backend backend;
    /// Results of the further statements; empty if there were none or they failed.
    std::vector<postgres::Result> answers;

    /// Updates `server`.
    void look_again();

    /// The entry for the run's list of connections.
    OpenConnection entry() const;
};

struct Endpoints {
    Endpoint source;
    Endpoint target;
};

/// A further session that does not load TimescaleDB (postgres::Library::left_out). It can use the
/// tables of this program and the system catalogs. It costs a tenth of a session with TimescaleDB.
struct LeanSession {
    /// \param patience how long the server may take to answer after connecting.
    /// \throws ConnectionError
    LeanSession(const postgres::ConnectionString& connection_string, Side side,
                const std::string& command, std::chrono::milliseconds patience);

    postgres::ConnectionString connection_string;
    postgres::Connection connection;
    postgres::Backend backend;

    /// The entry for the run's list of connections.
    OpenConnection entry() const;
};

/// Connects to the target in a LeanSession each time it is called, with Endpoint::default_patience.
std::function<postgres::Connection()> lean_connector(const postgres::ConnectionString& target,
                                                     const std::string& command);

/// Statements that are sent together. Each add() returns the index of the statement's result.
class StatementList {
  public:
    std::size_t add(postgres::Statement statement) {
        statements_.push_back(std::move(statement));
        return statements_.size() - 1;
    }

    const std::vector<postgres::Statement>& statements() const { return statements_; }

  private:
    std::vector<postgres::Statement> statements_;
};

/// Connects to both servers at the same time.
/// \param in_target and \param in_source further statements, as in Endpoint.
/// \throws what Endpoint throws; the source's error, if both fail.
Endpoints connect_both(const postgres::ConnectionString& source,
                       const postgres::ConnectionString& target, const std::string& command,
                       Session session = Session::further,
                       std::chrono::milliseconds patience = Endpoint::default_patience,
                       const std::vector<postgres::Statement>& in_target = {},
                       const std::vector<postgres::Statement>& in_source = {});

/// Terminates, if possible, backends of sessions that were abandoned or lost before they were used.
/// Call it at the end of a run in which connections failed, when no other session is in use.
/// \param endpoint the remaining session, if there is one; connected if necessary.
void end_leftovers(std::optional<Endpoint>& endpoint,
                   const postgres::ConnectionString& connection_string, Side side,
                   const std::string& command);

/// \throws UsageError if both are the same database of the same server: copying would delete the
/// rows that it copies.
void require_different(const Endpoints& endpoints);

/// True if `clone-schema` has begun in the target, and not finished. Its indexes, constraints and
/// triggers are missing then.
bool has_unfinished_clone(postgres::Connection& target);

/// What to do about it.
constexpr auto to_finish_clone = "run clone-schema again, which goes on, or clone-schema --discard";

/// \param command that needs the whole schema. \throws Error if has_unfinished_clone().
void require_finished_clone(postgres::Connection& target, const std::string& command);

/// Checks that a server is the same as when the run began.
/// \throws Error if the server is of another version or edition than before.
void require_unchanged(const Endpoint& endpoint, const timescale::Server& before);

} // namespace run
