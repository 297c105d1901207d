#pragma once

#include "base/exit_status.hpp"
#include "copy/session.hpp"

namespace copy {

/// Ends a run of `copy` after its workers have ended: calls finish_chunks(), waits until all
/// commits are on disk, and reports failures and what is left. \throws what Run::conclude throws.
ExitStatus conclude(CopyRun& copy, output::Output& output);

} // namespace copy
