#pragma once

#include "cloning/connect.hpp"
#include "cloning/inventory.hpp"

#include <set>
#include <string>

namespace cloning {

/// Checks before anything is changed. Each throws an Error, or a UsageError, with a remedy.

/// Checks that these are different databases, and that the target's PostgreSQL is not older.
void require_servers(const run::Endpoint& source, const run::Endpoint& target);

/// Checks that the target has TimescaleDB like the source, or can create it, and that the source's
/// other extensions are available.
/// \returns the statements that create TimescaleDB and its schema in the target; empty if it
/// exists.
std::string require_extensions(run::Endpoint& source, run::Endpoint& target);

/// Checks that the target has no objects of users.
void require_empty(run::Endpoint& target);

/// Checks that the source's role may dump, and the target's role may restore.
void require_privileges(run::Endpoint& source, const Inventory& inventory, run::Endpoint& target);

/// Checks that no cloned object depends on a chunk. Chunks are not cloned.
void require_no_dependents_of_chunks(const Inventory& inventory);

/// Checks that the target has the roles that the source's objects name, and that its role may turn
/// off jobs of their owners. \param new_roles roles that will be created.
void require_roles(const Inventory& inventory, run::Endpoint& target,
                   const std::set<std::string>& new_roles);

} // namespace cloning
