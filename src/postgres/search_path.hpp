#pragma once

#include "postgres/connection.hpp"

#include <optional>
#include <string>

namespace postgres {

/// Unqualified names resolve to different objects in sessions of source and target. A likely cause
/// is that pg_dump does not include settings of databases and roles.
struct SearchPathDifference {
    std::string source; ///< default search_path of sessions, as SQL
    std::string target;
    std::string remedy; ///< the statement that gives the target the source's search_path
};

/// Compares the default search paths of both databases by the schemas that they find in the source.
/// Additional schemas at the end of the target's path do not matter. Neither do missing or empty
/// schemas and spelling.
/// \pre neither connection is in a transaction.
std::optional<SearchPathDifference> search_path_difference(Connection& source, Connection& target);

} // namespace postgres
