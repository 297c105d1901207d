#pragma once

#include "postgres/connection.hpp"
#include "timescale/hypertable.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace stage {

/// Copied chunks that the source no longer has, for example because of drop_chunks() or TRUNCATE.
/// Their rows are still in the target.
struct GoneChunks {
    std::int64_t count = 0;
    std::string first; ///< the name of one, quoted

    /// A sentence about them. \pre there are some.
    std::string text() const;
};

/// Finds those of some hypertables. Call it when the queue has all chunks that the source has.
GoneChunks find_gone_chunks(postgres::Connection& source, postgres::Connection& target,
                            const std::vector<timescale::Hypertable>& hypertables);

} // namespace stage
