#pragma once

#include "postgres/connection.hpp"

#include <optional>
#include <string>

namespace postgres {

/// Sessions of the two sides find other objects by names without a schema. A dump brings no
/// settings of databases and roles along.
struct SearchPathDifference {
    std::string source; ///< what sessions have by default, as SQL
    std::string target;
    std::string remedy; ///< the statement that gives the target the source's
};

/// Compares what the sides' own paths lead to in the source; what follows there in the target's
/// changes nothing. Schemas that are missing or empty, and spellings, are no differences.
/// \pre neither connection is in a transaction.
std::optional<SearchPathDifference> search_path_difference(Connection& source, Connection& target);

} // namespace postgres
