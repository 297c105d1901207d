#include "verify/explanation.hpp"

#include "postgres/query_both.hpp"
#include "postgres/quote.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>

namespace verify {

namespace {

using postgres::Result;
using timescale::InternalTime;
using timescale::TimeRange;

/// The number of parts into which each step divides a range. A step reads only the range to which
/// the previous one was narrowed, so the first step reads most.
constexpr std::uint64_t parts = 16;

/// The number of rows that are fetched from each side to find examples.
constexpr int fetched_rows = 2000;

/// An expression for a row's digest, a number that is the same on both servers. A slower expression
/// is used for servers that hash differently.
std::string digestible(const Comparison& comparison, const std::string& row) {
    if (comparison.sides.hashes_alike)
        return comparison::row_hash(row);
    return fmt::format("('x' || left(md5(convert_to({}::text, 'UTF8')), 16))::bit(64)::bigint",
                       row);
}

std::string internal_time(const Comparison& comparison) {
    const auto time = timescale::axis_expression(comparison.sides.time);
    return comparison.sides.has_timescaledb
               ? fmt::format("_timescaledb_functions.time_to_internal({})", time)
               : timescale::internal_expression(comparison.sides.time, time);
}

/// Runs `SELECT list FROM` the rows within a range of time on both sides.
/// \param rest clauses to append to the query.
postgres::TwoResults select_both(const Comparison& comparison, const std::string& list,
                                 const TimeRange& range, const std::string& rest = "") {
    const auto within = timescale::row_filter(comparison.sides.time, {range});
    const auto sql = [&](const comparison::ComparedRows& side) {
        // OFFSET 0 prevents that grouping and ordering are planned with the chunk: TimescaleDB
        // 2.19.3 cannot plan GROUP BY an expression on a partial chunk (XX000).
        return fmt::format(
            "SELECT {} FROM (SELECT * FROM {} WHERE ({}) AND {} OFFSET 0) AS rows {}", list,
            side.table, side.condition, within, rest);
    };
    return postgres::query_both(comparison.sides.source.connection, sql(comparison.sides.source),
                                comparison.sides.target.connection, sql(comparison.sides.target));
}

/// The range from the first time on either side to after the last; none if there are no rows.
std::optional<TimeRange> extent(const Comparison& comparison) {
    const auto time = internal_time(comparison);
    const auto [source, target] =
        select_both(comparison, fmt::format("min({0}) AS first, max({0}) AS last", time), {});
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

/// The length of a range, unsigned because it may exceed the largest signed number.
std::uint64_t length(const TimeRange& range) {
    return static_cast<std::uint64_t>(range.until) - static_cast<std::uint64_t>(range.from);
}

TimeRange part_of(const TimeRange& range, std::uint64_t width, std::uint64_t number) {
    const auto from = static_cast<std::uint64_t>(range.from) + number * width;
    const auto left = static_cast<std::uint64_t>(range.until) - from;
    return {static_cast<InternalTime>(from),
            static_cast<InternalTime>(from + std::min(width, left))};
}

/// The numbers of the parts that differ, ascending.
std::vector<std::uint64_t> differing_parts(const Comparison& comparison, const TimeRange& range,
                                           std::uint64_t width) {
    const auto number = fmt::format("div({}::numeric - '{}'::numeric, {})",
                                    internal_time(comparison), range.from, width);
    const auto results =
        select_both(comparison,
                    fmt::format("{} AS part, count(*)::text || ' ' || sum({})::text AS digest",
                                number, digestible(comparison, comparison.sides.columns.row())),
                    range, "GROUP BY 1");
    std::map<std::uint64_t, std::pair<std::string, std::string>> digests;
    for (int row = 0; row < results.first.size(); ++row)
        digests[static_cast<std::uint64_t>(results.first.integer(row, "part"))].first =
            results.first.string(row, "digest");
    for (int row = 0; row < results.second.size(); ++row)
        digests[static_cast<std::uint64_t>(results.second.integer(row, "part"))].second =
            results.second.string(row, "digest");
    std::vector<std::uint64_t> differing;
    for (const auto& [part, digest] : digests)
        if (digest.first != digest.second)
            differing.push_back(part);
    return differing;
}

/// Narrows a range down to the first or the last point of time at which rows differ.
std::optional<InternalTime> find_end(const Comparison& comparison, TimeRange range, bool first) {
    while (length(range) > 1) {
        const auto width = (length(range) - 1) / parts + 1;
        const auto differing = differing_parts(comparison, range, width);
        if (differing.empty())
            return std::nullopt;
        range = part_of(range, width, first ? differing.front() : differing.back());
    }
    return range.from;
}

/// The columns that differ: the one without which all rows are equal, or else the columns whose
/// pairs of value and time differ.
std::vector<std::string> differing_columns(const Comparison& comparison, const TimeRange& range) {
    const auto& columns = comparison.sides.columns;
    const auto size = columns.names.size();
    // Rows without one column are hashed once for each column, which is slow if there are many.
    constexpr std::size_t most_to_leave_out = 100;
    const bool leaves_out = size <= most_to_leave_out;
    std::vector<std::string> list;
    for (std::size_t i = 0; i < size; ++i) {
        const auto value =
            fmt::format("ROW({}, {})", internal_time(comparison), columns.hashable[i]);
        list.push_back(fmt::format("sum({})::text", digestible(comparison, value)));
    }
    for (std::size_t i = 0; leaves_out && i < size; ++i)
        list.push_back(fmt::format("sum({})::text", digestible(comparison, columns.row(i))));
    const auto results =
        select_both(comparison, fmt::format("{} AS digests", comparison::in_one(list)), range);
    const auto lefts = comparison::from_one(results.first.text(0, "digests"));
    const auto rights = comparison::from_one(results.second.text(0, "digests"));
    std::vector<std::string> differing;
    for (std::size_t i = 0; i < size; ++i) {
        if (leaves_out && lefts.at(size + i) == rights.at(size + i))
            return {columns.names[i]};
        if (lefts.at(i) != rights.at(i))
            differing.push_back(columns.names[i]);
    }
    return differing;
}

/// A fetched row.
struct FetchedRow {
    InternalTime time = 0;
    std::string digest;
    /// Texts in the order of the compared columns, truncated.
    std::vector<std::optional<std::string>> values;

    bool operator<(const FetchedRow& other) const {
        return std::tie(time, digest) < std::tie(other.time, other.digest);
    }
};

/// An expression for a column's text, truncated because a value may have many megabytes.
std::string shown(const std::string& column) {
    constexpr int most = 200;
    return fmt::format("CASE WHEN length({0}::text) > {1} THEN format('%s... (%s characters)', "
                       "left({0}::text, {1}), length({0}::text)) ELSE {0}::text END",
                       postgres::quote_identifier(column), most);
}

std::vector<FetchedRow> rows_of(const Result& result, std::size_t columns) {
    std::vector<FetchedRow> rows;
    for (int row = 0; row < result.size(); ++row) {
        FetchedRow& added = rows.emplace_back();
        added.time = result.integer(row, "time");
        added.digest = result.string(row, "digest");
        for (std::size_t i = 0; i < columns; ++i)
            added.values.push_back(result.optional_string(row, fmt::format("c{}", i).c_str()));
    }
    std::sort(rows.begin(), rows.end());
    return rows;
}

/// The first time at which some of a side's rows may not have been fetched.
InternalTime horizon(const std::vector<FetchedRow>& rows) {
    return static_cast<int>(rows.size()) < fetched_rows ? std::numeric_limits<InternalTime>::max()
                                                        : rows.back().time;
}

/// The rows before a time that occur more often than on the other side.
std::vector<FetchedRow> without(const std::vector<FetchedRow>& rows,
                                const std::vector<FetchedRow>& others, InternalTime before) {
    std::vector<FetchedRow> rest;
    std::set_difference(rows.begin(), rows.end(), others.begin(), others.end(),
                        std::back_inserter(rest));
    std::erase_if(rest, [&](const FetchedRow& row) { return row.time >= before; });
    return rest;
}

std::string text_of(const Comparison& comparison, const FetchedRow& row) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < row.values.size(); ++i)
        values.push_back(fmt::format("{}={}", comparison.sides.columns.names[i],
                                     row.values[i] ? *row.values[i] : "NULL"));
    return fmt::format("{}", fmt::join(values, ", "));
}

/// Identifies versions of the same row on both sides: the key, or the time if there is no key.
std::vector<std::optional<std::string>> identity(const Comparison& comparison,
                                                 const FetchedRow& row) {
    std::vector<std::optional<std::string>> values;
    for (std::size_t i = 0; i < row.values.size(); ++i) {
        const auto& name = comparison.sides.columns.names[i];
        const bool is_key = comparison.key.empty()
                                ? name == comparison.sides.time.column
                                : std::ranges::find(comparison.key, name) != comparison.key.end();
        if (is_key)
            values.push_back(row.values[i]);
    }
    return values;
}

std::vector<Example> find_examples(const Comparison& comparison, const TimeRange& range) {
    const auto& names = comparison.sides.columns.names;
    auto list = fmt::format("{} AS time, {} AS digest", internal_time(comparison),
                            digestible(comparison, comparison.sides.columns.row()));
    for (std::size_t i = 0; i < names.size(); ++i)
        list += fmt::format(", {} AS c{}", shown(names[i]), i);
    const auto results =
        select_both(comparison, list, range, fmt::format("ORDER BY 1 LIMIT {}", fetched_rows));
    const auto sources = rows_of(results.first, names.size());
    const auto targets = rows_of(results.second, names.size());
    const auto before = std::min(horizon(sources), horizon(targets));
    const auto only_source = without(sources, targets, before);
    auto only_target = without(targets, sources, before);

    std::map<Example::Kind, int> count;
    std::vector<Example> examples;
    const auto add = [&](Example example) {
        if (++count[example.kind] <= comparison.max_examples)
            examples.push_back(std::move(example));
    };
    for (const auto& row : only_source) {
        const auto key = identity(comparison, row);
        const auto version = std::ranges::find_if(only_target, [&](const FetchedRow& other) {
            return identity(comparison, other) == key;
        });
        if (version == only_target.end()) {
            add({Example::Kind::only_in_source, text_of(comparison, row), std::nullopt});
            continue;
        }
        add({Example::Kind::different, text_of(comparison, row), text_of(comparison, *version)});
        only_target.erase(version);
    }
    for (const auto& row : only_target)
        add({Example::Kind::only_in_target, std::nullopt, text_of(comparison, row)});
    return examples;
}

} // namespace

void explain(const Comparison& comparison, Difference& difference) {
    const auto range = extent(comparison);
    if (!range)
        return;
    const auto first = find_end(comparison, *range, true);
    if (!first)
        return;
    const auto last = find_end(comparison, {*first, range->until}, false).value_or(*first);
    difference.times = TimeRange{*first, last};
    const TimeRange narrowed{*first, last + 1};
    // If rows are missing, all columns differ, so their names would not help.
    if (difference.source_rows == difference.target_rows)
        difference.columns = differing_columns(comparison, narrowed);
    std::ranges::copy_if(difference.columns, std::back_inserter(difference.generated),
                         [&](const std::string& column) {
                             return std::ranges::find(comparison.generated, column) !=
                                    comparison.generated.end();
                         });
    difference.examples = find_examples(comparison, narrowed);
}

} // namespace verify
