#pragma once

#include "verify/comparison.hpp"

namespace verify {

/// Finds out where and how a chunk differs: narrows it down in time, both ends, by reading digests
/// of ever smaller pieces; then which columns differ there, and examples of rows. Fills in the
/// difference's times, columns and examples. Finds nothing when rows became the same meanwhile, or
/// when only an aggregate's rounding differs.
void explain(const Comparison& comparison, Difference& difference);

} // namespace verify
