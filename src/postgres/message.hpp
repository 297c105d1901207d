#pragma once

#include "postgres/error.hpp"

#include <libpq-fe.h>

#include <string>
#include <string_view>

namespace postgres {

/// Converts a message of libpq to a single line. Replaces bytes that are not UTF-8 by "?".
std::string one_line(std::string_view text);

/// True if the server sends nothing more after this message, for example from a terminated backend.
bool ends_connection(const PGresult* result);

/// The error that a server returned for a statement.
/// \pre the result has an SQLSTATE.
/// \param role the server's role for this program.
SqlError sql_error(const PGresult* result, const std::string& role);

} // namespace postgres
