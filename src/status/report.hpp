#pragma once

#include "output/output.hpp"
#include "status/status.hpp"

namespace status {

/// Shows it: as an event, as lines, or, where the output can draw and \p in_place is set, in place
/// of what was drawn before. \param with_failures the event has a list of the failures.
void show(const QueueStatus& status, bool with_failures, bool in_place, output::Output& output);

} // namespace status
