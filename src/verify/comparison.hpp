#pragma once

#include "comparison/sides.hpp"
#include "timescale/time_range.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace verify {

enum class Mode {
    digest,      ///< digest_rows, unless compressed batches are equal as they are
    digest_rows, ///< row count, and the sum of hashes of rows: finds values in wrong rows, too
    aggregate,   ///< row count, and count, min, max and sum of each column
};

/// "digests" or "aggregates"
const char* name_of(Mode mode);

/// A row that differs.
struct Example {
    enum class Kind { only_in_source, only_in_target, different };
    Kind kind = Kind::different;
    std::optional<std::string> source; ///< `time=2024-01-01 ..., device=7`
    std::optional<std::string> target;
};

/// The differences of a chunk.
struct Difference {
    std::int64_t source_rows = 0;
    std::int64_t target_rows = 0;
    std::vector<std::string> columns;   ///< columns that differ
    std::vector<std::string> generated; ///< those of them that the target computes itself
    /// The first and the last time at which rows differ, inclusive.
    std::optional<timescale::TimeRange> times;
    std::vector<Example> examples;

    /// True if only generated columns differ: copying again would not make the chunk equal.
    bool is_generated() const { return !columns.empty() && generated == columns; }
};

/// A comparison of a chunk.
struct Comparison {
    comparison::BothSides sides;
    /// Columns of a primary key or unique index in the source; empty if there is none.
    std::vector<std::string> key;
    std::string time;                   ///< the column of time
    std::vector<std::string> generated; ///< columns that the target computes itself
    Mode mode = Mode::digest_rows;
    int max_examples = 10; ///< of each kind
};

/// The result of a comparison.
struct ComparisonResult {
    std::int64_t rows = 0; ///< in the source
    std::optional<Difference> difference;
    bool by_batches = false; ///< equal without decompressing: compare_batches()

    /// What was compared: "batches", or the mode's name.
    const char* way(Mode mode) const { return by_batches ? "batches" : name_of(mode); }
};

/// Compares the rows of several chunks of one hypertable in one query to each side, reading both at
/// the same time. Differences are not explained; call explain() for that.
/// \pre all have the same connections, columns and mode.
std::vector<ComparisonResult> compare_rows(const std::vector<Comparison>& comparisons);

} // namespace verify
