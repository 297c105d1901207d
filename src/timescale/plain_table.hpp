#pragma once

#include "postgres/connection.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <string>
#include <vector>

/// Tables of a source without TimescaleDB (Hypertable::is_plain_table), cut as the target cuts its
/// chunks.
namespace timescale {

/// The slice of time that a hypertable cuts for a chunk around a value
/// (calculate_open_range_default in TimescaleDB's src/dimension.c).
/// \param interval of its chunks, in internal time. \param type of its time.
TimeRange slice_around(InternalTime value, std::int64_t interval, const std::string& type);

/// The slice of a task that is no chunk's: all of time.
constexpr TimeRange all_of_time{};

/// Whether the slices that a task was staged with are all of time: it spans chunks of the target.
bool span_chunks(const Slices& slices, const Dimension& time);

/// What of a table there is to copy: each slice that has rows within the range, found by the index
/// on time. A table without one has a single slice, of all of time; whether it has rows may take
/// reading all of it.
/// \param chunk_interval of the target's hypertable.
std::vector<TimeRange> find_slices(postgres::Connection& source, const Hypertable& table,
                                   std::int64_t chunk_interval, const TimeRange& range);

/// A "chunk" for each slice. Sizes, of what is within the range, are what the planner estimates;
/// all the same, where it has no statistics.
std::vector<ChunkInRange> chunks_of_slices(postgres::Connection& source, const Hypertable& table,
                                           const std::vector<TimeRange>& slices,
                                           const TimeRange& range);

/// Why not all rows within the range can be copied: a sentence that begins with the table's name;
/// empty when they can. Without an index on time, reads the whole table where NULLs are allowed.
std::string obstacle_of_rows(postgres::Connection& source, const Hypertable& table,
                             const TimeRange& range);

} // namespace timescale
