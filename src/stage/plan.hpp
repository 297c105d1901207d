#pragma once

#include "postgres/connection.hpp"
#include "postgres/transaction.hpp"
#include "queue/task.hpp"
#include "run/endpoints.hpp"
#include "run/selection.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// The tasks that `stage` adds to the queue.
namespace stage {

/// Begins a transaction that reads the source, with the snapshot if there is one.
/// \throws UsageError if the snapshot cannot be used.
postgres::Transaction begin_reading(postgres::Connection& source,
                                    const std::optional<std::string>& snapshot);

/// The range of each hypertable to stage.
/// \throws UsageError that names every hypertable whose time column does not support the bounds.
std::vector<timescale::TimeRange> ranges_for(const std::vector<timescale::Hypertable>& hypertables,
                                             const run::Bounds& bounds);

/// Finds the target's hypertable for each of the source's, in the same order.
/// \throws Error that names every difference.
std::vector<const timescale::Hypertable*>
find_counterparts(const std::vector<timescale::Hypertable>& sources,
                  const std::vector<timescale::Hypertable>& targets);

/// Logs a warning for each hypertable with chunks in object storage, which are not copied.
void warn_of_tiered_chunks(const std::vector<timescale::Hypertable>& hypertables);

/// The slices of time of plain tables, which are copied like chunks. This may take long.
/// \param ranges, counterparts parallel to the hypertables.
/// \param known further slices of each table, which may have no rows any more.
/// \throws Error if a plain table has rows that no chunk can contain.
std::vector<timescale::ChunkInRange> read_plain_chunks(
    postgres::Connection& source, const std::vector<timescale::Hypertable>& hypertables,
    const std::vector<timescale::TimeRange>& ranges,
    const std::vector<const timescale::Hypertable*>& counterparts,
    const std::map<postgres::QualifiedName, std::vector<timescale::TimeRange>>& known);

/// Passes on a task for each chunk that overlaps its hypertable's range, while it reads them: there
/// may be more chunks than should be in memory.
/// \param ranges, counterparts parallel to the hypertables.
/// \param plain_chunks what read_plain_chunks() has returned.
/// \param take must not use the source's connection.
void plan_tasks(run::Endpoint& source, const std::vector<timescale::Hypertable>& hypertables,
                const std::vector<timescale::TimeRange>& ranges,
                const std::vector<const timescale::Hypertable*>& counterparts,
                const std::vector<timescale::ChunkInRange>& plain_chunks,
                const std::optional<std::string>& snapshot,
                const std::function<void(queue::NewTask)>& take);

/// `[2026-01-01 00:00:00+00, 2026-01-02 00:00:00+00)`
std::string range_text(const timescale::Hypertable& hypertable, const timescale::TimeRange& range);

} // namespace stage
