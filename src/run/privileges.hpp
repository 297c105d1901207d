#pragma once

#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <string>
#include <vector>

namespace run {

/// Checks, before anything is copied, that the roles of both connections have the privileges for
/// staging and copying hypertables, and that row level security hides no rows from them. Takes one
/// round trip to each server.
/// \throws Error that names everything that is missing, with the SQL that grants it.
void require_privileges_to_stage(Endpoints& ends, const std::vector<timescale::Hypertable>& sources,
                                 const std::vector<const timescale::Hypertable*>& targets);

/// The same for the hypertables of the queue's unfinished tasks, using the results of the
/// statements below. \param to_do result of hypertables_to_do_statement() in the target. \param
/// in_target result of all_privileges_statement() in the target. \param in_source the same in the
/// source; nullptr to query the source, which takes a round trip.
void require_privileges_to_copy(Endpoints& ends, const postgres::Result& to_do,
                                const postgres::Result& in_target,
                                const postgres::Result* in_source);
postgres::Statement hypertables_to_do_statement();
postgres::Statement all_privileges_statement();

/// The privileges for staging and copying hypertables that a connection's role lacks.
struct MissingPrivileges {
    std::string role;                  ///< empty if there are no such hypertables
    std::vector<std::string> remedies; ///< SQL that grants it
};
MissingPrivileges missing_privileges(Endpoint& endpoint,
                                     const std::vector<postgres::QualifiedName>& hypertables);

} // namespace run
