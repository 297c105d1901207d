#pragma once

#include "cloning/extension_functions.hpp"
#include "cloning/inventory.hpp"
#include "cloning/new_caggs.hpp"
#include "cloning/new_hypertables.hpp"
#include "cloning/new_jobs.hpp"

#include <set>
#include <string>
#include <vector>

namespace cloning {

/// Something of the source that the target will not have.
struct LeftOut {
    std::string what;
    std::string reason;
    std::string remedy{}; ///< may be empty
};

/// What TimescaleDB manages in the source, to be created in the target by TimescaleDB's own
/// functions there. So the target may have another version, edition or schema of TimescaleDB, and
/// its role needs no access to TimescaleDB's catalog.
struct Definitions {
    std::vector<NewHypertable> hypertables;
    std::vector<NewCagg> caggs;                   ///< lower ones first
    std::vector<postgres::QualifiedName> catalog; ///< tables and sequences with contents
    /// Tables and views that TimescaleDB creates itself: of aggregates, and of compressed chunks.
    std::vector<postgres::QualifiedName> internal;
    /// Views and materialized views that need the aggregates.
    std::vector<postgres::QualifiedName> views_on_caggs;
    std::vector<std::string> statistics; ///< statements that create the statistics objects of these
    /// `ALTER STATISTICS ... OWNER TO "...";` for these, and for those of aggregates.
    std::vector<std::string> statistics_owners;
    std::vector<NewJob> jobs;
    ExtensionFunctions functions;
    /// That the target's role may not create: `publication "p"`, `event trigger "t"`.
    std::set<std::string> superuser_objects;
    std::vector<LeftOut> left_out;

    bool has(const postgres::QualifiedName& cagg) const;
};

/// Reads the definitions, without what the target cannot have.
/// \pre the source's connection is in a transaction of one snapshot.
/// \param target the server as it will be.
/// \param is_superuser the target's role is one.
/// \throws Error if the target cannot have something, and other objects depend on it.
Definitions read_definitions(run::Endpoint& source, const Inventory& inventory,
                             const timescale::Server& target, bool is_superuser);

} // namespace cloning
