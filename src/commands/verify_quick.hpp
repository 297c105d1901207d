#pragma once

#include "commands/commands.hpp"

namespace commands {

/// Compares how many rows the two servers' catalogs think that copied chunks have, and reads none.
/// Marks nothing as verified.
/// \returns exit_differences when some differ by more than estimates may, or are not known.
ExitStatus verify_quick(const VerifyOptions& options, report::Output& output);

} // namespace commands
