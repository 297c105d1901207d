#pragma once

#include "postgres/connection.hpp"

#include <string>
#include <vector>

namespace postgres {

/// The environment for PostgreSQL's own programs to connect like an existing connection, to the
/// same host. It is the environment of this process with libpq's variables set from the connection.
/// Only the environment contains the password.
/// \param application_name shown in pg_stat_activity.
/// \throws Error if the connection needs a setting for which libpq has no variable.
std::vector<std::string> environment_for(const Connection& connection,
                                         const std::string& application_name);

/// The settings without variables, as a connection string: TCP keepalives and timeouts. It contains
/// no secrets.
std::string arguments_for(const Connection& connection);

/// The name of a connection's database, as a connection string. A bare name might be parsed as a
/// connection string.
std::string database_argument(const Connection& connection);

} // namespace postgres
