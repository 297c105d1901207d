#pragma once

#include "output/output.hpp"
#include "status/status.hpp"

namespace status {

/// What to show in addition.
struct Details {
    bool failures = false; ///< each failed chunk
    bool files = false;    ///< each imported file
    bool tables = false;   ///< each synchronized table
};

/// Prints the status: as an event, or as lines.
/// \param in_place replace the lines drawn before, if the output can draw.
void show(const QueueStatus& status, const Details& details, bool in_place, output::Output& output);

} // namespace status
