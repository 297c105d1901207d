#pragma once

#include "comparison/sides.hpp"
#include "postgres/query_both.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/**
 * Compares rows by ranges of an axis: time, a key, or a hash. One query to each side reads the rows
 * once, and computes the row counts and digests of hundreds of ranges. Those that differ are
 * divided and compared again.
 *
 * The target's rows may change between two queries. A range that was equal once is not looked at
 * again.
 */
namespace comparison {

/// An expression for a row's digest, a number that is the same on both servers. A slower expression
/// is used for servers that hash differently.
/// \param row a result of Columns::row(), or another ROW.
std::string digestible(const BothSides& sides, const std::string& row);

/// Runs `SELECT list FROM` the rows within ranges on both sides.
/// \param rest clauses to append to the query.
/// \param columns what the list uses of each row, another list. The server may compute it by
/// parallel workers.
postgres::TwoResults select_both(const BothSides& sides, const std::string& list,
                                 const std::vector<timescale::TimeRange>& ranges,
                                 const std::string& rest = "", const std::string& columns = "*");

/// The range from the first number on either side to after the last; none if there are no rows.
std::optional<timescale::TimeRange> extent(const BothSides& sides);

/// True if a range may contain rows of different numbers.
bool is_divisible(const BothSides& sides, const timescale::TimeRange& range);

/// Numbers of rows.
struct RowCounts {
    std::int64_t source = 0;
    std::int64_t target = 0;

    std::int64_t larger() const { return source > target ? source : target; }
    std::int64_t smaller() const { return source < target ? source : target; }
    RowCounts& operator+=(const RowCounts& other) {
        source += other.source;
        target += other.target;
        return *this;
    }
};

/// A range in which rows differ.
struct DifferingRange {
    timescale::TimeRange range;
    RowCounts rows; ///< all in the range, equal ones too
};

/// The result of one pass over the rows.
struct RangeComparison {
    RowCounts rows;                        ///< of all ranges
    std::vector<DifferingRange> differing; ///< ascending
};

/// Divides ranges into parts, and compares these in one query to each side.
/// \param ranges disjoint, ascending, at least one.
/// \param parts the number of all parts, about; at least two for each range.
RangeComparison compare_parts(const BothSides& sides,
                              const std::vector<timescale::TimeRange>& ranges,
                              std::uint64_t parts = Division().parts);

/// Finds the ranges whose rows must be transferred to make the target equal. Ranges that differ are
/// divided until that would cost more than to transfer their rows.
/// \param ranges disjoint, ascending; the found ones are within them.
/// \returns RangeComparison::rows are all rows of both sides. Adjacent ranges are merged.
RangeComparison find_differences(const BothSides& sides,
                                 const std::vector<timescale::TimeRange>& ranges);

} // namespace comparison
