#pragma once

#include "postgres/quote.hpp"
#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <cstddef>
#include <map>

namespace run {

/// The hypertables of a database, by name.
using HypertableMap = std::map<postgres::QualifiedName, timescale::Hypertable>;

/// Reads the target's hypertables, with their triggers.
HypertableMap read_targets(Endpoints& ends);

/// The same from the result of timescale::hypertables_statement() in the target.
HypertableMap targets_from(const postgres::Result& rows, Endpoint& target);

/// The same from the result of timescale::hypertables_statement(), without triggers.
HypertableMap hypertable_map_from(const postgres::Result& rows);

/// Reads the source's hypertables; without TimescaleDB, the tables with the targets' names.
HypertableMap read_sources(Endpoints& ends, const HypertableMap& targets);

/// The same from an answer of the source, or read again if its statements were not answered.
/// \param answer the index of timescale::hypertables_statement() in Endpoint::answers.
HypertableMap sources_from(Endpoints& ends, std::size_t answer, const HypertableMap& targets);

/// Finds the hypertable of a task.
/// \param side "source" or "target", for the message.
/// \throws TaskError if it does not exist.
const timescale::Hypertable& find_hypertable(const HypertableMap& hypertables,
                                             const postgres::QualifiedName& name, const char* side);

} // namespace run
