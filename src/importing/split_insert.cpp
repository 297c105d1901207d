#include "importing/split_insert.hpp"

#include "importing/detour.hpp"
#include "json/value.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "postgres/sqlstate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace importing {

namespace {

using postgres::quote_identifier;

/// Adds the number of indexes that a plan reads.
/// \returns false if it reads anything else, or sorts.
bool reads_indexes(const json::Value& plan, int& indexes) {
    constexpr std::array nodes{"Limit",  "Append",     "Merge Append",
                               "Result", "Index Scan", "Index Only Scan"};
    const auto& object = plan.object();
    const auto& provider = object.get("Custom Plan Provider");
    if (provider.is_null() ? std::ranges::find(nodes, plan.at("Node Type").text()) == nodes.end()
                           : provider.text() != "ChunkAppend")
        return false;
    indexes += object.get("Index Name").is_null() ? 0 : 1;
    const auto& inputs = object.get("Plans");
    return inputs.is_null() || std::ranges::all_of(inputs.array(), [&](const auto& input) {
               return reads_indexes(input, indexes);
           });
}

} // namespace

Inserted inserted_by(const postgres::Result& result) {
    if (result.empty())
        return {.rows = result.affected_rows()};
    return {.rows = result.integer(0, "rows"), .updated = result.integer(0, "updated")};
}

/// Finds the rows whose keys exist, or are in several rows. Reads at most as many existing rows as
/// there are new ones. \returns their places, as an array; nothing if they cannot be found that
/// way.
std::optional<std::string> SplitInsert::find_rest(postgres::Connection& target,
                                                  std::int64_t count) const {
    const auto bounds =
        target.query(fmt::format("SELECT pg_catalog.quote_literal(pg_catalog.min({0})) AS first, "
                                 "pg_catalog.quote_literal(pg_catalog.max({0})) AS last FROM {1}",
                                 time, rows));
    if (bounds.is_null(0, "first"))
        return std::nullopt;
    // Only an index on time finds rows in this order without sorting them.
    const auto existing = fmt::format(
        "SELECT {0} FROM {1} WHERE {2} OPERATOR(pg_catalog.>=) {3}::{5} AND {2} "
        "OPERATOR(pg_catalog.<=) {4}::{5} ORDER BY {2} LIMIT {6}",
        key, table, time, bounds.text(0, "first"), bounds.text(0, "last"), time_type, count);
    const auto plan = target.query("EXPLAIN (FORMAT JSON, COSTS off) " + existing);
    constexpr int most_indexes = 16; // a chunk takes time to plan
    int indexes = 0;
    if (!reads_indexes(json::parse(plan.text(0, "\"QUERY PLAN\"")).at(0).at("Plan"), indexes) ||
        indexes > most_indexes)
        return std::nullopt;
    return target
        .query(
            fmt::format("SELECT coalesce(pg_catalog.array_agg(ctid), '{{}}') AS places FROM ("
                        "SELECT new.ctid FROM {0} AS new JOIN ({1}) AS existing ON {2} UNION ALL "
                        "SELECT new.ctid FROM {0} AS new JOIN (SELECT {3} FROM {0} GROUP BY {3} "
                        "HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1) AS existing ON {2}"
                        ") AS rest",
                        rows, existing, equal, key))
        .string(0, "places");
}

std::optional<Inserted> SplitInsert::run(postgres::Connection& target, std::int64_t count) const {
    // A chunk that has just been loaded has no statistics. The planner takes what is off for
    // expensive, and might compile the statement.
    target.execute("SAVEPOINT splitting; SET LOCAL DateStyle = 'ISO'; SET LOCAL jit = off; "
                   "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; "
                   "SET LOCAL enable_sort = off; SET LOCAL enable_nestloop = off");
    try {
        if (const auto rest = find_rest(target, count)) {
            // A literal, because plans are generic, and an unknown array would not be hashed. Nor
            // would NOT be, which becomes <> ALL, before PostgreSQL 15.
            const auto is_rest =
                fmt::format("(ctid OPERATOR(pg_catalog.=) ANY ({}::pg_catalog.tid[]))",
                            postgres::quote_literal(*rest));
            const auto results = target.pipeline({{"ROLLBACK TO SAVEPOINT splitting"},
                                                  {on_conflict.where(is_rest)},
                                                  {plain.where(is_rest + " IS NOT TRUE")},
                                                  {"RELEASE SAVEPOINT splitting"}});
            auto inserted = inserted_by(results[1]);
            inserted.rows += results[2].affected_rows();
            return inserted;
        }
    } catch (const postgres::SqlError& error) {
        if (error.reaction() != postgres::Reaction::fail_task ||
            error.sqlstate() == postgres::sqlstate::query_canceled)
            throw;
    }
    target.execute("ROLLBACK TO SAVEPOINT splitting; RELEASE SAVEPOINT splitting");
    return std::nullopt;
}

std::optional<SplitInsert> make_split_insert(const ImportTable& table,
                                             const std::vector<std::string>& columns,
                                             const UniqueKey& key, const std::string& rows,
                                             InsertStatement plain, InsertStatement on_conflict) {
    const auto is_usable = [&](const auto& column) {
        return std::ranges::find(columns, column) != columns.end() &&
               table.find(column)->may_select;
    };
    if (!table.hypertable || !std::ranges::all_of(key.columns, is_usable))
        return std::nullopt;
    std::vector<std::string> equal;
    for (const auto& column : key.columns)
        equal.push_back(
            fmt::format("new.{0} OPERATOR(pg_catalog.=) existing.{0}", quote_identifier(column)));
    return SplitInsert{.rows = rows,
                       .table = table.name.quoted(),
                       .time = quote_identifier(table.hypertable->time.column),
                       .time_type = table.hypertable->time.type,
                       .key = postgres::quoted_list(key.columns),
                       .equal = fmt::format("{}", fmt::join(equal, " AND ")),
                       .plain = std::move(plain),
                       .on_conflict = std::move(on_conflict)};
}

} // namespace importing
