#pragma once

#include "check/finding.hpp"
#include "check/migration.hpp"
#include "postgres/connection.hpp"
#include "run/endpoints.hpp"

#include <optional>
#include <string>
#include <vector>

/**
 * What `check` looks at: a function for each topic, which reads and adds what it found. Any of them
 * may throw SqlError when the server refuses something, and ConnectionError.
 */
namespace check {

/// Looks at all topics. What keeps it from one is a finding, and the others go on.
/// \throws ConnectionError, which is among the findings then; UsageError.
void look_at_all_topics(Findings& findings, Migration& migration, const Scope& scope);

// ---------------------------------------------------------------- range.cpp

/// Whether all hypertables can take the bounds, and whether all is written twice after --until.
void range(Findings& findings, Migration& migration, const Scope& scope);

// ---------------------------------------------------------------- hypertables.cpp

/// Whether the target has the hypertables, with the same columns.
void hypertables(Findings& findings, const Pairs& pairs);

// ---------------------------------------------------------------- plain_tables.cpp

/// What it means that the source's tables are no hypertables.
void plain_tables(Findings& findings, Migration& migration, const Scope& scope);

// ---------------------------------------------------------------- privileges.cpp, queue.cpp

void privileges(Findings& findings, run::Endpoint& endpoint, const Pairs& pairs);

/// What the target has of an earlier stage.
void earlier_queue(Findings& findings, run::Endpoint& target);

// ---------------------------------------------------------------- servers.cpp

void encryption(Findings& findings, run::Endpoint& endpoint);
void versions(Findings& findings, run::Endpoint& source, run::Endpoint& target, const Pairs& pairs);
void extension_schemas(Findings& findings, run::Endpoint& source, run::Endpoint& target);
/// Whether names without a schema mean the same on both sides.
void search_paths(Findings& findings, run::Endpoint& source, run::Endpoint& target);
void encodings(Findings& findings, run::Endpoint& source, run::Endpoint& target,
               const Pairs& pairs);

/// Whether a server is a standby, and what state it is in.
void server_state(Findings& findings, run::Endpoint& endpoint);

/// \param workers of `copy`.
void connections(Findings& findings, run::Endpoint& endpoint, int workers);

// ---------------------------------------------------------------- schema.cpp

/// Indexes, constraints, dimensions and compression of hypertables that both sides have.
void definitions(Findings& findings, run::Endpoint& source, run::Endpoint& target,
                 const Pairs& pairs);

void tiered_data(Findings& findings, const Pairs& pairs);

// ---------------------------------------------------------------- triggers.cpp

/// What becomes of the target's triggers, and of its constraints that are NOT VALID.
void triggers(Findings& findings, run::Endpoint& source, run::Endpoint& target, const Pairs& pairs);

/// Event triggers that would fire for what our commands do on a side.
void event_triggers(Findings& findings, run::Endpoint& endpoint);

// ---------------------------------------------------------------- jobs.cpp

/// Policies of the source that drop what is to be copied.
void source_jobs(Findings& findings, run::Endpoint& source, const Pairs& pairs,
                 const Chunks& chunks);

/// Policies and actions of the target that would work on what is being copied.
/// \param chunks of the source. \param targets of the target.
void target_jobs(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& chunks, const Chunks& targets);

/// Policies whose owners may not do their work, also those that are off just now.
void owners_of_policies(Findings& findings, run::Endpoint& target);

// ---------------------------------------------------------------- foreign_keys.cpp, sequences.cpp

void foreign_keys(Findings& findings, run::Endpoint& source, run::Endpoint& target,
                  const Pairs& pairs);

/// Sequences of the target that are behind the source's.
void sequences(Findings& findings, run::Endpoint& source, run::Endpoint& target);

// ---------------------------------------------------------------- skipping.cpp

/// Chunks of the target that are not recorded for chunk skipping.
void chunk_skipping(Findings& findings, run::Endpoint& target, const Pairs& pairs);

// ---------------------------------------------------------------- slices.cpp

/// Chunks of the target whose slices of time overlap others, and rows that are in a wrong one of
/// them for that (sql/route_exactly.sql). \param targets of the target.
void overlapping_slices(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                        const Chunks& targets);

// ---------------------------------------------------------------- data.cpp

/// How much there is to copy, and what it takes in the target.
void sizes(Findings& findings, run::Endpoint& source, run::Endpoint* target, const Pairs& pairs,
           const Chunks& chunks);

/// Rows and chunks that the target has in the range.
/// \param targets chunks of the target in the range.
void target_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& sources, const Chunks& targets);

// ---------------------------------------------------------------- replaced_rows.cpp

/// What stands against replacing rows of the target, or what comes of it: foreign keys that
/// reference them, and publications. \param targets chunks of the target in the range.
void replaced_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                   const Chunks& targets);

// ---------------------------------------------------------------- storage.cpp

/// Tables of either side with TimescaleDB's access method hypercore.
void access_methods(Findings& findings, const Pairs& pairs);

/// Chunks of the target that earlier releases of this program have made unreadable, whatever the
/// hypertable.
void misplaced_batches(Findings& findings, run::Endpoint& target);

// ---------------------------------------------------------------- helpers, in names.cpp

/// The parameters $1 and $2 that statements take for the names of a side's hypertables.
std::vector<postgres::Parameter> names_of(const Pairs& pairs,
                                          const timescale::Hypertable* HypertablePair::*side);

/// How long a statement may take that reads users' data, or runs their functions.
constexpr int patience_in_seconds = 5;

/// A transaction of such statements begins.
std::string begin_patiently();

/// Whether it is for that that one of them failed.
bool says_out_of_patience(const postgres::SqlError& error);

/// Does work with a connection that runs such statements.
/// \returns what the work returned; nothing when one of them took longer.
template <typename Work>
auto patiently(postgres::Connection& connection, const Work& work) {
    const postgres::Transaction transaction(connection, begin_patiently());
    try {
        return std::optional(work());
    } catch (const postgres::SqlError& error) {
        if (!says_out_of_patience(error))
            throw;
        return std::optional<decltype(work())>();
    }
}

/// The same for a single statement.
std::optional<postgres::Result> query_patiently(postgres::Connection& connection,
                                                const std::string& sql);

} // namespace check
