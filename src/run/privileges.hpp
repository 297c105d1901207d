#pragma once

#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <string>
#include <vector>

namespace run {

/// Sees to it, before anything is copied, that the roles of both connections have the privileges
/// that staging and copying some hypertables take, and that no row level security hides rows from
/// them. One round trip to either side.
/// \throws Error that names everything that is missing, with the SQL that grants it.
void require_privileges_to_stage(Endpoints& ends, const std::vector<timescale::Hypertable>& sources,
                                 const std::vector<const timescale::Hypertable*>& targets);

/// The same for the hypertables that the queue has tasks of, out of what the statements below
/// returned.
/// \param to_do hypertables_to_do_statement(), in the target.
/// \param in_target all_privileges_statement(). \param in_source the same there; nullptr when it is
/// still to be asked: it takes a round trip.
void require_privileges_to_copy(Endpoints& ends, const postgres::Result& to_do,
                                const postgres::Result& in_target,
                                const postgres::Result* in_source);
postgres::Statement hypertables_to_do_statement();
postgres::Statement all_privileges_statement();

/// What a connection's role lacks to stage and copy hypertables.
struct MissingPrivileges {
    std::string role;                  ///< empty when there are no such hypertables
    std::vector<std::string> remedies; ///< SQL that grants it
};
MissingPrivileges missing_privileges(Endpoint& endpoint,
                                     const std::vector<postgres::QualifiedName>& hypertables);

} // namespace run
