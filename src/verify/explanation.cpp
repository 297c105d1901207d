#include "verify/explanation.hpp"

#include "comparison/ranges.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace verify {

namespace {

using postgres::Result;
using timescale::InternalTime;
using timescale::TimeRange;

/// The number of rows that are fetched from each side to find examples.
constexpr int fetched_rows = 2000;

/// The first and the last point of time at which rows differ. Narrows both down at once.
std::optional<TimeRange> find_ends(const comparison::BothSides& sides) {
    const auto whole = comparison::extent(sides);
    if (!whole)
        return std::nullopt;
    std::vector<TimeRange> ends{*whole};
    while (std::ranges::any_of(
        ends, [&](const auto& end) { return comparison::is_divisible(sides, end); })) {
        const auto differing = comparison::compare_parts(sides, ends).differing;
        if (differing.empty())
            return std::nullopt;
        ends = {differing.front().range};
        if (differing.size() > 1)
            ends.push_back(differing.back().range);
    }
    return TimeRange{ends.front().from, ends.back().from};
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
            fmt::format("ROW({}, {})", comparison.sides.axis.value, columns.hashable[i]);
        list.push_back(
            fmt::format("sum({})::text", comparison::digestible(comparison.sides, value)));
    }
    for (std::size_t i = 0; leaves_out && i < size; ++i)
        list.push_back(
            fmt::format("sum({})::text", comparison::digestible(comparison.sides, columns.row(i))));
    const auto results = comparison::select_both(
        comparison.sides, fmt::format("{} AS digests", comparison::in_one(list)), {range});
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
                                ? name == comparison.time
                                : std::ranges::find(comparison.key, name) != comparison.key.end();
        if (is_key)
            values.push_back(row.values[i]);
    }
    return values;
}

/// The number of columns with the same value in both rows.
std::size_t count_equal(const FetchedRow& one, const FetchedRow& other) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < one.values.size(); ++i)
        count += one.values[i] == other.values[i] ? 1 : 0;
    return count;
}

/// Finds each source row's version in the target. Of rows with the same identity, those with the
/// most equal columns belong together.
/// \returns for each source row the target's, or a null pointer if there is none.
std::vector<const FetchedRow*> find_versions(const Comparison& comparison,
                                             const std::vector<FetchedRow>& sources,
                                             const std::vector<FetchedRow>& targets) {
    std::map<std::vector<std::optional<std::string>>, std::vector<const FetchedRow*>> candidates;
    for (const auto& target : targets)
        candidates[identity(comparison, target)].push_back(&target);
    // By the number of equal columns: positions in `sources`, and the candidates.
    std::map<std::size_t, std::vector<std::pair<std::size_t, const FetchedRow*>>, std::greater<>>
        pairs;
    for (std::size_t i = 0; i < sources.size(); ++i)
        for (const auto* target : candidates[identity(comparison, sources[i])])
            pairs[count_equal(sources[i], *target)].emplace_back(i, target);
    std::vector<const FetchedRow*> versions(sources.size());
    std::set<const FetchedRow*> taken;
    for (const auto& [equal, alike] : pairs)
        for (const auto& [i, target] : alike)
            if (versions[i] == nullptr && taken.insert(target).second)
                versions[i] = target;
    return versions;
}

std::vector<Example> find_examples(const Comparison& comparison, const TimeRange& range) {
    const auto& names = comparison.sides.columns.names;
    auto list =
        fmt::format("{} AS time, {} AS digest", comparison.sides.axis.value,
                    comparison::digestible(comparison.sides, comparison.sides.columns.row()));
    for (std::size_t i = 0; i < names.size(); ++i)
        list += fmt::format(", {} AS c{}", shown(names[i]), i);
    const auto results = comparison::select_both(comparison.sides, list, {range},
                                                 fmt::format("ORDER BY 1 LIMIT {}", fetched_rows));
    const auto sources = rows_of(results.first, names.size());
    const auto targets = rows_of(results.second, names.size());
    const auto before = std::min(horizon(sources), horizon(targets));
    const auto only_source = without(sources, targets, before);
    const auto only_target = without(targets, sources, before);

    std::map<Example::Kind, int> count;
    std::vector<Example> examples;
    const auto add = [&](Example example) {
        if (++count[example.kind] <= comparison.max_examples)
            examples.push_back(std::move(example));
    };
    const auto versions = find_versions(comparison, only_source, only_target);
    for (std::size_t i = 0; i < only_source.size(); ++i) {
        auto text = text_of(comparison, only_source[i]);
        if (versions[i] == nullptr)
            add({Example::Kind::only_in_source, std::move(text), std::nullopt});
        else
            add({Example::Kind::different, std::move(text), text_of(comparison, *versions[i])});
    }
    for (const auto& row : only_target)
        if (std::ranges::find(versions, &row) == versions.end())
            add({Example::Kind::only_in_target, std::nullopt, text_of(comparison, row)});
    return examples;
}

} // namespace

void explain(const Comparison& comparison, Difference& difference) {
    difference.times = find_ends(comparison.sides);
    if (!difference.times)
        return;
    const TimeRange narrowed{difference.times->from, difference.times->until + 1};
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
