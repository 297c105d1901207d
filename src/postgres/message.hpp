#pragma once

#include "postgres/error.hpp"

#include <libpq-fe.h>

#include <string>
#include <string_view>

namespace postgres {

/// libpq's messages run over several lines; ours are one. Bytes that are not UTF-8 become "?".
std::string one_line(std::string_view text);

/// True if nothing more comes from the server that said this, such as a terminated backend.
bool ends_connection(const PGresult* result);

/// The error that a server answered to a statement.
/// \pre the result has an SQLSTATE. \param role what the server is to this program.
SqlError sql_error(const PGresult* result, const std::string& role);

} // namespace postgres
