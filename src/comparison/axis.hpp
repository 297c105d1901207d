#pragma once

#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace comparison {

/// Specifies how far ranges that differ are divided. It depends on what transferring a row costs.
struct Division {
    /// A range of up to so many rows is not divided: a round trip takes as long as their transfer.
    std::int64_t few_rows = 1'000;
    /// More ranges are not divided further: differences that are everywhere would be read again in
    /// each pass.
    std::size_t most_to_divide = 64;
    /// The number of parts of one pass, about, except that each range has two.
    std::uint64_t parts = 512;
};

/// What rows are divided by: a number of each row, which is the same on both sides.
struct Axis {
    std::string value; ///< the number of a row: an SQL expression of type bigint
    /// The least and the greatest number of all rows, as aggregates; empty if `whole` is set.
    std::string least{};
    std::string greatest{};
    std::optional<timescale::TimeRange> whole{}; ///< the range of all rows, if it is known
    /// The column that ranges are conditions on, so that an index may find them; none if rows are
    /// selected by their numbers.
    std::optional<timescale::Dimension> column{};
    /// More ranges than these are no conditions on the column: all rows are read, and selected by
    /// their numbers, which takes less time than planning so many conditions.
    std::size_t most_conditions = std::numeric_limits<std::size_t>::max();
    std::uint64_t unit = 1; ///< the smallest length of a part
    Division division{};
};

/// The time of chunks' rows: TimescaleDB's internal time.
/// \param has_timescaledb false if TimescaleDB's functions are missing in the source.
Axis axis_of_time(const timescale::Dimension& time, bool has_timescaledb);

/// The value of an integer column of a plain table.
Axis axis_of_integer(const std::string& column);

/// A hash of a plain table's rows. Its parts are even, and do not depend on collations.
/// \param digest the hash, an SQL expression of type bigint.
Axis axis_of_hash(const std::string& digest);

/// An SQL condition that is true for rows within ranges.
/// \param ranges disjoint, ascending, not empty.
std::string within(const Axis& axis, const std::vector<timescale::TimeRange>& ranges);

} // namespace comparison
