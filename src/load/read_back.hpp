#pragma once

#include "postgres/connection.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/slices.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

/**
 * What was loaded is looked at through its hypertable before it is committed, as an application
 * would do it: with filters by time, space partition and the columns of which TimescaleDB keeps
 * what it skips chunks and batches by, on constants, with the planner's usual settings. So whatever
 * path it came by, a chunk that cannot be planned or read, or that the planner leaves out, is not
 * reported as copied.
 */
namespace load {

/// What must be found afterwards.
struct ToReadBack {
    const timescale::Hypertable* target_hypertable = nullptr; ///< not owned
    timescale::Slices slices;                                 ///< of the hypercube that they are in
    timescale::TimeRange range; ///< they are in that of time, perhaps with others
    bool has_rows = true;       ///< some were loaded
    /// The transaction has added them to whatever was there, and is asked for them alone.
    bool added = false;
};

/// The statement that looks, in the transaction that loaded, which fails there when it does not
/// find what it should. It takes the first row and the last of each of a chunk's tables, by an
/// index or by the metadata of batches, and reads no others.
/// Of what was added, it is the first of the new rows in the last pages of each table, and the
/// last.
postgres::Statement read_back_statement(const std::vector<ToReadBack>& loaded);

/// The statement that finds the chunks that the open transaction has added rows to, and what it
/// returned. It finds none when the role may not read the hypertable.
postgres::Statement loaded_chunks_statement(const timescale::Hypertable& hypertable);
std::vector<ToReadBack> loaded_chunks_from(const postgres::Result& rows,
                                           const timescale::Hypertable& hypertable);

/// Why it failed, as the error of what was loaded.
/// \returns nothing when the error is another's, or will be another one next time
/// (Reaction::retry).
std::optional<std::string> read_back_failure(const postgres::SqlError& error);

} // namespace load
