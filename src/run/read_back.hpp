#pragma once

#include "postgres/connection.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/slices.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

/**
 * Reads loaded rows back through their hypertable before COMMIT, as an application would: with
 * constants as filters by time, space partition and the columns by which TimescaleDB skips chunks
 * and batches, and with default planner settings. So a chunk that the planner excludes or cannot
 * read is not reported as copied, no matter how it was loaded.
 */
namespace run {

/// Rows to read back.
struct ToReadBack {
    const timescale::Hypertable* target_hypertable = nullptr; ///< not owned
    timescale::Slices slices;                                 ///< their hypercube
    timescale::TimeRange range; ///< of time; other rows may be in it, too
    bool has_rows = true;       ///< there are rows to find
    /// Their number, if it is known and none are in compressed batches.
    std::optional<std::int64_t> rows{};
    /// The transaction has added the rows to others. Only new rows are looked for.
    bool added = false;
};

/// The statement that reads back rows in the transaction that has loaded them, and fails if it does
/// not find them. It looks for the first and the last row of each of a chunk's tables, by an index
/// or by the metadata of batches, or counts the rows of a small chunk. If rows were added, it looks
/// for the first and the last new row in the last pages of each table.
postgres::Statement read_back_statement(const std::vector<ToReadBack>& loaded);

/// The statement that finds the chunks to which the open transaction has added rows, and its
/// result. It finds none if the role may not read the hypertable.
postgres::Statement loaded_chunks_statement(const timescale::Hypertable& hypertable);
std::vector<ToReadBack> loaded_chunks_from(const postgres::Result& rows,
                                           const timescale::Hypertable& hypertable);

/// The message for rows that could not be read back.
/// \returns nothing if the error is another statement's, or if the reaction is to retry.
std::optional<std::string> read_back_failure(const postgres::SqlError& error);

} // namespace run
