#pragma once

#include "postgres/connection.hpp"
#include "postgres/session.hpp"

#include <vector>

namespace postgres {

/**
 * Pins the session of a run's first connection to a server, and runs further statements: in one
 * round trip, unless there is a pooler between. It is enough to ask once: the other connections go
 * the same way.
 *
 * \param settings the session_settings() that the connection was given.
 * \param statements that are safe before the session is pinned. Behind a pooler they are run twice.
 * \param further statements that are run in the same round trip once the session is pinned, if all
 * of them succeed and there is no pooler between; that is all that is said of them. \returns the
 * results of the statements, and then of the further ones, unless those were not run. \throws
 * UsageError when a pooler lets others have the server process between our transactions
 * (PgBouncer's pool modes transaction and statement). Settings, locks, prepared statements and
 * exported snapshots belong to a session; there, they would be lost, or be somebody else's. Nothing
 * has been pinned then, for it would be in the application's sessions.
 */
std::vector<Result> pin_first_session(Connection& connection, const Settings& settings,
                                      const std::vector<Statement>& statements,
                                      const std::vector<Statement>& further = {});

} // namespace postgres
