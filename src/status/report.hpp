#pragma once

#include "output/output.hpp"
#include "status/status.hpp"

namespace status {

/// Prints the status: as an event, or as lines. \param with_failures the event lists the failures.
/// \param in_place replace the lines drawn before, if the output can draw.
void show(const QueueStatus& status, bool with_failures, bool in_place, output::Output& output);

} // namespace status
