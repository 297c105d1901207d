#pragma once

#include "output/output.hpp"
#include "postgres/sequence.hpp"

#include <vector>

namespace verify {

/// Says which sequences of the target lag behind the source's, and how to set them. Nobody sets
/// them while both sides are written to; whoever goes on with the target alone needs them.
void tell_lagging_sequences(const std::vector<postgres::LaggingSequence>& lagging,
                            output::Output& output);

} // namespace verify
