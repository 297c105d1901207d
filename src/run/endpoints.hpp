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

/// The first one that a run has with a server shows that sessions there last.
enum class Session { first, further };

/// Whether a database may be without TimescaleDB.
enum class Extension {
    required_in_target, ///< as for all that copies rows
    optional,
};

/// A connection with its settings pinned, and what is at its other end. A source may have no
/// TimescaleDB.
struct Endpoint {
    /// \param command the program's command, for application_name.
    /// \param patience how long the server may take to answer once it is connected.
    /// \param access the role's, if nothing: the source is only read.
    /// \param further statements to run in the same round trip, once the session is pinned. On a
    /// first session they may fail, which is not said. \throws ConnectionError, or Error as
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
    /// To the further statements; empty when they were not run, or failed.
    std::vector<postgres::Result> answers;

    /// Reads again what the server is.
    void look_again();

    /// As the registry of a run's connections wants it.
    OpenConnections::Entry entry() const;
};

struct Endpoints {
    Endpoint source;
    Endpoint target;
};

/// A further session that has no TimescaleDB (postgres::Library::left_out): for tables of ours, and
/// for PostgreSQL's own. It costs a tenth of another.
struct LeanSession {
    /// \param patience how long the server may take to answer once it is connected.
    /// \throws ConnectionError
    LeanSession(const postgres::ConnectionString& connection_string, Side side,
                const std::string& command, std::chrono::milliseconds patience);

    postgres::ConnectionString connection_string;
    postgres::Connection connection;
    postgres::Backend backend;

    /// As the registry of a run's connections wants it.
    OpenConnections::Entry entry() const;
};

/// Statements that are sent together, and whose results are found by what ask() has returned.
class Questions {
  public:
    std::size_t ask(postgres::Statement statement) {
        statements_.push_back(std::move(statement));
        return statements_.size() - 1;
    }

    const std::vector<postgres::Statement>& statements() const { return statements_; }

  private:
    std::vector<postgres::Statement> statements_;
};

/// Connects to both at the same time.
/// \param in_target and \param in_source further statements, as in Endpoint.
/// \throws what either throws; the source first.
Endpoints connect_both(const postgres::ConnectionString& source,
                       const postgres::ConnectionString& target, const std::string& command,
                       Session session = Session::further,
                       std::chrono::milliseconds patience = Endpoint::default_patience,
                       const std::vector<postgres::Statement>& in_target = {},
                       const std::vector<postgres::Statement>& in_source = {});

/// Ends, as far as it can be done, what servers still have of sessions that were given up, or that
/// were lost before they could be used. For the end of a run in which connections failed, with no
/// other sessions left but these.
/// \param endpoint one of those, if there is one left.
void end_leftovers(std::optional<Endpoint>& endpoint,
                   const postgres::ConnectionString& connection_string, Side side,
                   const std::string& command);

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

} // namespace run
