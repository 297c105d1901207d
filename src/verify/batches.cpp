#include "verify/batches.hpp"

#include "comparison/columns.hpp"
#include "postgres/query_both.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace verify {

namespace {

using timescale::Chunk;
using timescale::ChunkColumn;

bool are_stored(const std::vector<ChunkColumn>& columns) {
    return std::ranges::none_of(columns, [](const auto& column) {
        return column.missing || column.as_text || column.name.empty();
    });
}

bool has_plain_batches(const Chunk& chunk) {
    return chunk.compressed && chunk.compressed->readable && !chunk.is_hypercore() &&
           are_stored(chunk.columns) && are_stored(chunk.compressed->columns);
}

/// A query for a side's row counts and digests, with a row for each comparison, in order.
/// Compressed values are hashed as compressed_data_send() in TimescaleDB's
/// tsl/src/compression/compression.c writes them, without OIDs.
std::string batches_query(const std::vector<BatchComparison>& comparisons,
                          comparison::ComparedRows comparison::BothSides::*rows,
                          const Chunk& (*chunk_of)(const BatchComparison&)) {
    std::string sql;
    for (std::size_t i = 0; i < comparisons.size(); ++i) {
        const auto& one = comparisons[i];
        const auto& side = one.rows.sides.*rows;
        const auto& chunk = chunk_of(one);
        const auto batch = comparison::compared_columns(one.source.compressed->columns,
                                                        one.target.compressed->columns)
                               .row();
        sql += fmt::format(
            "{}SELECT {} AS number, (SELECT count(*) FROM {} WHERE {}) AS rows, batches.*, own.* "
            "FROM (SELECT coalesce(sum(_ts_meta_count), 0)::int8 AS rows_in_batches, "
            "sum({})::text AS digest_of_batches FROM ONLY {}) AS batches, "
            "(SELECT count(*) AS own_rows, sum({})::text AS digest_of_own FROM ONLY {}) AS own",
            i == 0 ? "" : " UNION ALL ", i, side.table, side.condition, comparison::row_hash(batch),
            chunk.compressed->name.quoted(), comparison::row_hash(one.rows.sides.columns.row()),
            chunk.name.quoted());
    }
    return sql + " ORDER BY number";
}

/// True if queries show all rows, and no others.
bool shows_all(const postgres::Result& side, int row) {
    return side.integer(row, "rows") ==
           side.integer(row, "rows_in_batches") + side.integer(row, "own_rows");
}

std::optional<ComparisonResult> result_of(const postgres::Result& source,
                                          const postgres::Result& target, int row) {
    for (const auto* column :
         {"rows", "rows_in_batches", "digest_of_batches", "own_rows", "digest_of_own"})
        if (source.optional_string(row, column) != target.optional_string(row, column))
            return std::nullopt;
    if (!shows_all(source, row) || !shows_all(target, row))
        return std::nullopt;
    return ComparisonResult{
        .rows = source.integer(row, "rows"), .difference = std::nullopt, .by_batches = true};
}

} // namespace

bool have_comparable_batches(const timescale::Server& source_server,
                             const timescale::Server& target_server, const Chunk& source,
                             const Chunk& target) {
    return source_server.timescaledb_text == target_server.timescaledb_text &&
           source_server.takes_null_batches() && has_plain_batches(source) &&
           has_plain_batches(target) &&
           source.compressed->settings == target.compressed->settings &&
           timescale::same_columns(source.columns, target.columns) &&
           timescale::same_columns(source.compressed->columns, target.compressed->columns);
}

std::vector<std::optional<ComparisonResult>>
compare_batches(const std::vector<BatchComparison>& comparisons) {
    if (comparisons.empty())
        return {};
    const auto [source, target] = postgres::query_both(
        comparisons.front().rows.sides.source.connection,
        batches_query(comparisons, &comparison::BothSides::source,
                      [](const BatchComparison& one) -> const Chunk& { return one.source; }),
        comparisons.front().rows.sides.target.connection,
        batches_query(comparisons, &comparison::BothSides::target,
                      [](const BatchComparison& one) -> const Chunk& { return one.target; }));
    std::vector<std::optional<ComparisonResult>> results;
    for (int row = 0; row < source.size(); ++row)
        results.push_back(result_of(source, target, row));
    return results;
}

} // namespace verify
