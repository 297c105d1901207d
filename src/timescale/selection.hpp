#pragma once

#include "timescale/hypertable.hpp"

#include <vector>

namespace timescale {

/// Which neighbours in the hierarchy of continuous aggregates come along with a match.
struct Cascade {
    bool up = false;   ///< the aggregates that read it, and theirs
    bool down = false; ///< what it reads, and what that reads
};

/// The hypertables that match, and those that the cascades reach from them, each once, in the
/// given order. From a match they go straight up and straight down: an aggregate's siblings are
/// neither above nor below it.
std::vector<Hypertable> select(const std::vector<Hypertable>& hypertables, Cascade cascade);

} // namespace timescale
