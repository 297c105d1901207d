#pragma once

#include "load/plan.hpp"
#include "run/endpoints.hpp"
#include "run/hypertable_map.hpp"

#include <string>

namespace copy {

/// Warns if compressed chunks will be decompressed because the versions differ. This is said once,
/// before the run: which chunks are compressed shows only when they are copied.
void warn_of_versions(const run::Endpoints& ends, const run::HypertableMap& sources);

/// What users should know who override the choice of how chunks are loaded; empty for nothing.
std::string note_on(load::Strategy strategy, const timescale::Server& target);

/// Records chunks for chunk skipping that are not recorded. Filters by the column would miss their
/// rows, those of read-back and those of the application.
/// \param rows of sql/load/skipping_to_do.sql
void record_for_skipping(run::Endpoint& target, const postgres::Result& rows);

} // namespace copy
