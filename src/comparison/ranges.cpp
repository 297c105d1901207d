#include "comparison/ranges.hpp"

#include "sql.hpp"

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

/// A pass that reads all rows again is worth it if it may save the transfer of at least one of so
/// many.
constexpr std::int64_t most_reads_for_a_row = 8;

/// The length of a range, unsigned because it may exceed the largest signed number.
std::uint64_t length(const TimeRange& range) {
    return static_cast<std::uint64_t>(range.until) - static_cast<std::uint64_t>(range.from);
}

/// Divides a range into parts of the same length, except for the last.
void divide(const BothSides& sides, const TimeRange& range, std::uint64_t most,
            std::vector<TimeRange>& parts) {
    const auto units = (length(range) - 1) / sides.axis.unit + 1;
    const auto width = ((units - 1) / most + 1) * sides.axis.unit;
    auto from = static_cast<std::uint64_t>(range.from);
    for (auto left = length(range); left > 0;) {
        const auto own = std::min(width, left);
        parts.push_back({static_cast<InternalTime>(from), static_cast<InternalTime>(from + own)});
        from += own;
        left -= own;
    }
}

/// The number of a row's part, from 0, an SQL expression.
/// \param ranges were divided into the parts.
std::string number_of_part(const Axis& axis, const std::vector<TimeRange>& ranges,
                           const std::vector<TimeRange>& parts) {
    // The parts of a single range have the same length. The difference must not overflow.
    constexpr std::uint64_t longest = std::uint64_t{1} << 62;
    if (ranges.size() == 1 && length(ranges.front()) <= longest)
        return fmt::format("({} - '{}'::bigint) / {}", axis.value, parts.front().from,
                           length(parts.front()));
    std::vector<InternalTime> bounds;
    for (const auto& part : parts)
        bounds.push_back(part.from);
    return fmt::format("width_bucket({}, '{{{}}}'::bigint[]) - 1", axis.value,
                       fmt::join(bounds, ","));
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

/// True if both sides can find the rows of a range without reading all.
bool have_index(const BothSides& sides) {
    if (!sides.axis.column || sides.axis.column->function)
        return false;
    const auto has_index = [&](const ComparedRows& side) {
        return side.connection.query(sql::has_index_on, {side.relation, sides.axis.column->column})
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

postgres::TwoResults select_both(const BothSides& sides, const std::string& list,
                                 const std::vector<TimeRange>& ranges, const std::string& rest,
                                 const std::string& columns) {
    const auto condition = within(sides.axis, ranges);
    const auto sql = [&](const ComparedRows& side) {
        // OFFSET 0 prevents that grouping and ordering are planned with the chunk: TimescaleDB
        // 2.19.3 cannot plan GROUP BY an expression on a partial chunk (XX000).
        return fmt::format(
            "SELECT {} FROM (SELECT {} FROM {} WHERE ({}) AND {} OFFSET 0) AS rows {}", list,
            columns, side.table, side.condition, condition, rest);
    };
    return postgres::query_both(sides.source.connection, sql(sides.source), sides.target.connection,
                                sql(sides.target));
}

std::optional<TimeRange> extent(const BothSides& sides) {
    if (sides.axis.whole)
        return sides.axis.whole;
    const auto sql = [&](const ComparedRows& side) {
        return fmt::format("SELECT {} AS first, {} AS last FROM {} WHERE {}", sides.axis.least,
                           sides.axis.greatest, side.table, side.condition);
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
    return length(range) > sides.axis.unit;
}

RangeComparison compare_parts(const BothSides& sides, const std::vector<TimeRange>& ranges,
                              std::uint64_t all_parts) {
    const auto most = std::max<std::uint64_t>(all_parts / ranges.size(), 2);
    std::vector<TimeRange> parts;
    for (const auto& range : ranges)
        divide(sides, range, most, parts);
    const auto [source, target] = select_both(
        sides, "part, count(*) AS rows, sum(digest)::text AS digest", ranges, "GROUP BY part",
        fmt::format("{} AS part, {} AS digest", number_of_part(sides.axis, ranges, parts),
                    digestible(sides, sides.columns.row())));
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
    const auto& division = sides.axis.division;
    auto first = compare_parts(sides, {*whole}, division.parts);
    std::vector<DifferingRange> found;
    std::optional<bool> has_index;
    for (auto differing = std::move(first.differing); !differing.empty();) {
        std::vector<TimeRange> to_divide;
        std::vector<DifferingRange> undivided;
        std::int64_t rows = 0;
        for (const auto& one : differing) {
            // If one side has no rows, all of the other's differ.
            if (one.rows.larger() <= division.few_rows || one.rows.smaller() == 0 ||
                !is_divisible(sides, one.range)) {
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
            has_index = have_index(sides);
        if (to_divide.size() > division.most_to_divide ||
            (!*has_index && rows < first.rows.larger() / most_reads_for_a_row)) {
            std::ranges::move(undivided, std::back_inserter(found));
            break;
        }
        differing = compare_parts(sides, to_divide, division.parts).differing;
    }
    return {.rows = first.rows, .differing = merged_within(std::move(found), ranges)};
}

} // namespace comparison
