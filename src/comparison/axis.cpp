#include "comparison/axis.hpp"

#include "postgres/quote.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>

namespace comparison {

namespace {

/// For plain tables, keys and digests are transferred, some 30 bytes for each row, so many
/// scattered ranges of few rows are better than few ranges of many. Measured on 2.27.2 with
/// 1,000,000 rows of 6 columns, three times in turn on a busy machine: a pass takes 1.1 to 1.5 s
/// with 512 parts, 1.2 s with 8,192, 1.0 to 1.5 s with 32,768, and 1.6 to 2.7 s with 62,500, whose
/// groups do not fit the processor's cache. If 1,000 rows differ, the keys of 60,000 are
/// transferred.
constexpr Division of_keys{.few_rows = 256, .most_to_divide = 16'384, .parts = 16'384};

} // namespace

Axis axis_of_time(const timescale::Dimension& time, bool has_timescaledb) {
    const auto internal = [&](const std::string& value) {
        return has_timescaledb ? fmt::format("_timescaledb_functions.time_to_internal({})", value)
                               : timescale::internal_expression(time, value);
    };
    const auto kind = timescale::axis_of(time.type);
    const auto value = internal(timescale::axis_expression(time));
    const auto end = [&](const char* aggregate) {
        // There is no min(uuid). An index on time returns the others.
        if (kind == timescale::Axis::other)
            return fmt::format("{}({})", aggregate, value);
        return internal(fmt::format("{}({})", aggregate, timescale::axis_expression(time)));
    };
    return {.value = value,
            .least = end("min"),
            .greatest = end("max"),
            .column = time,
            .unit = kind == timescale::Axis::date
                        ? static_cast<std::uint64_t>(timescale::microseconds_in_day)
                        : 1};
}

Axis axis_of_integer(const std::string& column) {
    auto axis = axis_of_time({.column = column, .type = "bigint", .function = std::nullopt},
                             /*has_timescaledb=*/false);
    // The end of a range is not in it. The greatest bigint counts as the one before.
    const auto within_bounds = [](std::string& expression) {
        expression = fmt::format("least({}, 9223372036854775806)", expression);
    };
    within_bounds(axis.value);
    within_bounds(axis.least);
    within_bounds(axis.greatest);
    axis.division = of_keys;
    axis.most_conditions = 64;
    return axis;
}

Axis axis_of_hash(const std::string& digest) {
    // The length of the range of all numbers fits into a bigint.
    constexpr timescale::InternalTime end = timescale::InternalTime{1} << 61;
    return {.value = fmt::format("({} >> 2)", digest),
            .whole = timescale::TimeRange{-end, end},
            .division = of_keys};
}

std::string within(const Axis& axis, const std::vector<timescale::TimeRange>& ranges) {
    if (axis.column && ranges.size() <= axis.most_conditions)
        return timescale::row_filter(*axis.column, ranges);
    if (ranges.size() == 1 && axis.whole == ranges.front())
        return "true";
    // Beginnings and ends alternate. Where a range begins where another one ends, both count. The
    // last range may have no end.
    std::vector<timescale::InternalTime> bounds;
    for (const auto& range : ranges) {
        bounds.push_back(range.from);
        if (range.until < std::numeric_limits<timescale::InternalTime>::max())
            bounds.push_back(range.until);
    }
    return fmt::format("width_bucket({}, '{{{}}}'::bigint[]) % 2 = 1", axis.value,
                       fmt::join(bounds, ","));
}

} // namespace comparison
