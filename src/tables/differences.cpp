#include "tables/differences.hpp"

#include "comparison/ranges.hpp"
#include "postgres/transaction.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace tables {

namespace {

using postgres::quote_identifier;

/// The names of additional columns. They must not conflict with the tables' own.
constexpr auto digest = R"("__backfill digest")";
constexpr auto copies = R"("__backfill copies")";

/// Reading all rows of the ranges is as fast as finding one of so many by its key.
constexpr std::int64_t most_reads_for_a_row = 8;

/// The number of keys in one statement.
constexpr int keys_at_a_time = 5'000;

/// Columns that are compared: without those that the target generates.
std::vector<timescale::ChunkColumn> compared(const std::vector<timescale::ChunkColumn>& columns,
                                             const std::vector<timescale::ChunkColumn>& target) {
    std::vector<timescale::ChunkColumn> result;
    std::ranges::copy_if(columns, std::back_inserter(result), [&](const auto& column) {
        const auto found = std::ranges::find(target, column.name, &timescale::ChunkColumn::name);
        return found == target.end() || !found->generated;
    });
    return result;
}

std::vector<timescale::ChunkColumn> of_key(const std::vector<timescale::ChunkColumn>& columns,
                                           const Key& key) {
    std::vector<timescale::ChunkColumn> result;
    for (const auto& name : key.columns)
        result.push_back(*std::ranges::find(columns, name, &timescale::ChunkColumn::name));
    return result;
}

comparison::Axis axis_of(const TablePair& pair, const comparison::BothSides& sides) {
    if (pair.has_key() && pair.key.is_integer)
        return comparison::axis_of_integer(pair.key.columns.front());
    const auto columns = pair.has_key()
                             ? comparison::compared_columns(of_key(pair.source.columns, pair.key),
                                                            of_key(pair.target.columns, pair.key))
                             : sides.columns;
    return comparison::axis_of_hash(comparison::digestible(sides, columns.row()));
}

comparison::BothSides sides_of(const TablePair& pair, run::Endpoint& source, run::Endpoint& target,
                               bool hashes_alike) {
    comparison::BothSides sides{
        .source = {source.connection, pair.source.rows(), "true", pair.source.name.quoted()},
        .target = {target.connection, pair.target.rows(), "true", pair.target.name.quoted()},
        .columns = comparison::compared_columns(compared(pair.source.columns, pair.target.columns),
                                                compared(pair.target.columns, pair.target.columns)),
        .axis = {},
        .hashes_alike = hashes_alike};
    sides.axis = axis_of(pair, sides);
    return sides;
}

std::string temporary(const char* what, std::size_t unit, std::size_t table) {
    return fmt::format("pg_temp.backfill_{}_{}_{}", what, unit, table);
}

/// Runs find_differences() and begins the result.
TableComparison compare_ranges(const PairReading& reading) {
    const auto found = comparison::find_differences(
        reading.sides, {timescale::TimeRange{timescale::minus_infinity,
                                             std::numeric_limits<std::int64_t>::max()}});
    TableComparison comparison{.rows = found.rows.source,
                               .differences = {},
                               .ranges = {},
                               .rows_in_ranges = 0,
                               .examples = {}};
    for (const auto& [range, rows] : found.differing) {
        comparison.ranges.push_back(range);
        comparison.rows_in_ranges += rows.larger();
    }
    return comparison;
}

/// The name of a temporary table without its schema.
std::string local(const std::string& table) {
    return table.substr(table.find('.') + 1);
}

/// Creates a temporary table with the columns of a query of the target.
void create_like(postgres::Connection& target, const std::string& table, const std::string& like) {
    target.execute(fmt::format("DROP TABLE IF EXISTS {}; CREATE TEMP TABLE {} AS {} WITH NO DATA",
                               table, local(table), like));
}

/// Creates the temporary table of rows. It has the columns that the target generates, because other
/// rows may reference them.
void create_rows(const PairReading& reading, const TemporaryTables& temporary) {
    auto& target = reading.sides.target.connection;
    if (std::ranges::none_of(reading.pair.target.columns, &timescale::ChunkColumn::generated))
        return create_like(
            target, temporary.rows,
            fmt::format("SELECT {} FROM {}", reading.shape.columns, reading.sides.target.table));
    target.execute(fmt::format("DROP TABLE IF EXISTS {}; CREATE TEMP TABLE {} (LIKE {} INCLUDING "
                               "GENERATED)",
                               temporary.rows, temporary.rows_name(),
                               reading.pair.target.name.quoted()));
}

/// Copies the result of a query on the source into a temporary table of the target.
void copy_into(const PairReading& reading, const load::CopyShape& shape, const std::string& from,
               const std::string& table, run::WorkerProgress& progress) {
    auto& target = reading.sides.target.connection;
    load::copy_table(reading.sides.source.connection, shape, from, target,
                     {"pg_temp", local(table)}, progress);
    target.execute("ANALYZE " + table);
}

std::string row_digest(const PairReading& reading) {
    return comparison::digestible(reading.sides, reading.sides.columns.row());
}

} // namespace

TemporaryTables::TemporaryTables(std::size_t unit, std::size_t table)
    : keys(temporary("keys", unit, table)), changes(temporary("changes", unit, table)),
      rows(temporary("rows", unit, table)) {}

std::string TemporaryTables::dropped() const {
    return fmt::format("DROP TABLE IF EXISTS {}, {}, {}", keys, changes, rows);
}

std::string TemporaryTables::rows_name() const {
    return local(rows);
}

PairReading::PairReading(const TablePair& of, run::Endpoint& source, run::Endpoint& target,
                         bool hashes_alike)
    : pair(of), shape(load::copy_shape(of.source.columns, of.target.columns,
                                       load::copy_encoding(source.server, target.server))),
      sides(sides_of(of, source, target, hashes_alike)) {}

std::string PairReading::key() const {
    return postgres::quoted_list(pair.key.columns);
}

std::string PairReading::same_key(const std::string& left, const std::string& right) const {
    std::vector<std::string> conditions;
    for (std::size_t i = 0; i < pair.key.columns.size(); ++i) {
        const auto column = quote_identifier(pair.key.columns[i]);
        conditions.push_back(
            fmt::format("{}.{} {} {}.{}", left, column, pair.key.equals[i], right, column));
    }
    return fmt::format("{}", fmt::join(conditions, " AND "));
}

TableComparison compare(const PairReading& reading, const TemporaryTables& temporary, int examples,
                        run::WorkerProgress& progress) {
    auto comparison = compare_ranges(reading);
    if (comparison.ranges.empty())
        return comparison;
    auto& target = reading.sides.target.connection;
    const auto condition = comparison::within(reading.sides.axis, comparison.ranges);
    auto shape = load::copy_shape(of_key(reading.pair.source.columns, reading.pair.key),
                                  of_key(reading.pair.target.columns, reading.pair.key),
                                  reading.shape.encoding);
    shape.columns += fmt::format(", {}", digest);
    shape.values += fmt::format(", {} AS {}", row_digest(reading), digest);
    create_like(target, temporary.keys,
                fmt::format("SELECT {}, 0::bigint AS {} FROM {}", reading.key(), digest,
                            reading.sides.target.table));
    copy_into(reading, shape, fmt::format("{} WHERE {}", reading.sides.source.table, condition),
              temporary.keys, progress);
    std::vector<std::string> keys;
    for (const auto& column : reading.pair.key.columns)
        keys.push_back(fmt::format("CASE WHEN source.{0} IS NULL THEN target.{1} ELSE source.{1} "
                                   "END AS {1}",
                                   digest, quote_identifier(column)));
    // i: only in the source, d: only in the target, u: different
    target.execute(fmt::format(
        "CREATE TEMP TABLE {} AS SELECT CASE WHEN target.{} IS NULL THEN 'i' "
        "WHEN source.{} IS NULL THEN 'd' ELSE 'u' END::text AS \"__backfill kind\", {} "
        "FROM {} AS source FULL JOIN (SELECT {}, {} AS {} FROM {} WHERE {}) AS target ON {} "
        "WHERE source.{} IS DISTINCT FROM target.{}",
        local(temporary.changes), digest, digest, fmt::join(keys, ", "), temporary.keys,
        reading.key(), row_digest(reading), digest, reading.sides.target.table, condition,
        reading.same_key("source", "target"), digest, digest));
    target.execute(fmt::format("DROP TABLE {}; ANALYZE {}", temporary.keys, temporary.changes));
    const auto counts = target.execute(
        fmt::format("SELECT count(*) FILTER (WHERE \"__backfill kind\" = 'i') AS only_source, "
                    "count(*) FILTER (WHERE \"__backfill kind\" = 'd') AS only_target, "
                    "count(*) FILTER (WHERE \"__backfill kind\" = 'u') AS different FROM {}",
                    temporary.changes));
    comparison.differences = {.only_source = counts.integer(0, "only_source"),
                              .only_target = counts.integer(0, "only_target"),
                              .different = counts.integer(0, "different")};
    const auto rows = target.execute(
        fmt::format("SELECT CASE \"__backfill kind\" WHEN 'i' THEN 'only in the source' "
                    "WHEN 'd' THEN 'only in the target' ELSE 'different' END AS kind, "
                    "left(ROW({})::text, 200) AS key FROM {} ORDER BY 1, {} LIMIT {}",
                    reading.key(), temporary.changes, reading.key(), examples));
    for (int row = 0; row < rows.size(); ++row)
        comparison.examples.push_back(
            fmt::format("{}: {}", rows.text(row, "kind"), rows.text(row, "key")));
    return comparison;
}

TableComparison compare_without_key(const PairReading& reading, const TemporaryTables& temporary,
                                    run::WorkerProgress& progress) {
    auto comparison = compare_ranges(reading);
    if (comparison.ranges.empty())
        return comparison;
    const auto condition = comparison::within(reading.sides.axis, comparison.ranges);
    load::CopyShape shape;
    shape.columns = fmt::format("{}, {}", digest, copies);
    shape.values = shape.columns;
    const auto counted = [&](const comparison::ComparedRows& side) {
        return fmt::format("(SELECT {} AS {}, count(*) AS {} FROM {} WHERE {} GROUP BY 1)",
                           row_digest(reading), digest, copies, side.table, condition);
    };
    create_like(reading.sides.target.connection, temporary.keys,
                fmt::format("SELECT 0::bigint AS {}, 0::bigint AS {}", digest, copies));
    copy_into(reading, shape, counted(reading.sides.source) + " AS source", temporary.keys,
              progress);
    const auto counts = reading.sides.target.connection.execute(fmt::format(
        "SELECT coalesce(sum(greatest(coalesce(source.{0}, 0) - coalesce(target.{0}, 0), 0)), 0)"
        "::bigint AS only_source, "
        "coalesce(sum(greatest(coalesce(target.{0}, 0) - coalesce(source.{0}, 0), 0)), 0)::bigint "
        "AS only_target FROM {1} AS source FULL JOIN {2} AS target USING ({3})",
        copies, temporary.keys, counted(reading.sides.target), digest));
    comparison.differences.only_source = counts.integer(0, "only_source");
    comparison.differences.only_target = counts.integer(0, "only_target");
    return comparison;
}

void fetch_all_rows(const PairReading& reading, const TemporaryTables& temporary,
                    run::WorkerProgress& progress) {
    create_rows(reading, temporary);
    copy_into(reading, reading.shape, reading.sides.source.table, temporary.rows, progress);
}

void fetch_rows(const PairReading& reading, const TableComparison& comparison,
                const TemporaryTables& temporary, run::WorkerProgress& progress) {
    auto& target = reading.sides.target.connection;
    create_rows(reading, temporary);
    const auto& source = reading.sides.source.table;
    const auto read = reading.sides.axis.column ? comparison.rows_in_ranges : comparison.rows;
    if (read <= most_reads_for_a_row * comparison.differences.all()) {
        copy_into(reading, reading.shape,
                  fmt::format("{} WHERE {}", source,
                              comparison::within(reading.sides.axis, comparison.ranges)),
                  temporary.rows, progress);
        return;
    }
    const auto& key = reading.pair.key;
    std::vector<std::string> names;
    std::vector<std::string> types;
    std::vector<std::string> conditions;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < key.columns.size(); ++i) {
        const auto column = quote_identifier(key.columns[i]);
        const auto& type = std::ranges::find(reading.pair.source.columns, key.columns[i],
                                             &timescale::ChunkColumn::name)
                               ->type;
        names.push_back(fmt::format("\"__backfill key {}\"", i));
        conditions.push_back(fmt::format("{} {} wanted.{}::{}", column,
                                         reading.pair.source_equals[i], names.back(), type));
        texts.push_back(fmt::format("{}::text AS k{}", column, i));
    }
    postgres::Transaction transaction(target); // closes the cursor if anything fails
    target.read_pages(
        fmt::format("SELECT {} FROM {}", fmt::join(texts, ", "), temporary.changes), keys_at_a_time,
        [&](const postgres::Result& page) {
            std::vector<std::string> arrays;
            for (std::size_t i = 0; i < key.columns.size(); ++i) {
                std::vector<std::string> values;
                for (int row = 0; row < page.size(); ++row)
                    values.push_back(page.string(row, fmt::format("k{}", i).c_str()));
                arrays.push_back(postgres::quote_literal(postgres::array_literal(values)) +
                                 "::text[]");
            }
            // OFFSET 0 keeps the planner from converting the texts more than once.
            load::copy_table(
                reading.sides.source.connection, reading.shape,
                fmt::format("{} JOIN (SELECT * FROM ROWS FROM (unnest({})) AS key ({}) "
                            "OFFSET 0) AS wanted ON {}",
                            source, fmt::join(arrays, "), unnest("), fmt::join(names, ", "),
                            fmt::join(conditions, " AND ")),
                target, {"pg_temp", local(temporary.rows)}, progress);
        });
    transaction.commit();
    target.execute("ANALYZE " + temporary.rows);
}

} // namespace tables
