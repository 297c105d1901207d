#pragma once

#include "load/change_without_timescaledb.hpp"
#include "run/endpoints.hpp"
#include "run/hypertable_map.hpp"

namespace copy {

/// Enables or disables the triggers of copied chunks like those of their hypertables. When
/// TimescaleDB creates a chunk, it enables all of the chunk's triggers, and it does not allow
/// changing them. So this uses sessions without TimescaleDB, one for each chunk, and transactions
/// that wait for their lock only briefly. Failures are logged as warnings. \throws ConnectionError
/// if the target's connection is lost.
void restore_trigger_states(run::Endpoint& target, const run::HypertableMap& targets,
                            const load::ConnectLean& connect);

} // namespace copy
