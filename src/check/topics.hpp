#pragma once

#include "check/finding.hpp"
#include "check/migration.hpp"
#include "postgres/connection.hpp"
#include "postgres/encryption.hpp"
#include "postgres/transaction.hpp"
#include "run/endpoints.hpp"

#include <optional>
#include <string>
#include <vector>

/**
 * What `check` looks at: a function for each topic, which reads and adds what it found. Any of them
 * may throw SqlError when the server refuses something, and ConnectionError.
 */
namespace check {

/// Looks at all topics. An error in one of them is a finding, and the others go on.
/// \throws ConnectionError, which is among the findings then; UsageError.
void look_at_all_topics(Findings& findings, Migration& migration, const Scope& scope);

// ---------------------------------------------------------------- range.cpp

/// Whether the times of all hypertables can take the bounds, and whether --until is in the past.
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

/// \param name of the connection.
void encryption(Findings& findings, Side side, const std::string& name,
                const postgres::Encryption& found);
void versions(Findings& findings, run::Endpoint& source, run::Endpoint& target, const Pairs& pairs);
void extension_schemas(Findings& findings, run::Endpoint& source, run::Endpoint& target);
/// Whether names without a schema mean the same on both sides.
void search_paths(Findings& findings, run::Endpoint& source, run::Endpoint& target);
void encodings(Findings& findings, run::Endpoint& source, run::Endpoint& target,
               const Pairs& pairs);

/// Whether the server is a standby, and whether it is still being restored.
void server_state(Findings& findings, run::Endpoint& endpoint);

/// \param workers of `copy`.
void connections(Findings& findings, run::Endpoint& endpoint, int workers);

// ---------------------------------------------------------------- schema.cpp

/// Indexes, constraints, dimensions and compression of hypertables that both sides have.
void definitions(Findings& findings, run::Endpoint& source, run::Endpoint& target,
                 const Pairs& pairs);

void tiered_data(Findings& findings, const Pairs& pairs);

// ---------------------------------------------------------------- triggers.cpp

/// How copying treats the target's triggers, and its constraints that are NOT VALID.
void triggers(Findings& findings, run::Endpoint& source, run::Endpoint& target, const Pairs& pairs);

/// Event triggers that would fire for what our commands do on a side.
void event_triggers(Findings& findings, run::Endpoint& endpoint);

// ---------------------------------------------------------------- jobs.cpp

/// Policies of the source that drop chunks of the range.
void source_jobs(Findings& findings, run::Endpoint& source, const Pairs& pairs,
                 const Chunks& chunks);

/// Policies and actions of the target that would change what is being copied.
/// \param chunks of the source. \param targets of the target.
void target_jobs(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& chunks, const Chunks& targets);

/// Policies whose owners lack the privileges for their work, also those that are off now.
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

/// Chunks of the target whose slices of time overlap others, and rows that are therefore in the
/// wrong chunk (sql/timescale/route_exactly.sql). \param targets of the target.
void overlapping_slices(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                        const Chunks& targets);

// ---------------------------------------------------------------- data.cpp

/// How much there is to copy, and how much space it needs in the target.
void sizes(Findings& findings, run::Endpoint& source, run::Endpoint* target, const Pairs& pairs,
           const Chunks& chunks);

/// Rows and chunks that the target has in the range.
/// \param targets chunks of the target in the range.
void target_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& sources, const Chunks& targets);

// ---------------------------------------------------------------- replaced_rows.cpp

/// What prevents replacing rows of the target, or follows from it: foreign keys that reference
/// them, and publications. \param targets chunks of the target in the range.
void replaced_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                   const Chunks& targets);

// ---------------------------------------------------------------- storage.cpp

/// Tables of either side with TimescaleDB's access method hypercore.
void access_methods(Findings& findings, const Pairs& pairs);

/// Chunks of the target that earlier releases of this program have made unreadable, whatever the
/// hypertable.
void misplaced_batches(Findings& findings, run::Endpoint& target);

/// Chunks of the target that a copy has attached, and was killed before it removed their stand-ins
/// (load::StandIn).
void stand_ins(Findings& findings, run::Endpoint& target);

// ---------------------------------------------------------------- helpers, in names.cpp

/// The parameters $1 and $2 that statements take for the names of a side's hypertables.
std::vector<postgres::Parameter> names_of(const Pairs& pairs,
                                          const timescale::Hypertable* HypertablePair::*side);

/// The statement timeout for reading users' data and for running their functions.
constexpr int patience_in_seconds = 5;

/// The statements that begin a transaction for them.
std::string begin_patiently();

/// True if the error is our statement timeout.
bool says_out_of_patience(const postgres::SqlError& error);

/// Does work that runs such statements on a connection.
/// \returns what the work returned; nothing if a statement took longer.
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
