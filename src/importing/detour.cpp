#include "importing/detour.hpp"

#include "importing/columns.hpp"
#include "json/value.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace importing {

namespace {

using postgres::quote_identifier;
using postgres::quoted_list;

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

/// Selects of the temporary table's rows the last one with each key. Rows are ordered by key, so
/// that sessions that update the same rows do so in the same order.
InsertStatement select_last(const std::string& list, const std::string& from,
                            const UniqueKey& key) {
    auto order = fmt::format("{}", fmt::join(key.compared, ", "));
    if (!key.nulls_are_equal) {
        std::vector<std::string> nulls;
        for (const auto& column : key.columns)
            nulls.push_back(quote_identifier(column) + " IS NULL");
        order += fmt::format(", CASE WHEN {} THEN ctid END", fmt::join(nulls, " OR "));
    }
    return {.begin = fmt::format("SELECT DISTINCT ON ({}) {} FROM {}", order, list, from),
            .end = fmt::format(" ORDER BY {}, ctid DESC", order)};
}

/// `DO UPDATE SET ...`
std::string update_of(const std::vector<std::string>& columns) {
    std::vector<std::string> changes;
    for (const auto& column : columns)
        changes.push_back(fmt::format("{0} = excluded.{0}", quote_identifier(column)));
    return changes.empty() ? "DO NOTHING"
                           : fmt::format("DO UPDATE SET {}", fmt::join(changes, ", "));
}

/// The columns that existing rows get new values in: those that do not belong to the key.
/// \throws UsageError if they cannot be updated.
std::vector<std::string> updated_columns(const ImportTable& table,
                                         const std::vector<std::string>& columns,
                                         const UniqueKey& key, const std::string& path) {
    for (const auto& column : key.columns)
        if (!contains(columns, column))
            throw UsageError(fmt::format("{} has no column {}, which belongs to the key by which "
                                         "--on-conflict update finds rows",
                                         path, quote_identifier(column)));
    std::vector<std::string> updated;
    for (const auto& column : columns) {
        if (contains(key.columns, column))
            continue;
        if (table.find(column)->is_identity_always)
            throw UsageError(
                fmt::format("--on-conflict update cannot change {}, which is GENERATED ALWAYS AS "
                            "IDENTITY and does not belong to the key",
                            quote_identifier(column)),
                "leave it out with --ignore-columns, so that existing rows keep their values and "
                "new ones get others");
        updated.push_back(column);
    }
    return updated;
}

} // namespace

std::optional<UniqueKey> read_key(postgres::Connection& connection, const ImportTable& table,
                                  OnConflict on_conflict) {
    const auto rows = connection.query(sql::unique_keys, {table.name.schema, table.name.name});
    const bool updates = on_conflict == OnConflict::update;
    if (rows.empty() && !updates)
        return std::nullopt;
    if (rows.empty())
        throw UsageError(fmt::format("--on-conflict update needs a unique key, and {} has none",
                                     table.name.quoted()));
    if (updates && rows.size() > 1 && !rows.boolean(0, "is_primary"))
        throw UsageError(
            fmt::format("--on-conflict update cannot choose between the {} unique keys "
                        "of {}, of which none is its primary key",
                        rows.size(), table.name.quoted()));
    return UniqueKey{.columns = json::parse(rows.text(0, "columns")).texts(),
                     .compared = json::parse(rows.text(0, "compared")).texts(),
                     .nulls_are_equal = rows.boolean(0, "nulls_are_equal")};
}

Detour make_detour(const run::Endpoint& target, const ImportTable& table,
                   const std::vector<std::string>& columns, const std::string& where,
                   OnConflict on_conflict, const std::optional<UniqueKey>& key,
                   const std::string& path) {
    std::vector<std::string> definitions;
    for (const auto& name : columns)
        definitions.push_back(fmt::format("{} {}", quote_identifier(name), table.find(name)->type));
    Detour detour{.name = "backfill_import",
                  .create = {},
                  .copy = {},
                  .insert = {},
                  .count = {},
                  .split = {}};
    const auto list = quoted_list(columns);
    const auto rows = "pg_temp." + detour.name;
    const auto from = rows + (where.empty() ? " WHERE " : where + " AND ");
    // OVERRIDING SYSTEM VALUE: like COPY, take the values of identity columns from the file.
    const auto insert =
        fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE ", table.name.quoted(), list);
    const InsertStatement plain{.begin = insert + "SELECT " + list + " FROM " + from, .end = {}};
    std::vector<std::string> updated;
    detour.insert = plain;
    if (on_conflict == OnConflict::skip) {
        detour.insert.end = " ON CONFLICT DO NOTHING";
    } else if (on_conflict == OnConflict::update) {
        updated = updated_columns(table, columns, *key, path);
        const auto last = select_last(list, from, *key);
        // A row that existed was locked by this transaction, which left its number in xmax.
        // Functions are qualified because the role's own search_path applies.
        detour.insert = {
            .begin = "WITH loaded AS (" + insert + last.begin,
            .end = fmt::format("{} ON CONFLICT ({}) {} RETURNING xmax <> 0 AS is_updated) SELECT "
                               "pg_catalog.count(*) AS rows, pg_catalog.count(*) FILTER (WHERE "
                               "is_updated) AS updated FROM loaded",
                               last.end, quoted_list(key->columns), update_of(updated))};
    }
    require_temporary_table(target, table, /*reads_table=*/on_conflict == OnConflict::update,
                            std::move(updated));
    detour.create = fmt::format("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP", detour.name,
                                fmt::join(definitions, ", "));
    if (on_conflict != OnConflict::fail) {
        detour.count = fmt::format("SELECT pg_catalog.count(*) AS rows FROM {}{}", rows, where);
        if (key)
            detour.split = make_split_insert(table, columns, *key, rows, plain, detour.insert);
    }
    return detour;
}

} // namespace importing
