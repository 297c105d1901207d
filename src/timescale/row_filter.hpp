#pragma once

#include "timescale/hypertable.hpp"
#include "timescale/slices.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// The value on the dimension's axis as SQL: the column, or its partitioning function's result.
std::string axis_expression(const Dimension& dimension);

/// The internal time of a value on the dimension's axis, as SQL that does not need TimescaleDB.
/// Slower than TimescaleDB's time_to_internal().
std::string internal_expression(const Dimension& dimension, const std::string& value);

/// An axis value as an SQL constant that can be compared with the dimension: a timestamptz, a
/// timestamp, a date, or a bigint for all integer types.
std::string axis_literal(const Dimension& dimension, InternalTime value);

/// An SQL condition that is true for the rows within any of the ranges; "true" if the only range is
/// unbounded.
/// \pre ranges is not empty.
std::string row_filter(const Dimension& time, const std::vector<TimeRange>& ranges);

/// An SQL condition that is true for the rows of a chunk when they are read through its hypertable.
/// It also lets the planner exclude other chunks. It consists of the slice of time and, with
/// further dimensions, the chunk's name, because the planner does not find chunks by conditions on
/// hashes.
/// \param dimensions of the hypertable.
/// \param slices as for hypercube_filter().
/// \param chunk in the same database.
/// \returns nothing if the planner would not find the chunk: a function computes its time, or the
/// type has no bounds (Axis::other).
std::optional<std::string> chunk_filter(const std::vector<Dimension>& dimensions,
                                        const Slices& slices, const postgres::QualifiedName& chunk);

/// An SQL condition that is true for the rows of a hypercube.
/// \param dimensions of the hypertable that the rows come from.
/// \throws TaskError if a dimension has no slice.
std::string hypercube_filter(const std::vector<Dimension>& dimensions, const Slices& slices);

} // namespace timescale
