#pragma once

#include "verify/comparison.hpp"

namespace verify {

/// Finds out where and how a chunk differs. It narrows down the first and the last time of
/// differences by reading digests of smaller and smaller parts. Then it finds the columns that
/// differ there, and examples of rows. Sets the difference's times, columns and examples. Finds
/// nothing if rows have become the same meanwhile, or if only an aggregate's rounding differs.
void explain(const Comparison& comparison, Difference& difference);

} // namespace verify
