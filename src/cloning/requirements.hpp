#pragma once

#include "cloning/connect.hpp"
#include "cloning/plan.hpp"

#include <set>
#include <string>

namespace cloning {

/// Checks before anything is changed. Each throws an Error, or a UsageError, with a remedy.

/// Checks that these are different databases, and that the target's PostgreSQL is not older.
void require_servers(const run::Endpoint& source, const run::Endpoint& target);

/// Checks that the target's server has the source's extensions.
void require_extensions(run::Endpoint& source, run::Endpoint& target);

/// The TimescaleDB that the target will have.
struct TargetExtension {
    timescale::Server server;
    std::string creation; ///< statements that create it and its schema; empty if it exists
};

/// \param portable the version may be another than the source's.
/// \throws Error if the target's server has no suitable version.
TargetExtension find_target_extension(run::Endpoint& source, run::Endpoint& target, bool portable);

/// Why hypertables must be cloned by their definitions; empty if the catalog's rows can be
/// restored.
std::string reason_for_definitions(const run::Endpoint& source, run::Endpoint& target,
                                   const timescale::Server& extension);

/// Checks that the target has no objects of users.
void require_empty(run::Endpoint& target);

/// Checks that the source's role may dump, and the target's role may restore.
void require_privileges(const ClonePlan& plan, run::Endpoint& target);

/// Checks that no cloned object depends on a chunk. Chunks are not cloned.
void require_no_dependents_of_chunks(const Inventory& inventory);

/// Checks that the target has the roles that the source's objects name, and that its role may add
/// or turn off jobs of their owners. \param new_roles roles that will be created.
void require_roles(const ClonePlan& plan, run::Endpoint& target,
                   const std::set<std::string>& new_roles);

} // namespace cloning
