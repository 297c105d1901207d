#pragma once

#include "base/exit_status.hpp"
#include "output/output.hpp"
#include "tables/options.hpp"

namespace tables {

/// Makes the plain tables and sequences of the target equal to the source's, or only compares them:
/// one pass, or passes until the user stops them.
ExitStatus sync_tables(const SyncOptions& options, output::Output& output);

} // namespace tables
