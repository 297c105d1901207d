#pragma once

#include "load/stand_in.hpp"
#include "run/endpoints.hpp"
#include "run/hypertable_map.hpp"

#include <vector>

namespace copy {

/// Removes stand-ins of chunks that earlier runs have attached.
/// \throws ConnectionError if the target's connection is lost.
void remove_stand_ins(run::Endpoint& target, const std::vector<load::StandIn>& stand_ins);

/// Changes copied chunks in the ways that take sessions without TimescaleDB: removes their
/// stand-ins, and gives their triggers the states of the hypertables' triggers. Failures are logged
/// as warnings.
/// \throws ConnectionError if the target's connection is lost.
void finish_chunks(run::Endpoint& target, const run::HypertableMap& targets,
                   const std::vector<load::StandIn>& stand_ins);

} // namespace copy
