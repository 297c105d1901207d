#include "verify/comparison.hpp"

#include "postgres/query_both.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>

namespace verify {

namespace {

using postgres::Result;

/// The select list. An approximate aggregate is followed by its magnitude.
std::string aggregate_list(const comparison::Columns& columns, bool hashes_alike) {
    std::vector<std::string> list;
    for (const auto& aggregate : columns.aggregates) {
        const bool portable = !hashes_alike && !aggregate.portable.empty();
        list.push_back(
            fmt::format("({})::text", portable ? aggregate.portable : aggregate.expression));
        if (aggregate.approximate)
            list.push_back(fmt::format("({})::text", aggregate.magnitude));
    }
    return fmt::format("count(*) AS rows, {} AS aggregates", comparison::in_one(list));
}

/// \pre text is a float8 as PostgreSQL writes it with extra_float_digits = 3.
double to_double(const std::string& text) {
    return std::strtod(text.c_str(), nullptr);
}

/// See Aggregate::approximate.
bool nearly_equal(const std::string& left, const std::string& right, const std::string& magnitude,
                  std::int64_t rows) {
    const double difference = std::abs(to_double(left) - to_double(right));
    const double tolerance =
        static_cast<double>(rows) * std::ldexp(1.0, -52) * to_double(magnitude);
    return difference <= tolerance; // always false for NaN and infinities
}

std::string digest_list(const comparison::Columns& columns) {
    return fmt::format("count(*) AS rows, sum({})::text AS digest",
                       comparison::row_hash(columns.row()));
}

/// The columns whose aggregates differ; none in digest mode.
std::vector<std::string> differing_columns(const Comparison& comparison, const Result& source,
                                           const Result& target, int row) {
    if (comparison.mode != Mode::aggregate)
        return {};
    const auto lefts = comparison::from_one(source.text(row, "aggregates"));
    const auto rights = comparison::from_one(target.text(row, "aggregates"));
    std::set<std::size_t> differing;
    std::size_t place = 0;
    for (const auto& aggregate : comparison.sides.columns.aggregates) {
        const auto& left = lefts.at(place);
        const auto& right = rights.at(place);
        const bool equal =
            left == right || (aggregate.approximate && left && right &&
                              nearly_equal(*left, *right, lefts.at(place + 1).value_or(""),
                                           source.integer(row, "rows")));
        if (!equal)
            differing.insert(aggregate.column);
        place += aggregate.approximate ? 2 : 1;
    }
    std::vector<std::string> names;
    names.reserve(differing.size());
    for (const auto column : differing)
        names.push_back(comparison.sides.columns.names[column]);
    return names;
}

ComparisonResult result_of(const Comparison& comparison, const Result& source, const Result& target,
                           int row) {
    ComparisonResult verdict{
        .rows = source.integer(row, "rows"), .difference = std::nullopt, .by_batches = false};
    Difference difference{.source_rows = verdict.rows,
                          .target_rows = target.integer(row, "rows"),
                          .columns = differing_columns(comparison, source, target, row),
                          .generated = {},
                          .times = std::nullopt,
                          .examples = {}};
    const bool same_digest = comparison.mode == Mode::aggregate ||
                             source.text(row, "digest") == target.text(row, "digest");
    if (difference.source_rows != difference.target_rows || !same_digest ||
        !difference.columns.empty())
        verdict.difference = std::move(difference);
    return verdict;
}

/// A query for a side's row counts and digests or aggregates, with a row for each comparison, in
/// order.
std::string rows_query(const std::vector<Comparison>& comparisons,
                       comparison::ComparedRows comparison::BothSides::*side) {
    std::string sql;
    for (std::size_t i = 0; i < comparisons.size(); ++i) {
        const auto& comparison = comparisons[i];
        sql += fmt::format(
            "{}SELECT {} AS number, {} FROM {} WHERE {}", i == 0 ? "" : " UNION ALL ", i,
            comparison.mode != Mode::aggregate
                ? digest_list(comparison.sides.columns)
                : aggregate_list(comparison.sides.columns, comparison.sides.hashes_alike),
            (comparison.sides.*side).table, (comparison.sides.*side).condition);
    }
    return sql + " ORDER BY number";
}

} // namespace

const char* name_of(Mode mode) {
    return mode == Mode::aggregate ? "aggregates" : "digests";
}

std::vector<ComparisonResult> compare_rows(const std::vector<Comparison>& comparisons) {
    if (comparisons.empty())
        return {};
    const auto [source, target] =
        postgres::query_both(comparisons.front().sides.source.connection,
                             rows_query(comparisons, &comparison::BothSides::source),
                             comparisons.front().sides.target.connection,
                             rows_query(comparisons, &comparison::BothSides::target));
    std::vector<ComparisonResult> verdicts;
    verdicts.reserve(comparisons.size());
    for (std::size_t i = 0; i < comparisons.size(); ++i)
        verdicts.push_back(result_of(comparisons[i], source, target, static_cast<int>(i)));
    return verdicts;
}

} // namespace verify
