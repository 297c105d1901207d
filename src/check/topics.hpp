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
 * The topics of `check`. Each has a function that reads the servers and adds findings. They throw
 * ConnectionError, and SqlError if the server refuses a statement.
 */
namespace check {

/// Checks all topics. An error in one of them becomes a finding, and the others are still checked.
/// \throws ConnectionError, after adding it to the findings; UsageError.
void check_all_topics(Findings& findings, Migration& migration, const Scope& scope);

// ---------------------------------------------------------------- range.cpp

/// Checks that the bounds fit the time types of all hypertables, and that --until is in the past.
void range(Findings& findings, Migration& migration, const Scope& scope);

// ---------------------------------------------------------------- hypertables.cpp

/// Checks that the target has the hypertables, with the same columns.
void hypertables(Findings& findings, const Pairs& pairs);

// ---------------------------------------------------------------- plain_tables.cpp

/// Checks the tables of a plain source: rows without a time, missing indexes.
void plain_tables(Findings& findings, Migration& migration, const Scope& scope);

// ---------------------------------------------------------------- privileges.cpp, queue.cpp

void privileges(Findings& findings, run::Endpoint& endpoint, const Pairs& pairs);

/// Checks whether the target has a queue of an earlier stage.
void earlier_queue(Findings& findings, run::Endpoint& target);

/// Checks whether `clone-schema` has begun in the target, and not finished.
void unfinished_clone(Findings& findings, run::Endpoint& target);

// ---------------------------------------------------------------- servers.cpp

/// \param name of the connection.
void encryption(Findings& findings, Side side, const std::string& name,
                const postgres::Encryption& found);
void versions(Findings& findings, run::Endpoint& source, run::Endpoint& target, const Pairs& pairs);
void extension_schemas(Findings& findings, run::Endpoint& source, run::Endpoint& target);
/// Checks that names without a schema mean the same on both sides.
void search_paths(Findings& findings, run::Endpoint& source, run::Endpoint& target);
void encodings(Findings& findings, run::Endpoint& source, run::Endpoint& target,
               const Pairs& pairs);

/// Checks whether the server is a standby, and whether timescaledb.restoring is still on.
void server_state(Findings& findings, run::Endpoint& endpoint);

/// \param workers of `copy`.
void connections(Findings& findings, run::Endpoint& endpoint, int workers);

// ---------------------------------------------------------------- lock_table.cpp

/// Reports if a server's lock table (max_locks_per_transaction) has no room for all chunks of a
/// table.
void lock_tables(Findings& findings, run::Endpoint& source, run::Endpoint& target);

// ---------------------------------------------------------------- schema.cpp

/// Compares indexes, constraints, dimensions and compression settings of hypertables that both
/// sides have.
void definitions(Findings& findings, run::Endpoint& source, run::Endpoint& target,
                 const Pairs& pairs);

void tiered_data(Findings& findings, const Pairs& pairs);

// ---------------------------------------------------------------- triggers.cpp

/// Reports how copy treats the target's triggers, and its constraints that are NOT VALID.
void triggers(Findings& findings, run::Endpoint& source, run::Endpoint& target, const Pairs& pairs);

/// Reports event triggers that the program's commands would fire on a side.
void event_triggers(Findings& findings, run::Endpoint& endpoint);

// ---------------------------------------------------------------- jobs.cpp

/// Reports policies of the source that drop chunks of the range.
void source_jobs(Findings& findings, run::Endpoint& source, const Pairs& pairs,
                 const Chunks& chunks);

/// Reports policies and user-defined jobs of the target that may change copied rows.
/// \param chunks of the source. \param targets of the target.
void target_jobs(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& chunks, const Chunks& targets);

/// Reports policies whose owners lack necessary privileges, also if the policies are paused.
void owners_of_policies(Findings& findings, run::Endpoint& target);

// ---------------------------------------------------------------- foreign_keys.cpp, sequences.cpp

void foreign_keys(Findings& findings, run::Endpoint& source, run::Endpoint& target,
                  const Pairs& pairs);

/// Reports sequences of the target that are behind the source's.
void sequences(Findings& findings, run::Endpoint& source, run::Endpoint& target);

// ---------------------------------------------------------------- synced_tables.cpp

/// Reports plain tables that sync-tables would leave out.
void synced_tables(Findings& findings, run::Endpoint& source, run::Endpoint& target);

// ---------------------------------------------------------------- skipping.cpp

/// Reports chunks of the target that are not recorded for chunk skipping.
void chunk_skipping(Findings& findings, run::Endpoint& target, const Pairs& pairs);

// ---------------------------------------------------------------- slices.cpp

/// Reports chunks of the target whose slices of time overlap, and rows that are therefore in the
/// wrong chunk (sql/timescale/route_exactly.sql). \param targets of the target.
void overlapping_slices(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                        const Chunks& targets);

// ---------------------------------------------------------------- data.cpp

/// Reports how much there is to copy, and how much disk space it needs in the target.
void sizes(Findings& findings, run::Endpoint& source, run::Endpoint* target, const Pairs& pairs,
           const Chunks& chunks);

/// Reports rows and chunks that the target already has in the range.
/// \param targets chunks of the target in the range.
void target_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                 const Chunks& sources, const Chunks& targets);

// ---------------------------------------------------------------- replaced_rows.cpp

/// Reports foreign keys and publications that prevent replacing rows of the target, or that are
/// affected by it. \param targets chunks of the target in the range.
void replaced_rows(Findings& findings, run::Endpoint& target, const Pairs& pairs,
                   const Chunks& targets);

// ---------------------------------------------------------------- storage.cpp

/// Reports tables of either side with TimescaleDB's access method hypercore.
void access_methods(Findings& findings, const Pairs& pairs);

/// Reports chunks of any hypertable of the target that earlier releases of this program have made
/// unreadable.
void misplaced_batches(Findings& findings, run::Endpoint& target);

/// Reports chunks of the target that still have stand-ins (load::StandIn), because a copy was
/// killed after it had attached them.
void stand_ins(Findings& findings, run::Endpoint& target);

// ---------------------------------------------------------------- helpers, in names.cpp

/// The parameters $1 and $2 that statements take for the names of a side's hypertables.
std::vector<postgres::Parameter> names_of(const Pairs& pairs,
                                          const timescale::Hypertable* HypertablePair::*side);

/// The timeout of statements that read users' rows or call their functions.
constexpr int timeout_in_seconds = 5;

/// The statements that begin a transaction with this timeout.
std::string begin_with_timeout();

/// True if the error is our statement timeout.
bool is_timeout(const postgres::SqlError& error);

/// Does work in a read-only transaction with this timeout.
/// \returns the result of the work; nothing if a statement exceeded the timeout.
template <typename Work>
auto with_timeout(postgres::Connection& connection, const Work& work) {
    const postgres::Transaction transaction(connection, begin_with_timeout());
    try {
        return std::optional(work());
    } catch (const postgres::SqlError& error) {
        if (!is_timeout(error))
            throw;
        return std::optional<decltype(work())>();
    }
}

/// The same for a single statement.
std::optional<postgres::Result> query_with_timeout(postgres::Connection& connection,
                                                   const std::string& sql);

} // namespace check
