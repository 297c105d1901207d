#include "completion_point/suggestion.hpp"

#include "postgres/query_both.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace completion_point {

namespace {

using timescale::Axis;
using timescale::Hypertable;
using timescale::InternalTime;
using timescale::TimeRange;

/// The number of buckets in a chart.
constexpr int chart_buckets = 60;

/// A point is suggested if both sides agree in at least this number of buckets after it.
constexpr std::int64_t least_agreeing = 5;

class Comparer {
  public:
    Comparer(run::Endpoints& ends, const Hypertable& source, const Hypertable& target)
        : ends_(ends), source_(source), target_(target),
          axis_(timescale::axis_of(source.time.type)) {}

    /// As completion_point::suggest().
    std::optional<Suggestion> suggest(std::optional<InternalTime> since) {
        const auto [source, target] =
            query_both(extent_statement(source_), extent_statement(target_));
        if (target.is_null(0, "first") || source.is_null(0, "first"))
            return std::nullopt;
        Suggestion suggestion;
        suggestion.first_in_target = target.integer(0, "first");
        const TimeRange range{since.value_or(suggestion.first_in_target),
                              std::max(source.integer(0, "last"), target.integer(0, "last")) + 1};
        if (range.from >= range.until)
            return std::nullopt;
        suggestion.counts = count(timescale::Buckets::over(range, chart_buckets, axis_));
        const auto& counts = suggestion.counts;
        const auto last = counts.last_difference(/*with_last=*/false);
        const auto begin = last ? *last + 1 : 0;
        for (auto index = begin; index + 1 < counts.buckets.size(); ++index) {
            if (counts.buckets[index].source == 0)
                continue;
            ++suggestion.agreeing;
            suggestion.agreeing_rows += counts.buckets[index].source;
        }
        auto point = counts.grid.begin;
        if (last) {
            suggestion.differing = counts.grid.range(*last);
            suggestion.difference = counts.buckets[*last];
            point = narrow(suggestion);
        }
        if (suggestion.agreeing >= least_agreeing)
            suggestion.suggested = point;
        suggestion.rows_before = rows_in_target_before(point);
        return suggestion;
    }

  private:
    /// Counts the last bucket that differs again, in smaller buckets.
    /// \returns the time from which both sides agree.
    InternalTime narrow(Suggestion& suggestion) {
        const auto range = *suggestion.differing;
        const auto grid = timescale::Buckets::over(range, chart_buckets, axis_);
        if (grid.width >= suggestion.counts.grid.width)
            return range.until;
        const auto closer = count(grid);
        const auto last = closer.last_difference(/*with_last=*/true);
        if (!last) // the missing rows have been written meanwhile
            return range.until;
        suggestion.differing = closer.grid.range(*last);
        suggestion.difference = closer.buckets[*last];
        return std::min(suggestion.differing->until, range.until);
    }

    BucketCounts count(const timescale::Buckets& grid) {
        BucketCounts counts{.grid = grid,
                            .buckets = std::vector<Bucket>(static_cast<std::size_t>(grid.count))};
        const auto [source, target] =
            query_both(count_statement(source_, grid), count_statement(target_, grid));
        for (int row = 0; row < source.size(); ++row)
            counts.buckets.at(bucket_of(source, row)).source = source.integer(row, "rows");
        for (int row = 0; row < target.size(); ++row)
            counts.buckets.at(bucket_of(target, row)).target = target.integer(row, "rows");
        return counts;
    }

    static std::size_t bucket_of(const postgres::Result& rows, int row) {
        return static_cast<std::size_t>(rows.integer(row, "bucket"));
    }

    static std::string internal(const Hypertable& hypertable, const std::string& expression) {
        return hypertable.is_plain_table
                   ? timescale::internal_expression(hypertable.time, expression)
                   : fmt::format("_timescaledb_functions.time_to_internal({})", expression);
    }

    static std::string extent_statement(const Hypertable& hypertable) {
        const auto time = timescale::axis_expression(hypertable.time);
        return fmt::format("SELECT {} AS first, {} AS last FROM {}",
                           internal(hypertable, fmt::format("min({})", time)),
                           internal(hypertable, fmt::format("max({})", time)),
                           hypertable.name.quoted());
    }

    static std::string count_statement(const Hypertable& hypertable,
                                       const timescale::Buckets& grid) {
        const auto time = timescale::axis_expression(hypertable.time);
        return fmt::format(
            "SELECT ({} - {}) / {} AS bucket, count(*) AS rows FROM {} WHERE {} "
            "GROUP BY 1",
            internal(hypertable, time), grid.begin, grid.width, hypertable.name.quoted(),
            timescale::row_filter(hypertable.time,
                                  {{grid.begin, grid.begin + grid.width * grid.count}}));
    }

    std::int64_t rows_in_target_before(InternalTime time) {
        return ends_.target.connection
            .execute(fmt::format(
                "SELECT count(*) AS rows FROM (SELECT FROM {} WHERE {} LIMIT {}) AS row",
                target_.name.quoted(),
                timescale::row_filter(target_.time, {{timescale::minus_infinity, time}}),
                most_counted))
            .integer(0, "rows");
    }

    postgres::TwoResults query_both(const std::string& source, const std::string& target) {
        return postgres::query_both(ends_.source.connection, source, ends_.target.connection,
                                    target);
    }

    run::Endpoints& ends_;
    const Hypertable& source_;
    const Hypertable& target_;
    Axis axis_;
};

} // namespace

std::optional<Suggestion> suggest(run::Endpoints& ends, const Hypertable& source,
                                  const Hypertable& target, std::optional<InternalTime> since) {
    return Comparer(ends, source, target).suggest(since);
}

} // namespace completion_point
