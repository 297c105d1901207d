#pragma once

#include "timescale/hypertable.hpp"

#include <vector>

namespace timescale {

/// Which relatives of a match in the hierarchy of continuous aggregates are selected, too.
struct Cascade {
    bool up = false;   ///< the aggregates that read it, directly or indirectly
    bool down = false; ///< what it reads, directly or indirectly
};

/// The hypertables that match, and those that the cascades add, each once, in the given order. A
/// cascade goes from a match either only up or only down, so that it does not select an aggregate's
/// siblings.
std::vector<Hypertable> select(const std::vector<Hypertable>& hypertables, Cascade cascade);

} // namespace timescale
