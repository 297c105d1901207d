#pragma once

#include "postgres/connection.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <string>
#include <vector>

/// Tables of a source without TimescaleDB (Hypertable::is_plain_table), sliced like the target's
/// chunks.
namespace timescale {

/// The slice of time of a new chunk that contains a value (calculate_open_range_default in
/// TimescaleDB's src/dimension.c).
/// \param interval chunk interval of the hypertable, in internal time.
/// \param type of its time column.
TimeRange slice_around(InternalTime value, std::int64_t interval, const std::string& type);

/// The slice of a task that does not belong to a chunk: all of time.
constexpr TimeRange all_of_time{};

/// True if a condition on ctid reads only the pages of its range (PostgreSQL's
/// src/backend/executor/nodeTidrangescan.c). Earlier versions read the whole table.
bool reads_page_ranges(const Server& source);

/// True if a task's slices are all of time, so that the task spans chunks of the target.
bool span_chunks(const Slices& slices, const Dimension& time);

/// Finds the slices to copy of a table: those that have rows within the range. Uses the index on
/// time. A table without such an index has a single slice, all of time; finding out if it has rows
/// may require reading the whole table.
/// \param chunk_interval of the target's hypertable, in internal time.
std::vector<TimeRange> find_slices(postgres::Connection& source, const Hypertable& table,
                                   std::int64_t chunk_interval, const TimeRange& range);

/// Finds the slices that have rows by reading all rows.
/// \param rows the FROM item, with conditions. Infinite times are left out.
/// \param chunk_interval as for find_slices().
std::vector<TimeRange> slices_of_rows(postgres::Connection& source, const Dimension& time,
                                      const std::string& rows, std::int64_t chunk_interval);

/// Finds slices that have rows by reading about 16 MiB. May miss slices.
/// \param bytes of the table, with its partitions. \param condition for the rows.
std::vector<TimeRange> sampled_slices(postgres::Connection& source, const Dimension& time,
                                      const postgres::QualifiedName& table, std::int64_t bytes,
                                      const std::string& condition, std::int64_t chunk_interval);

/// Returns a "chunk" for each slice. The sizes are the planner's estimates of the rows within the
/// range. Without statistics, all sizes are equal.
std::vector<ChunkInRange> chunks_of_slices(postgres::Connection& source, const Hypertable& table,
                                           const std::vector<TimeRange>& slices,
                                           const TimeRange& range);

/// The reason why some rows within the range cannot be copied, as a sentence that begins with the
/// table's name; empty if all can be copied. Reads the whole table if its time column allows NULLs
/// and has no index.
std::string obstacle_of_rows(postgres::Connection& source, const Hypertable& table,
                             const TimeRange& range);

} // namespace timescale
