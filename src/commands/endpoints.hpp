#pragma once

#include "postgres/connection.hpp"
#include "timescale/server.hpp"

#include <optional>
#include <string>

namespace commands {

enum class Role { source, target };

/// A connection with its settings pinned, and what the server at its end is.
struct Endpoint {
    /// \param command the program's command, for application_name.
    /// \throws ConnectionError, or Error as timescale::server_from does.
    Endpoint(const postgres::ConnectionString& connection_string, Role role,
             const std::string& command);

    postgres::Connection connection;
    timescale::Server server;
};

/// \throws UsageError when both are the same database of the same server: copying would delete
/// what it is to copy.
void require_different(const Endpoint& source, const Endpoint& target);

/// The statements that begin a transaction to read the source in, or to compare the target in: it
/// never waits, as SERIALIZABLE DEFERRABLE would, and a hot standby takes it. One statement, when
/// there is no snapshot. \param snapshot an exported snapshot to read under.
std::string begin_read_transaction(const std::optional<std::string>& snapshot);

} // namespace commands
