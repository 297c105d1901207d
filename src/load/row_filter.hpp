#pragma once

#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <string>
#include <vector>

namespace load {

/// An SQL condition that is true for the rows within one of the ranges; "true" when they span
/// everything.
/// \pre ranges is not empty.
std::string row_filter(const timescale::Dimension& time,
                       const std::vector<timescale::TimeRange>& ranges);

/// An SQL condition that is true for the rows that belong into a hypercube.
/// \param dimensions of the hypertable that the rows came from.
/// \param slices JSON, {"column": [range_start, range_end], ...} in internal values.
/// \throws Error when a dimension has no slice.
std::string hypercube_filter(const std::vector<timescale::Dimension>& dimensions,
                             const std::string& slices);

} // namespace load
