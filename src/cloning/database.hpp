#pragma once

#include "postgres/connection.hpp"
#include "postgres/session.hpp"
#include "timescale/server.hpp"

#include <optional>
#include <string>

namespace cloning {

/// One side of a clone: a connection with its settings pinned, to a database that may be without
/// TimescaleDB.
struct Database {
    /// \param role "source" or "target".
    /// \throws ConnectionError, UsageError as postgres::pin_first_session does, or Error when its
    /// TimescaleDB is too old.
    Database(const postgres::ConnectionString& string, const std::string& role,
             postgres::Access access);

    postgres::ConnectionString connection_string;
    postgres::Connection connection;
    int postgres_version = 0;                ///< server_version_num
    std::string identity;                    ///< as in timescale::Server
    std::optional<timescale::Server> server; ///< nothing when it has no TimescaleDB

    int major() const { return postgres_version / 10000; }

    /// Reads again what the database is.
    void look_again();

  private:
    void take(const postgres::Result& row);
};

/// What all sessions of this command are for.
constexpr auto purpose = "clone-schema";

} // namespace cloning
