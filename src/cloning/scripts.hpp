#pragma once

#include "cloning/plan.hpp"

#include <string>

/// What psql runs around a dump.
namespace cloning {

/// Ends what script_before() begins for a plan with catalog.
std::string end_restoring(const run::Endpoint& target);

/// Begins the transaction.
std::string script_before(const ClonePlan& plan, const run::Endpoint& target);

/// After the dump of tables: creates hypertables, and continuous aggregates by their definitions.
std::string script_of_hypertables(const ClonePlan& plan, const run::Endpoint& target);

/// After all dumps: turns off jobs, or adds them, turned off.
std::string script_of_jobs(const ClonePlan& plan, const run::Endpoint& target);

} // namespace cloning
