#pragma once

#include "run/endpoints.hpp"
#include "run/hypertable_map.hpp"

namespace copy {

/// Removes the stand-ins of chunks that earlier runs have attached (load::StandIn).
/// \throws ConnectionError if the target's connection is lost.
void remove_stand_ins(run::Endpoint& target);

/// Changes copied chunks in the ways that take sessions without TimescaleDB: removes their
/// stand-ins, and gives their triggers the states of the hypertables' triggers. Failures are logged
/// as warnings. \throws ConnectionError if the target's connection is lost.
void finish_chunks(run::Endpoint& target, const run::HypertableMap& targets);

} // namespace copy
