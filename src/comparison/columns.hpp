#pragma once

#include "timescale/chunk.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace comparison {

/// An aggregate over all rows of a chunk. Its result must be the same on both sides.
struct Aggregate {
    std::size_t column = 0; ///< index into the compared columns
    std::string expression;
    /// A slower expression for servers that hash differently, such as those with different
    /// encodings. Empty if it is the same.
    std::string portable;
    /// True for a sum of floating-point numbers. Its rounding depends on the order of the rows, so
    /// sums count as equal within (rows * 2^-52) times `magnitude`, the sum of the absolute values.
    /// No order of addition can exceed that error.
    bool approximate = false;
    std::string magnitude; ///< an expression, if approximate
};

/// The compared columns of a chunk, by name, and how they are compared.
struct Columns {
    std::vector<std::string> names;
    /// For each column the SQL expression or expressions that are hashed: the column itself if its
    /// type hashes alike on all servers, otherwise its text.
    std::vector<std::string> hashable;
    std::vector<Aggregate> aggregates; ///< count, min, max and sum, if the type has them

    /// A ROW of all columns, or of all but one.
    std::string row(std::optional<std::size_t> left_out = std::nullopt) const;
};

/// An expression that hashes a row to a number, to be summed over all rows. PostgreSQL's hash of a
/// record is a sum of its columns' hashes, each times a power of 31 (hash_record_extended in
/// src/backend/utils/adt/rowtypes.c). The sum of these hashes would be the same if rows exchanged
/// values, so the hash is hashed again. With a seed of 0 or 1, some values would have the hash of a
/// NULL, which is 0: a float of 0 and a numeric NaN hash to the seed, a numeric of 0 to the seed
/// minus one.
std::string row_hash(const std::string& row);

/// Combines expressions into one of type text, because a SELECT returns at most 1664 columns, and
/// there may be more aggregates.
/// \param expressions SQL expressions of type text.
std::string in_one(const std::vector<std::string>& expressions);

/// Splits the result of in_one() into the values, in the same order.
std::vector<std::optional<std::string>> from_one(std::string_view text);

/// \throws TaskError if a column is missing on one side, or has different types.
Columns compared_columns(const std::vector<timescale::ChunkColumn>& source,
                         const std::vector<timescale::ChunkColumn>& target);

} // namespace comparison
