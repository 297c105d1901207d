#pragma once

#include "postgres/connection_string.hpp"
#include "postgres/error.hpp"

#include <string>

namespace postgres {

/// The error of a server whose lock table is full, with a value for the setting that will do. Asks
/// the server on a connection of its own, because the one that failed may be within a transaction.
/// \param name Connection::name().
LockTableFull lock_table_full(const SqlError& error, const ConnectionString& server,
                              const std::string& name);

/// What to do about it. \param enough locks per transaction.
std::string lock_table_remedy(const std::string& enough);

} // namespace postgres
