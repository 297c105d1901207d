#pragma once

#include "cloning/connect.hpp"
#include "cloning/inventory.hpp"

#include <set>
#include <string>

namespace cloning {

/// Checks before anything is changed. Each throws an Error, or a UsageError, that names what is
/// missing, and the remedy.

/// The two are different databases, and the target's PostgreSQL is not older.
void require_servers(const run::Endpoint& source, const run::Endpoint& target);

/// The target has, or can have, TimescaleDB as the source does, and the source's other extensions.
/// \returns the statement that creates TimescaleDB in the target, with its schema before it; empty
/// when it is there.
std::string require_extensions(run::Endpoint& source, run::Endpoint& target);

/// The target has nothing of users.
void require_empty(run::Endpoint& target);

/// The roles of both connections may dump, and restore.
void require_privileges(run::Endpoint& source, const Inventory& inventory, run::Endpoint& target);

/// Nothing that is cloned needs a chunk, which is not.
void require_no_dependents_of_chunks(const Inventory& inventory);

/// The target has the roles that the source's objects name, and its role may turn off the jobs of
/// their owners. \param coming roles that are going to be created.
void require_roles(const Inventory& inventory, run::Endpoint& target,
                   const std::set<std::string>& coming);

} // namespace cloning
