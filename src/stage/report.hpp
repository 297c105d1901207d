#pragma once

#include "output/output.hpp"
#include "queue/additions.hpp"
#include "stage/gone_chunks.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <vector>

namespace stage {

/// Reports what was staged of each hypertable, or would be, and a summary.
/// \param ranges parallel to the hypertables.
/// \param chunks the number of chunks in these ranges.
/// \param gone none unless the source was searched for them.
void report_staged(output::Output& output, const std::vector<timescale::Hypertable>& hypertables,
                   const std::vector<timescale::TimeRange>& ranges, std::int64_t chunks,
                   const std::vector<queue::Added>& added, const GoneChunks& gone, bool dry_run);

} // namespace stage
