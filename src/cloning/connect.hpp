#pragma once

#include "base/side.hpp"
#include "postgres/connection_string.hpp"
#include "run/endpoints.hpp"

namespace cloning {

/// The purpose in the application_name of all sessions of this command.
constexpr auto purpose = "clone-schema";

/// Connects to a database, which may be without TimescaleDB.
/// \throws ConnectionError, UsageError as postgres::pin_first_session does, or Error if its
/// TimescaleDB, or its PostgreSQL without TimescaleDB, is too old.
run::Endpoint connect(const postgres::ConnectionString& connection_string, Side side);

} // namespace cloning
