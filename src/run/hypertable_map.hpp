#pragma once

#include "postgres/quote.hpp"
#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <map>

namespace run {

/// A database's hypertables by their names.
using HypertableMap = std::map<postgres::QualifiedName, timescale::Hypertable>;

/// Those of the target, with their triggers.
HypertableMap read_targets(Endpoints& ends);

/// The same, of what timescale::hypertables_statement() returned there.
HypertableMap targets_from(const postgres::Result& rows, Endpoint& target);

/// Of what timescale::hypertables_statement() returned, without triggers.
HypertableMap hypertable_map_from(const postgres::Result& rows);

/// Those of the source; of one without TimescaleDB, the tables of the targets' names.
HypertableMap read_sources(Endpoints& ends, const HypertableMap& targets);

/// The hypertable that a task names.
/// \param side "source" or "target", for the message.
/// \throws TaskError when it is not there.
const timescale::Hypertable& find_hypertable(const HypertableMap& hypertables,
                                             const postgres::QualifiedName& name, const char* side);

} // namespace run
