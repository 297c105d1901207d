#include "comparison/ranges.hpp"

#include "sql.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace comparison {

namespace {

using timescale::InternalTime;
using timescale::TimeRange;

/// The number of parts of one pass, about.
constexpr std::uint64_t most_parts = 512;

/// A range of up to so many rows is not divided: a round trip takes as long as their transfer.
constexpr std::int64_t few_rows = 1'000;

/// More ranges are not divided further: differences that are everywhere would be read again in each
/// pass.
constexpr std::size_t most_to_divide = 64;

/// A pass that reads all rows again is worth it if it may save the transfer of at least one of so
/// many.
constexpr std::int64_t most_reads_for_a_row = 8;

/// The length of a range, unsigned because it may exceed the largest signed number.
std::uint64_t length(const TimeRange& range) {
    return static_cast<std::uint64_t>(range.until) - static_cast<std::uint64_t>(range.from);
}

/// The smallest length of a part.
std::uint64_t unit(const BothSides& sides) {
    return timescale::axis_of(sides.time.type) == timescale::Axis::date
               ? static_cast<std::uint64_t>(timescale::microseconds_in_day)
               : 1;
}

/// Divides a range into parts of the same length, except for the last.
void divide(const BothSides& sides, const TimeRange& range, std::uint64_t most,
            std::vector<TimeRange>& parts) {
    const auto units = (length(range) - 1) / unit(sides) + 1;
    const auto width = ((units - 1) / most + 1) * unit(sides);
    auto from = static_cast<std::uint64_t>(range.from);
    for (auto left = length(range); left > 0;) {
        const auto own = std::min(width, left);
        parts.push_back({static_cast<InternalTime>(from), static_cast<InternalTime>(from + own)});
        from += own;
        left -= own;
    }
}

/// A part's rows on one side. Without rows, both are 0 and empty.
struct PartDigest {
    std::int64_t rows = 0;
    std::string digest;

    bool operator==(const PartDigest&) const = default;
};

/// The digests of a side's parts, in their order.
std::vector<PartDigest> digests_of(const postgres::Result& result, std::size_t parts) {
    std::vector<PartDigest> digests(parts);
    for (int row = 0; row < result.size(); ++row)
        digests.at(static_cast<std::size_t>(result.integer(row, "part"))) = {
            result.integer(row, "rows"), result.string(row, "digest")};
    return digests;
}

/// A time as TimescaleDB's internal value, an SQL expression.
std::string internal_time_of(const BothSides& sides, const std::string& time) {
    return sides.has_timescaledb ? fmt::format("_timescaledb_functions.time_to_internal({})", time)
                                 : timescale::internal_expression(sides.time, time);
}

/// True if both sides can find the rows of a range without reading all.
bool have_time_index(const BothSides& sides) {
    if (sides.time.function)
        return false;
    const auto has_index = [&](const ComparedRows& side) {
        return side.connection.query(sql::has_time_index, {side.relation, sides.time.column})
            .boolean(0, "has_index");
    };
    return has_index(sides.source) && has_index(sides.target);
}

/// The parts of the found ranges that are within the given ones. Adjacent ones are merged.
std::vector<DifferingRange> merged_within(std::vector<DifferingRange> found,
                                          const std::vector<TimeRange>& given) {
    std::ranges::sort(found, {}, [](const DifferingRange& one) { return one.range.from; });
    std::vector<DifferingRange> merged;
    for (const auto& [range, rows] : found) {
        if (!merged.empty() && merged.back().range.until == range.from) {
            merged.back().range.until = range.until;
            merged.back().rows += rows;
        } else {
            merged.push_back({range, rows});
        }
    }
    std::vector<DifferingRange> within;
    for (auto& [range, rows] : merged)
        for (const auto& limit : given) {
            const TimeRange common{std::max(range.from, limit.from),
                                   std::min(range.until, limit.until)};
            if (common.from < common.until) // count the rows once
                within.push_back({common, std::exchange(rows, {})});
        }
    return within;
}

} // namespace

std::string digestible(const BothSides& sides, const std::string& row) {
    if (sides.hashes_alike)
        return row_hash(row);
    return fmt::format("('x' || left(md5(convert_to({}::text, 'UTF8')), 16))::bit(64)::bigint",
                       row);
}

std::string internal_time(const BothSides& sides) {
    return internal_time_of(sides, timescale::axis_expression(sides.time));
}

postgres::TwoResults select_both(const BothSides& sides, const std::string& list,
                                 const std::vector<TimeRange>& ranges, const std::string& rest) {
    const auto within = timescale::row_filter(sides.time, ranges);
    const auto sql = [&](const ComparedRows& side) {
        // OFFSET 0 prevents that grouping and ordering are planned with the chunk: TimescaleDB
        // 2.19.3 cannot plan GROUP BY an expression on a partial chunk (XX000).
        return fmt::format(
            "SELECT {} FROM (SELECT * FROM {} WHERE ({}) AND {} OFFSET 0) AS rows {}", list,
            side.table, side.condition, within, rest);
    };
    return postgres::query_both(sides.source.connection, sql(sides.source), sides.target.connection,
                                sql(sides.target));
}

std::optional<TimeRange> extent(const BothSides& sides) {
    const auto end = [&](const char* aggregate) {
        // There is no min(uuid). An index on time returns the others.
        if (timescale::axis_of(sides.time.type) == timescale::Axis::other)
            return fmt::format("{}({})", aggregate, internal_time(sides));
        return internal_time_of(
            sides, fmt::format("{}({})", aggregate, timescale::axis_expression(sides.time)));
    };
    const auto sql = [&](const ComparedRows& side) {
        return fmt::format("SELECT {} AS first, {} AS last FROM {} WHERE {}", end("min"),
                           end("max"), side.table, side.condition);
    };
    const auto [source, target] = postgres::query_both(sides.source.connection, sql(sides.source),
                                                       sides.target.connection, sql(sides.target));
    std::optional<TimeRange> range;
    for (const auto* side : {&source, &target}) {
        if (side->is_null(0, "first"))
            continue;
        const TimeRange own{side->integer(0, "first"), side->integer(0, "last")};
        range = range
                    ? TimeRange{std::min(range->from, own.from), std::max(range->until, own.until)}
                    : own;
    }
    if (range && range->until < std::numeric_limits<InternalTime>::max())
        ++range->until;
    return range;
}

bool is_divisible(const BothSides& sides, const TimeRange& range) {
    return length(range) > unit(sides);
}

RangeComparison compare_parts(const BothSides& sides, const std::vector<TimeRange>& ranges) {
    const auto most = std::max<std::uint64_t>(most_parts / ranges.size(), 2);
    std::vector<TimeRange> parts;
    for (const auto& range : ranges)
        divide(sides, range, most, parts);
    std::vector<InternalTime> bounds;
    for (const auto& part : parts)
        bounds.push_back(part.from);
    const auto [source, target] = select_both(
        sides,
        fmt::format("width_bucket({}, '{{{}}}'::bigint[]) - 1 AS part, count(*) AS rows, "
                    "sum({})::text AS digest",
                    internal_time(sides), fmt::join(bounds, ","),
                    digestible(sides, sides.columns.row())),
        ranges, "GROUP BY 1");
    const auto sources = digests_of(source, parts.size());
    const auto targets = digests_of(target, parts.size());
    RangeComparison result;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const RowCounts rows{sources[i].rows, targets[i].rows};
        result.rows += rows;
        if (sources[i] != targets[i])
            result.differing.push_back({parts[i], rows});
    }
    return result;
}

RangeComparison find_differences(const BothSides& sides, const std::vector<TimeRange>& ranges) {
    const auto whole = extent(sides);
    if (!whole)
        return {};
    auto first = compare_parts(sides, {*whole});
    std::vector<DifferingRange> found;
    std::optional<bool> has_index;
    for (auto differing = std::move(first.differing); !differing.empty();) {
        std::vector<TimeRange> to_divide;
        std::vector<DifferingRange> undivided;
        std::int64_t rows = 0;
        for (const auto& one : differing) {
            if (one.rows.larger() <= few_rows || !is_divisible(sides, one.range)) {
                found.push_back(one);
                continue;
            }
            undivided.push_back(one);
            to_divide.push_back(one.range);
            rows += one.rows.larger();
        }
        if (to_divide.empty())
            break;
        if (!has_index)
            has_index = have_time_index(sides);
        if (to_divide.size() > most_to_divide ||
            (!*has_index && rows < first.rows.larger() / most_reads_for_a_row)) {
            std::ranges::move(undivided, std::back_inserter(found));
            break;
        }
        differing = compare_parts(sides, to_divide).differing;
    }
    return {.rows = first.rows, .differing = merged_within(std::move(found), ranges)};
}

} // namespace comparison
