#pragma once

#include "cloning/database.hpp"
#include "cloning/inventory.hpp"

#include <set>
#include <string>

namespace cloning {

/// What has to be so before anything is done. Each throws an Error, or a UsageError, that says what
/// is not, and the remedy.

/// The two are different databases, and the target's PostgreSQL is not older.
void require_servers(const Database& source, const Database& target);

/// The target has, or can have, TimescaleDB as the source does, and the source's other extensions.
/// \returns the statement that creates TimescaleDB in the target, with its schema before it; empty
/// when it is there.
std::string require_extensions(Database& source, Database& target);

/// The target has nothing of users.
void require_empty(Database& target);

/// The roles of both connections may dump, and restore.
void require_privileges(Database& source, const Inventory& inventory, Database& target);

/// Nothing that is cloned needs a chunk, which is not.
void require_no_dependents_of_chunks(const Inventory& inventory);

/// The roles that the source's objects name are there, and those whose jobs are to be turned off
/// are ours. \param coming roles that are going to be created.
void require_roles(const Inventory& inventory, Database& target,
                   const std::set<std::string>& coming);

} // namespace cloning
