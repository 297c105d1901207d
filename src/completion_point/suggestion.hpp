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

/// Finds the time from which both sides have the same number of rows, for `completion-point`.
namespace completion_point {

/// The maximum number of rows that are counted before a point.
constexpr std::int64_t most_counted = 1'000'000;

/// The numbers of rows on both sides within a bucket.
struct Bucket {
    std::int64_t source = 0;
    std::int64_t target = 0;

    bool differs() const { return source != target; }
    /// The bucket's character in a chart.
    char sign() const {
        return source + target == 0 ? '.' : !differs() ? '=' : target < source ? '-' : '+';
    }
};

/// Counts of rows in consecutive buckets of equal width. Differences in the last bucket mean
/// nothing, because the application may be writing its rows at this moment.
struct BucketCounts {
    timescale::Buckets grid;
    std::vector<Bucket> buckets;

    /// The index of the last bucket that differs.
    /// \param with_last false to ignore the last of all buckets.
    std::optional<std::size_t> last_difference(bool with_last) const {
        for (auto index = buckets.size() - (with_last ? 0 : 1); index > 0; --index)
            if (buckets[index - 1].differs())
                return index - 1;
        return std::nullopt;
    }
};

/// The point suggested for a hypertable, and the counts that it is derived from.
struct Suggestion {
    BucketCounts counts;
    timescale::InternalTime first_in_target = 0;
    std::optional<timescale::InternalTime> suggested; ///< none if too few buckets agree
    std::int64_t agreeing = 0;                        ///< buckets with rows after it
    std::int64_t agreeing_rows = 0;                   ///< rows in these
    std::int64_t rows_before = 0;                     ///< rows of the target before it
    std::optional<timescale::TimeRange> differing{};  ///< the last range that differs
    Bucket difference{};                              ///< the counts there
};

/// Compares the numbers of rows of a hypertable on both sides.
/// \param since the time to begin at; by default, that of the target's first row.
/// \returns nothing if one side has no rows to compare.
std::optional<Suggestion> suggest(run::Endpoints& ends, const timescale::Hypertable& source,
                                  const timescale::Hypertable& target,
                                  std::optional<timescale::InternalTime> since);

} // namespace completion_point
