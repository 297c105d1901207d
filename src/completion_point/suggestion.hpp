#pragma once

#include "run/endpoints.hpp"
#include "timescale/bound.hpp"
#include "timescale/buckets.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/time_range.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

/// From when on both sides have the same rows, as `completion-point` suggests it.
namespace completion_point {

/// Rows before a point are counted up to this number.
constexpr std::int64_t most_counted = 1'000'000;

/// How many rows either side has within a bucket.
struct Bucket {
    std::int64_t source = 0;
    std::int64_t target = 0;

    bool differs() const { return source != target; }
    char sign() const {
        return source + target == 0 ? '.' : !differs() ? '=' : target < source ? '-' : '+';
    }
};

/// BucketCounts over some time, in buckets of one width. Those of the last are not judged by: its
/// rows may be under way still.
struct BucketCounts {
    timescale::Buckets grid;
    std::vector<Bucket> buckets;

    /// The last bucket that differs. \param with_last include the last bucket of all.
    std::optional<std::size_t> last_difference(bool with_last) const {
        for (auto index = buckets.size() - (with_last ? 0 : 1); index > 0; --index)
            if (buckets[index - 1].differs())
                return index - 1;
        return std::nullopt;
    }
};

/// The point suggested for a hypertable, and the counts that it follows from.
struct Suggestion {
    BucketCounts counts;
    timescale::InternalTime first_in_target = 0;
    std::optional<timescale::InternalTime> suggested;
    std::int64_t agreeing = 0;                       ///< buckets behind it
    std::int64_t agreeing_rows = 0;                  ///< in them
    std::int64_t rows_before = 0;                    ///< that the target has before it
    std::optional<timescale::TimeRange> differing{}; ///< the last time at which they differ
    Bucket difference{};                             ///< and how much
};

/// Compares how many rows both sides have of a hypertable.
/// \param since where to begin, if not where the target's rows do.
/// \returns nothing when the target has no rows to compare.
std::optional<Suggestion> suggest(run::Endpoints& ends, const timescale::Hypertable& source,
                                  const timescale::Hypertable& target,
                                  std::optional<timescale::InternalTime> since);

} // namespace completion_point
