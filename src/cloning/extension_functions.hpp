#pragma once

#include "cloning/connect.hpp"

#include <set>
#include <string>
#include <vector>

namespace cloning {

/// TimescaleDB's functions, which the target may have in another schema than the source.
struct ExtensionFunctions {
    std::string source_schema; ///< empty if both sides have the same schema, and nothing is to do
    std::string target_schema;
    std::set<std::string> names;
    /// Functions of users whose bodies are text that names the schema. They are not changed.
    std::vector<std::string> users;

    /// Gives the functions in a statement the target's schema. \param statement with all
    /// identifiers quoted, as pg_dump writes it.
    std::string relocated(std::string statement) const;
};

ExtensionFunctions read_extension_functions(run::Endpoint& source, const timescale::Server& target);

} // namespace cloning
