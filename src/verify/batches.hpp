#pragma once

#include "timescale/chunk.hpp"
#include "timescale/server.hpp"
#include "verify/comparison.hpp"

#include <optional>
#include <vector>

namespace verify {

/// A comparison of all rows of two compressed chunks.
struct BatchComparison {
    const Comparison& rows;
    const timescale::Chunk& source;
    const timescale::Chunk& target;
};

/// True if equal batches of two compressed chunks mean equal rows: same version of TimescaleDB,
/// settings and columns, and no values that only the catalog stores.
bool have_comparable_batches(const timescale::Server& source_server,
                             const timescale::Server& target_server, const timescale::Chunk& source,
                             const timescale::Chunk& target);

/// Compares the batches of compressed chunks without decompressing them, and the rows outside of
/// the batches row by row. Rows are also counted as queries show them, in the target through the
/// hypertable, so that batches that queries do not find are not called equal. One query to each
/// side.
/// \returns a result for each comparison; nothing unless all of it is equal. Then the rows must be
/// compared: batches may differ and hold equal rows.
/// \pre have_comparable_batches(), and all have the same connections.
std::vector<std::optional<ComparisonResult>>
compare_batches(const std::vector<BatchComparison>& comparisons);

} // namespace verify
