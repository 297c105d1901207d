#pragma once

#include "load/plan.hpp"
#include "run/endpoints.hpp"
#include "run/hypertable_map.hpp"

#include <string>

namespace copy {

/// Warns once, before the run, if compressed chunks will be decompressed because the versions
/// differ.
void warn_of_versions(const run::Endpoints& ends, const run::HypertableMap& sources);

/// A note for users who choose how chunks are loaded; empty if there is nothing to note.
std::string note_on(load::Strategy strategy, const timescale::Server& target);

/// Records unrecorded chunks for chunk skipping. Otherwise, filters by the column would miss their
/// rows, in queries of the application and when rows are read back.
/// \param rows of sql/timescale/skipping_to_do.sql
void record_for_skipping(run::Endpoint& target, const postgres::Result& rows);

} // namespace copy
