#pragma once

#include "postgres/connection.hpp"
#include "postgres/transaction.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/selection.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

/// What `stage` puts into the queue.
namespace stage {

/// "BEGIN ..." for reading the source, under the snapshot if one is given.
/// \throws UsageError when the snapshot cannot be used.
postgres::Transaction begin_reading(postgres::Connection& source,
                                    const std::optional<std::string>& snapshot);

/// The range to stage of each hypertable.
/// \throws UsageError that names every hypertable whose time cannot take the bounds.
std::vector<timescale::TimeRange> ranges_for(const std::vector<timescale::Hypertable>& hypertables,
                                             const run::Bounds& bounds);

/// Finds each hypertable's counterpart, in the same order.
/// \throws Error that names every difference.
std::vector<const timescale::Hypertable*>
find_counterparts(const std::vector<timescale::Hypertable>& sources,
                  const std::vector<timescale::Hypertable>& targets);

void warn_of_tiered_chunks(const std::vector<timescale::Hypertable>& hypertables);

/// A task for each chunk that has rows in its hypertable's range. The vectors are parallel.
/// \throws Error when a plain table has rows that no chunk can take.
std::vector<queue::NewTask>
plan_tasks(run::Endpoint& source, const std::vector<timescale::Hypertable>& hypertables,
           const std::vector<timescale::TimeRange>& ranges,
           const std::vector<const timescale::Hypertable*>& counterparts,
           const std::optional<std::string>& snapshot);

/// `[2026-01-01 00:00:00+00, 2026-01-02 00:00:00+00)`
std::string range_text(const timescale::Hypertable& hypertable, const timescale::TimeRange& range);

} // namespace stage
