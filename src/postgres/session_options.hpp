#pragma once

#include "postgres/connection.hpp"

#include <string>

namespace postgres {

/// A connection string like another one, whose sessions begin with further command-line options of
/// the server's.
/// \param connection one that was made with it.
/// \param options such as "-c jit=off".
ConnectionString with_options(const ConnectionString& like, const Connection& connection,
                              const std::string& options);

} // namespace postgres
