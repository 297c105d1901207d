#include "tables/table.hpp"

#include "json/value.hpp"
#include "sql.hpp"
#include "timescale/hypertable.hpp"

#include <algorithm>

namespace tables {

namespace {

std::vector<std::string> texts(const postgres::Result& rows, int row, const char* column) {
    return json::parse(rows.text(row, column)).texts();
}

/// \param list [[schema, name], ...]
std::vector<postgres::QualifiedName> names(std::string_view list) {
    std::vector<postgres::QualifiedName> result;
    for (const auto& name : json::parse(list).array())
        result.push_back({name.at(0).text(), name.at(1).text()});
    return result;
}

Table table_from(const postgres::Result& rows, int row) {
    Table table{.name = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
                .matches = rows.boolean(row, "matches"),
                .is_hypertable = rows.boolean(row, "is_hypertable"),
                .is_partitioned = rows.boolean(row, "is_partitioned"),
                .is_unreadable = rows.boolean(row, "is_unreadable"),
                .owner = rows.string(row, "owner"),
                .is_owner = rows.boolean(row, "is_owner"),
                .may_use_schema = rows.boolean(row, "may_use_schema"),
                .may_select = rows.boolean(row, "may_select"),
                .may_write = rows.boolean(row, "may_write"),
                .may_delete = rows.boolean(row, "may_delete"),
                .row_security = rows.boolean(row, "row_security"),
                .has_rules = rows.boolean(row, "has_rules"),
                .bytes = rows.integer(row, "bytes"),
                .leaves = {},
                .ancestors = names(rows.text(row, "ancestors")),
                .keys = {},
                .has_deferrable_key = rows.boolean(row, "has_deferrable_key"),
                .unique_columns = texts(rows, row, "unique_columns"),
                .fixed_columns = texts(rows, row, "fixed_columns"),
                .suspend = rows.optional_string(row, "suspend"),
                .resume = rows.optional_string(row, "resume")};
    if (!rows.is_null(row, "leaves"))
        table.leaves = names(rows.text(row, "leaves"));
    for (const auto& key : json::parse(rows.text(row, "keys")).array())
        table.keys.push_back({.columns = key.at("columns").texts(),
                              .equals = key.at("equals").texts(),
                              .is_integer = key.at("is_integer").boolean()});
    return table;
}

} // namespace

const Table* Tables::find(const postgres::QualifiedName& name) const {
    const auto found = std::ranges::lower_bound(list, name, {}, &Table::name);
    return found != list.end() && found->name == name ? &*found : nullptr;
}

Tables read_tables(run::Endpoint& endpoint, const std::optional<std::string>& filter) {
    auto& connection = endpoint.connection;
    std::vector<postgres::QualifiedName> hypertables;
    std::string chunks = "{}";
    if (endpoint.server.has_timescaledb) {
        for (auto& hypertable : timescale::read_hypertables(connection, std::nullopt))
            hypertables.push_back(std::move(hypertable.name));
        chunks = connection
                     .query("SELECT coalesce(array_agg(oid), '{}') AS oids "
                            "FROM (SELECT unnest(oids) AS oid FROM (" +
                            std::string(sql::clone_chunks) + ") AS pattern) AS chunk")
                     .string(0, "oids");
    }
    auto parameters = postgres::name_arrays(hypertables);
    parameters.emplace_back(chunks);
    Tables tables;
    const auto rows =
        timescale::query_filtered(connection, sql::sync_tables, filter, std::move(parameters));
    for (int row = 0; row < rows.size(); ++row)
        tables.list.push_back(table_from(rows, row));
    // The database may sort by another order.
    std::ranges::sort(tables.list, {}, &Table::name);
    const auto keys = connection.query(sql::sync_foreign_keys, {chunks});
    for (int row = 0; row < keys.size(); ++row)
        tables.foreign_keys.push_back(
            {.name = keys.string(row, "name"),
             .table = {keys.string(row, "schema_name"), keys.string(row, "table_name")},
             .root = {keys.string(row, "root_schema"), keys.string(row, "root_name")},
             .referenced_root = {keys.string(row, "referenced_schema"),
                                 keys.string(row, "referenced_name")},
             .referencing = texts(keys, row, "referencing"),
             .referenced = texts(keys, row, "referenced"),
             .equals = texts(keys, row, "equals"),
             .is_deferrable = keys.boolean(row, "is_deferrable"),
             .updates_act = keys.boolean(row, "updates_act")});
    return tables;
}

} // namespace tables
