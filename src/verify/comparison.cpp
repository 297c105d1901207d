#include "verify/comparison.hpp"

#include "verify/explanation.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>

namespace verify {

namespace {

using postgres::Result;

std::string select(const std::string& list, const Side& side) {
    return fmt::format("SELECT {} FROM {} WHERE {}", list, side.table, side.condition);
}

postgres::TwoResults select_both(const Comparison& comparison, const std::string& list) {
    return postgres::query_both(comparison.source.connection, select(list, comparison.source),
                                comparison.target.connection, select(list, comparison.target));
}

std::string name_of(std::size_t index) {
    return fmt::format("a{}", index);
}
std::string magnitude_of(std::size_t index) {
    return fmt::format("m{}", index);
}

std::string aggregate_list(const Columns& columns) {
    std::string list = "count(*) AS rows";
    for (std::size_t i = 0; i < columns.aggregates.size(); ++i) {
        const auto& aggregate = columns.aggregates[i];
        list += fmt::format(", {}::text AS {}", aggregate.expression, name_of(i));
        if (aggregate.approximate)
            list += fmt::format(", {}::text AS {}", aggregate.magnitude, magnitude_of(i));
    }
    return list;
}

/// \pre both are texts of float8, as PostgreSQL writes them with extra_float_digits = 3.
double to_double(const std::string& text) {
    return std::strtod(text.c_str(), nullptr);
}

/// See Aggregate::approximate.
bool nearly_equal(const std::string& left, const std::string& right, const std::string& magnitude,
                  std::int64_t rows) {
    const double difference = std::abs(to_double(left) - to_double(right));
    const double tolerance =
        static_cast<double>(rows) * std::ldexp(1.0, -52) * to_double(magnitude);
    return difference <= tolerance; // never so with a NaN or an infinity
}

bool is_equal(const Aggregate& aggregate, std::size_t index, const Result& source,
              const Result& target) {
    const auto name = name_of(index);
    const auto left = source.optional_string(0, name.c_str());
    const auto right = target.optional_string(0, name.c_str());
    if (left == right)
        return true;
    return aggregate.approximate && left && right &&
           nearly_equal(*left, *right, source.string(0, magnitude_of(index).c_str()),
                        source.integer(0, "rows"));
}

Verdict compare_aggregates(const Comparison& comparison) {
    const auto& aggregates = comparison.columns.aggregates;
    const auto [source, target] = select_both(comparison, aggregate_list(comparison.columns));
    Verdict verdict{.rows = source.integer(0, "rows"), .difference = std::nullopt};
    const auto target_rows = target.integer(0, "rows");

    std::set<std::size_t> differing;
    for (std::size_t i = 0; i < aggregates.size(); ++i)
        if (!is_equal(aggregates[i], i, source, target))
            differing.insert(aggregates[i].column);
    if (verdict.rows == target_rows && differing.empty())
        return verdict;
    auto& difference = verdict.difference.emplace();
    difference.source_rows = verdict.rows;
    difference.target_rows = target_rows;
    for (const auto column : differing)
        difference.columns.push_back(comparison.columns.names[column]);
    return verdict;
}

Verdict compare_digests(const Comparison& comparison) {
    const auto [source, target] =
        select_both(comparison, fmt::format("count(*) AS rows, sum({})::text AS digest",
                                            row_hash(comparison.columns.row())));
    Verdict verdict{.rows = source.integer(0, "rows"), .difference = std::nullopt};
    if (verdict.rows == target.integer(0, "rows") &&
        source.text(0, "digest") == target.text(0, "digest"))
        return verdict;
    auto& difference = verdict.difference.emplace();
    difference.source_rows = verdict.rows;
    difference.target_rows = target.integer(0, "rows");
    return verdict;
}

} // namespace

Verdict compare(const Comparison& comparison) {
    auto verdict = comparison.mode == Mode::digest ? compare_digests(comparison)
                                                   : compare_aggregates(comparison);
    if (verdict.difference)
        explain(comparison, *verdict.difference);
    return verdict;
}

} // namespace verify
