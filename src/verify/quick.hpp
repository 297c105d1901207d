#pragma once

#include "base/exit_status.hpp"
#include "output/output.hpp"
#include "queue/counts.hpp"
#include "verify/options.hpp"

namespace verify {

/// If chunks are staged but none is copied, reports that and the reason, and returns true.
bool report_nothing_copied(postgres::Connection& target, const queue::Counts& counts,
                           output::Output& output);

/// Compares the numbers of rows of copied chunks that the two servers' catalogs estimate. Reads no
/// rows, and marks nothing as verified.
/// \returns exit_differences if estimates differ by more than the tolerance or are missing;
/// exit_failed if nothing is copied.
ExitStatus verify_quick(const VerifyOptions& options, output::Output& output);

} // namespace verify
