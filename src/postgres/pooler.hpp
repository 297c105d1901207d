#pragma once

#include "postgres/connection.hpp"
#include "postgres/session.hpp"

#include <vector>

namespace postgres {

/**
 * Pins the session of a run's first connection to a server, and runs further statements. Needs one
 * round trip unless there is a pooler. Later connections need no check because they take the same
 * way.
 *
 * \param settings the session_settings() of the connection.
 * \param statements statements that are safe before the session is pinned. Behind a pooler they run
 * twice.
 * \param further statements for the same round trip after the session is pinned. They do not run
 * behind a pooler. If one of them fails, all are skipped and the error is ignored.
 * \returns the results of the statements, followed by those of the further statements if these ran.
 * \throws UsageError if a pooler shares the server process with others between our transactions
 * (PgBouncer's pool modes transaction and statement). Settings, locks, prepared statements and
 * exported snapshots belong to a session; they would be lost or affect other sessions. The session
 * is not pinned then, so that the application's sessions keep their settings.
 */
std::vector<Result> pin_first_session(Connection& connection, const Settings& settings,
                                      const std::vector<Statement>& statements,
                                      const std::vector<Statement>& further = {});

} // namespace postgres
