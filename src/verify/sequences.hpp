#pragma once

#include "output/output.hpp"
#include "postgres/sequence.hpp"

#include <vector>

namespace verify {

/// Reports the target's sequences that lag behind the source's, and the statements that set them.
/// They must be set after the application has stopped writing to the source, and before it uses the
/// target alone.
void report_lagging_sequences(const std::vector<postgres::LaggingSequence>& lagging,
                              output::Output& output);

} // namespace verify
