#pragma once

#include "postgres/connection.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <string>
#include <vector>

/// Tables of a source without TimescaleDB (Hypertable::plain), cut as the target cuts its chunks.
namespace timescale {

/// The slice of time that a hypertable cuts for a chunk around a value
/// (calculate_open_range_default in TimescaleDB's src/dimension.c).
/// \param interval of its chunks, in internal time. \param type of its time.
TimeRange slice_around(InternalTime value, std::int64_t interval, const std::string& type);

/// The slice of a task that is no chunk's: all of time.
constexpr TimeRange all_of_time{};

/// Whether the slices that a task was staged with are all of time: it spans chunks of the target.
/// \param slices as in Hypercube.
bool span_chunks(const std::string& slices, const Dimension& time);

/// What of a table there is to copy: a "chunk" for each slice that has rows within the range, found
/// by the index on time. A table without one has a single chunk, of all of time. Sizes are what the
/// planner estimates; all the same, where it has no statistics.
/// \param chunk_interval of the target's hypertable.
std::vector<ChunkInRange> read_slices_in_range(postgres::Connection& source,
                                               const Hypertable& table, std::int64_t chunk_interval,
                                               const TimeRange& range);

/// Why not all rows within the range can be copied: a sentence that begins with the table's name;
/// empty when they can. Without an index on time, reads the whole table where NULLs are allowed.
std::string obstacle_of_rows(postgres::Connection& source, const Hypertable& table,
                             const TimeRange& range);

} // namespace timescale
