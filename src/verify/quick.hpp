#pragma once

#include "base/exit_status.hpp"
#include "output/output.hpp"
#include "queue/queue.hpp"
#include "verify/options.hpp"

namespace verify {

/// Says so, and why, when something is staged and nothing of it is copied. \returns whether it is
/// so.
bool tell_nothing_copied(postgres::Connection& target, const queue::Counts& counts,
                         output::Output& output);

/// Compares how many rows the two servers' catalogs think that copied chunks have, and reads none.
/// Marks nothing as verified.
/// \returns exit_differences when some differ by more than estimates may, or are not known;
/// exit_failed when nothing is copied.
ExitStatus verify_quick(const VerifyOptions& options, output::Output& output);

} // namespace verify
