#pragma once

#include "run/endpoints.hpp"
#include "run/hypertable_map.hpp"

namespace copy {

/// Has the triggers of the copied chunks enabled as those of their hypertables are. TimescaleDB
/// makes them enabled when it makes a chunk, whatever the hypertable's are, and allows nobody to
/// change that; so this is done in a session without it, chunk by chunk, each in a session of its
/// own, in a transaction that waits for its lock only briefly. What cannot be done is told as a
/// warning. \throws ConnectionError when the target's connection is lost.
void restore_trigger_states(run::Endpoint& target, const run::HypertableMap& targets);

} // namespace copy
