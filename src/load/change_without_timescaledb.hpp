#pragma once

#include "postgres/connection.hpp"

#include <functional>
#include <string>

namespace load {

/// Connects to the target without TimescaleDB (postgres::Library::left_out).
/// \throws ConnectionError
using ConnectLean = std::function<postgres::Connection()>;

/// Changes a chunk in a way that TimescaleDB refuses and PostgreSQL does not, in a transaction of a
/// session without TimescaleDB. Such a session runs a single ALTER TABLE, because TimescaleDB's
/// event trigger then loads the extension; so each attempt has a session of its own. The
/// transaction waits briefly for locks, because readers and writers of the chunk queue behind it.
/// \param change is called in the transaction. Returns true if another transaction must follow.
/// \param attempts to get the locks.
/// \returns why it failed; empty on success, or if the table was dropped. Throws nothing.
std::string change_without_timescaledb(const ConnectLean& connect, int attempts,
                                       const std::function<bool(postgres::Connection&)>& change);

} // namespace load
