#include "timescale/row_filter.hpp"

#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "timescale/bound.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

namespace timescale {

namespace {

constexpr InternalTime end_of_time = std::numeric_limits<InternalTime>::max();

/// Rounds a time up to midnight, in microseconds.
InternalTime ceiling_to_day(InternalTime time) {
    const InternalTime missing =
        (microseconds_in_day - time % microseconds_in_day) % microseconds_in_day;
    return time > end_of_time - missing ? end_of_time : time + missing;
}

/// Conditions omit bounds at or beyond the end of timestamps. A hypertable cannot contain such
/// times, and TimescaleDB's planner fails for such constants ("timestamp out of range";
/// TS_TIMESTAMP_INTERNAL_END in its src/time_utils.h).
InternalTime end_of(const Dimension& dimension) {
    constexpr InternalTime end_of_timestamps = 9'223'371'331'200'000'000; // 294247-01-02
    switch (axis_of(dimension.type)) {
    case Axis::timestamptz:
    case Axis::timestamp:
        return end_of_timestamps;
    case Axis::date: // its bounds are rounded up to midnight
        return end_of_timestamps - microseconds_in_day + 1;
    case Axis::integer:
    case Axis::other:
        break;
    }
    return end_of_time;
}

std::string within(const Dimension& dimension, const TimeRange& range) {
    const auto expression = axis_expression(dimension);
    std::vector<std::string> conditions;
    if (range.from != minus_infinity)
        conditions.push_back(
            fmt::format("{} >= {}", expression, axis_literal(dimension, range.from)));
    if (range.until < end_of(dimension))
        conditions.push_back(
            fmt::format("{} < {}", expression, axis_literal(dimension, range.until)));
    return conditions.empty() ? "true" : fmt::format("{}", fmt::join(conditions, " AND "));
}

/// Space partitions are ranges of a hash. A NULL has the hash 0 (ts_hyperspace_calculate_point in
/// TimescaleDB's src/dimension.c).
std::string within_partition(const Dimension& dimension, const TimeRange& range) {
    const auto hash = fmt::format("coalesce({}, 0)", axis_expression(dimension));
    return fmt::format("{0} >= '{1}'::bigint AND {0} < '{2}'::bigint", hash, range.from,
                       range.until);
}

} // namespace

std::string axis_expression(const Dimension& dimension) {
    const auto column = postgres::quote_identifier(dimension.column);
    return dimension.function ? fmt::format("{}({})", *dimension.function, column) : column;
}

std::string internal_expression(const Dimension& dimension, const std::string& value) {
    switch (axis_of(dimension.type)) {
    case Axis::timestamptz:
    case Axis::timestamp:
    case Axis::date:
        // These are of type float8, which has no microseconds of times far away.
        return fmt::format("(date_part('epoch', date_trunc('second', {0}))::bigint * 1000000 + "
                           "date_part('microseconds', {0})::bigint % 1000000)",
                           value);
    case Axis::integer:
    case Axis::other:
        break;
    }
    return fmt::format("({})::bigint", value);
}

/// The year comes first and has at least four digits, so that DateStyle does not matter.
std::string axis_literal(const Dimension& dimension, InternalTime value) {
    const auto axis = axis_of(dimension.type);
    switch (axis) {
    case Axis::timestamptz:
        return fmt::format("'{}'::timestamptz", format_time(axis, value));
    case Axis::timestamp: // this type ignores the time zone
        return fmt::format("'{}'::timestamp", format_time(axis, value));
    case Axis::date:
        // Bounds are compared with dates, that is, with midnights.
        return fmt::format("'{}'::date", format_time(axis, ceiling_to_day(value)));
    case Axis::integer: // a bound may be out of range for the column's type
    case Axis::other:
        break;
    }
    return fmt::format("'{}'::bigint", value);
}

std::string row_filter(const Dimension& time, const std::vector<TimeRange>& ranges) {
    if (ranges.size() == 1)
        return within(time, ranges.front());
    std::vector<std::string> alternatives;
    alternatives.reserve(ranges.size());
    for (const auto& range : ranges)
        alternatives.push_back("(" + within(time, range) + ")");
    return fmt::format("({})", fmt::join(alternatives, " OR "));
}

std::optional<std::string> chunk_filter(const std::vector<Dimension>& dimensions,
                                        const Slices& slices,
                                        const postgres::QualifiedName& chunk) {
    std::vector<Dimension> open;
    for (const auto& dimension : dimensions) {
        if (dimension.closed)
            continue;
        if (dimension.function || axis_of(dimension.type) == Axis::other)
            return std::nullopt;
        open.push_back(dimension);
    }
    auto filter = hypercube_filter(open, slices);
    if (dimensions.size() > 1)
        filter +=
            fmt::format(" AND tableoid = {}::regclass", postgres::quote_literal(chunk.quoted()));
    return filter;
}

std::string hypercube_filter(const std::vector<Dimension>& dimensions, const Slices& slices) {
    std::vector<std::string> conditions;
    for (const auto& dimension : dimensions) {
        const auto* range = slices.find(dimension.column);
        if (range == nullptr)
            throw TaskError(fmt::format("the task has no slice for the dimension {}",
                                        postgres::quote_identifier(dimension.column)));
        conditions.push_back(dimension.closed ? within_partition(dimension, *range)
                                              : within(dimension, *range));
    }
    return fmt::format("{}", fmt::join(conditions, " AND "));
}

} // namespace timescale
