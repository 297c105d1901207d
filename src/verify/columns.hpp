#pragma once

#include "timescale/chunk.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace verify {

/// Something that is computed over all rows of a chunk on both sides and must come out the same.
struct Aggregate {
    std::size_t column = 0; ///< index into the compared columns
    std::string expression;
    /// The same for servers that hash differently, as those of different encodings do; slower.
    /// Empty when it is the same.
    std::string portable;
    /// A sum of floating-point numbers: its rounding depends on the order of the rows, so sums
    /// count as equal within (rows * 2^-52) of `magnitude`, the sum of the absolute values, which
    /// no order of adding can exceed.
    bool approximate = false;
    std::string magnitude; ///< an expression too, when approximate
};

/// The columns of a chunk that are compared, by name, and how.
struct Columns {
    std::vector<std::string> names;
    /// SQL for each, to hash, one expression or more: the column itself where its type hashes alike
    /// everywhere, its text otherwise.
    std::vector<std::string> hashable;
    std::vector<Aggregate> aggregates; ///< count, min, max and sum, where the type has them

    /// All hashable ones, or all but one, as a row.
    std::string row(std::optional<std::size_t> left_out = std::nullopt) const;
};

/// A number for each row, to be added up over rows. PostgreSQL's hash of a record is a sum of its
/// columns' hashes, each times a power of 31 (hash_record_extended in
/// src/backend/utils/adt/rowtypes.c): added up as it is, values could change places between rows
/// and nobody would see. Hashing the hash ends that. With a seed of 0 or 1, some values would have
/// the hash of a NULL, which is 0: floats of 0 and numerics that are NaN hash to the seed, numerics
/// of 0 to the one before.
std::string row_hash(const std::string& row);

/// Many texts as one: a SELECT returns 1664 columns at most, fewer than there may be aggregates.
/// \param expressions SQL of type text.
std::string in_one(const std::vector<std::string>& expressions);

/// What the server made of it, in their order.
std::vector<std::optional<std::string>> from_one(std::string_view text);

/// \throws TaskError when a column is missing on one side, or of another type.
Columns compared_columns(const std::vector<timescale::ChunkColumn>& source,
                         const std::vector<timescale::ChunkColumn>& target);

} // namespace verify
