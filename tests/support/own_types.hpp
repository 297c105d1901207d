#pragma once

#include "support/kinds.hpp"
#include "support/migration.hpp"

#include <string>
#include <vector>

namespace test {

/// Makes types of a user's own in a schema of both databases: enums, composites, domains and
/// ranges, some made of others. Each side makes them in another order, among other things that take
/// OIDs, so that none has the OID that its counterpart has.
std::vector<Kind> make_own_types(Random& random, Database& source, Database& target,
                                 const std::string& schema);

/// Makes the extensions that both servers have, of citext, hstore and some more, and returns their
/// types.
std::vector<Kind> make_extension_types(Database& source, Database& target);

} // namespace test
