#pragma once

#include "support/kinds.hpp"
#include "support/migration.hpp"

#include <string>
#include <vector>

namespace test {

/// Creates user-defined types in a schema of both databases: enums, composites, domains and ranges,
/// some of them nested. Each side creates them in another order, and other objects in between, so
/// that no type has the same OID on both sides.
std::vector<Kind> make_user_types(Random& random, Database& source, Database& target,
                                  const std::string& schema);

/// Creates the extensions that are available on both servers, such as citext and hstore, and
/// returns their types.
std::vector<Kind> make_extension_types(Database& source, Database& target);

} // namespace test
