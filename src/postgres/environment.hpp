#pragma once

#include "postgres/connection.hpp"

#include <string>
#include <vector>

namespace postgres {

/// The environment with which PostgreSQL's own programs connect as a connection did, to the same
/// host: this process's, with libpq's variables as the connection has them. A password stands in
/// it, and nowhere else. \param application_name shown in pg_stat_activity. \throws Error when the
/// connection needs what no variable can say.
std::vector<std::string> environment_for(const Connection& connection,
                                         const std::string& application_name);

/// What there are no variables for, as a connection string: how the operating system notices that
/// the other end is gone. No secret is in it.
std::string arguments_for(const Connection& connection);

/// The name of the database that a connection is to, as a connection string: a name alone might be
/// taken for one.
std::string database_argument(const Connection& connection);

} // namespace postgres
