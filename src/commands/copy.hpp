#pragma once

#include "base/exit_status.hpp"
#include "copy/options.hpp"
#include "output/output.hpp"

namespace commands {

/// What `copy` does. `verify --repair` copies chunks with it.
ExitStatus run_copy(const copy::CopyOptions& options, output::Output& output);

} // namespace commands
