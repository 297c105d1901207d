#pragma once

#include "timescale/hypertable.hpp"
#include "timescale/slices.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// The value on the dimension's axis, as SQL: the column, or what its partitioning function makes
/// of it.
std::string axis_expression(const Dimension& dimension);

/// The internal time of a value on the dimension's axis, as SQL that needs no TimescaleDB. Slower
/// than its time_to_internal().
std::string internal_expression(const Dimension& dimension, const std::string& value);

/// An axis value as an SQL constant that compares with the dimension: a timestamptz, timestamp or
/// date, or a bigint for all integers.
std::string axis_literal(const Dimension& dimension, InternalTime value);

/// An SQL condition that is true for the rows within one of the ranges; "true" when they span
/// everything.
/// \pre ranges is not empty.
std::string row_filter(const Dimension& time, const std::vector<TimeRange>& ranges);

/// An SQL condition that is true for the rows of a chunk when they are read through its hypertable,
/// and by which the planner finds it: of its slices of time, and the chunk's own name where there
/// are other dimensions, for no condition on the hash of a value leads to a chunk. \param
/// dimensions of the hypertable. \param slices as for hypercube_filter(). \param chunk in the same
/// database. \returns nothing when the planner would not find it: its time is made by a function,
/// or has no bounds (Axis::other).
std::optional<std::string> chunk_filter(const std::vector<Dimension>& dimensions,
                                        const Slices& slices, const postgres::QualifiedName& chunk);

/// An SQL condition that is true for the rows that belong into a hypercube.
/// \param dimensions of the hypertable that the rows came from.
/// \throws TaskError when a dimension has no slice.
std::string hypercube_filter(const std::vector<Dimension>& dimensions, const Slices& slices);

} // namespace timescale
