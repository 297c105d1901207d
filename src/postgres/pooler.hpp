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
 * \param statements that are safe before the session is pinned. Behind a pooler they are run twice.
 * \returns their results.
 * \throws UsageError when a pooler lets others have the server process between our transactions
 * (PgBouncer's pool modes transaction and statement). Settings, locks, prepared statements and
 * exported snapshots belong to a session; there, they would be lost, or be somebody else's. Nothing
 * has been pinned then, for it would be in the application's sessions.
 */
std::vector<Result> pin_first_session(Connection& connection, Access access,
                                      std::vector<Statement> statements);

} // namespace postgres
