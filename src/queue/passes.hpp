#pragma once

#include "postgres/connection.hpp"
#include "queue/additions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace queue {

/// What a `stage --changed` found.
struct Pass {
    std::int64_t number = 0; ///< from 1
    std::string staged;      ///< when: 2026-01-31T12:00:00.000Z
    Added added;             ///< the sums over all hypertables
    std::int64_t gone = 0;   ///< copied chunks that the source no longer has
};

/// Adds a pass, in the transaction that stages. The server sets its number and time.
void record(postgres::Connection& target, const Added& added, std::int64_t gone);

std::vector<Pass> passes(postgres::Connection& target);

} // namespace queue
