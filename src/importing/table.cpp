#include "importing/table.hpp"

#include "csv/format.hpp"
#include "importing/columns.hpp"
#include "json/value.hpp"
#include "postgres/sqlstate.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace importing {

namespace {

using postgres::quote_identifier;
using postgres::quoted_list;

/// Parses a name as SQL does. Without a schema, the table is in public, because search_path does
/// not apply.
postgres::QualifiedName read_name(postgres::Connection& connection, const std::string& text) {
    const auto refuse = [&] {
        return UsageError(fmt::format("--table '{}' is not a table name, such as readings, "
                                      "metrics.cpu or '\"Mixed Case\"'",
                                      text));
    };
    try {
        const auto row = connection.query(
            "SELECT cardinality(name) AS parts, name[1] AS first, name[2] AS second "
            "FROM parse_ident($1) AS name",
            {text});
        const auto parts = row.integer(0, "parts");
        if (parts > 2)
            throw refuse();
        return parts == 1
                   ? postgres::QualifiedName{"public", row.string(0, "first")}
                   : postgres::QualifiedName{row.string(0, "first"), row.string(0, "second")};
    } catch (const postgres::SqlError& error) {
        if (!error.sqlstate().starts_with(postgres::sqlstate_class::data_exception))
            throw;
    }
    throw refuse();
}

/// \param row of sql/importing/import_table.sql.
/// \throws UsageError if the relation is no table; Error if rows cannot be loaded into it.
void require_loadable(const postgres::Result& row, const postgres::QualifiedName& name) {
    const auto is = [&](const std::string& what) {
        return fmt::format("cannot import: {} {}", name.quoted(), what);
    };
    const auto kind = row.text(0, "relkind");
    if (kind == "v" || kind == "m")
        throw UsageError(is("is a view"), "name the table that has its rows");
    if (kind != "r" && kind != "p")
        throw UsageError(is("is not a table"));
    if (row.boolean(0, "is_chunk"))
        throw UsageError(is("is a chunk"), "name its hypertable");
    if (row.boolean(0, "row_security"))
        throw Error(is("has row level security that applies to this role, which COPY does not "
                       "support"),
                    "import as its owner");
}

timescale::Hypertable read_hypertable(postgres::Connection& connection,
                                      const postgres::QualifiedName& name) {
    auto hypertables = timescale::read_hypertables(connection, std::nullopt);
    const auto found = std::ranges::find(hypertables, name, &timescale::Hypertable::name);
    if (found == hypertables.end())
        throw Error(fmt::format("the {} has no table {}", connection.name(), name.quoted()));
    return std::move(*found);
}

} // namespace

Error missing_privileges(const run::Endpoint& target, const ImportTable& table,
                         const std::vector<std::string>& privileges) {
    std::vector<std::string> grants;
    grants.reserve(privileges.size());
    for (const auto& privilege : privileges)
        grants.push_back(fmt::format("GRANT {} TO {}", privilege, quote_identifier(table.role)));
    return Error("cannot import: missing privileges",
                 fmt::format("in the {}: {}", target.connection.name(), fmt::join(grants, "; ")));
}

void require_encoding(postgres::Connection& connection, const csv::Format& format) {
    if (format.encoding &&
        connection.query("SELECT pg_char_to_encoding($1) AS number", {*format.encoding})
                .integer(0, "number") < 0)
        throw UsageError(fmt::format("--encoding '{}' is not an encoding that PostgreSQL knows",
                                     *format.encoding),
                         "such are UTF8, LATIN1, WIN1252");
}

std::string hex_of(std::string_view bytes) {
    std::string hex;
    for (const char byte : bytes)
        hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return hex;
}

bool TableColumn::is_integer() const {
    return base_type == "smallint" || base_type == "integer" || base_type == "bigint";
}

bool TableColumn::is_decimal() const {
    return base_type == "real" || base_type == "double precision" || base_type == "numeric";
}

bool TableColumn::is_time() const {
    return base_type == "date" || base_type == "timestamp without time zone" || has_zone();
}

bool TableColumn::has_zone() const {
    return base_type == "timestamp with time zone";
}

void require_temporary_table(const run::Endpoint& target, const ImportTable& table,
                             bool reads_table, std::vector<std::string> updated) {
    std::vector<std::string> missing;
    if (!table.may_create_temporary)
        missing.push_back("TEMPORARY ON DATABASE " + quote_identifier(table.database));
    if (reads_table && !table.may_select)
        missing.push_back("SELECT ON " + table.name.quoted());
    std::erase_if(updated, [&](const auto& column) { return table.find(column)->may_update; });
    if (!updated.empty())
        missing.push_back(
            fmt::format("UPDATE ({}) ON {}", quoted_list(updated), table.name.quoted()));
    if (!missing.empty())
        throw missing_privileges(target, table, missing);
}

const TableColumn* ImportTable::find(const std::string& column) const {
    const auto found = std::ranges::find(columns, column, &TableColumn::name);
    return found == columns.end() ? nullptr : &*found;
}

ImportTable read_table(run::Endpoint& target, const std::string& text) {
    auto& connection = target.connection;
    ImportTable table{.name = read_name(connection, text),
                      .hypertable = {},
                      .database = {},
                      .role = {},
                      .columns = {}};
    const auto row = connection.query(sql::import_table, {table.name.schema, table.name.name});
    if (row.empty())
        throw UsageError(
            fmt::format("the {} has no table {}", connection.name(), table.name.quoted()),
            "correct --table, or create the table first");
    require_loadable(row, table.name);
    if (row.boolean(0, "is_hypertable"))
        table.hypertable = read_hypertable(connection, table.name);
    table.database = row.string(0, "database");
    table.role = row.string(0, "role");
    table.may_create_temporary = row.boolean(0, "may_create_temporary");
    table.may_select = row.boolean(0, "may_select");
    table.rearranged = row.boolean(0, "rearranged");
    std::vector<std::string> needs;
    if (!row.boolean(0, "may_use_schema"))
        needs.push_back("USAGE ON SCHEMA " + quote_identifier(table.name.schema));
    if (!row.boolean(0, "may_have_queue"))
        needs.push_back("CREATE ON DATABASE " + quote_identifier(table.database));
    if (!needs.empty())
        throw missing_privileges(target, table, needs);
    for (const auto& column : json::parse(row.text(0, "columns")).array())
        table.columns.push_back({.name = column.at("name").text(),
                                 .type = column.at("type").text(),
                                 .base_type = column.at("base_type").text(),
                                 .generated = column.at("generated").boolean(),
                                 .is_identity_always = column.at("is_identity_always").boolean(),
                                 .has_default = column.at("has_default").boolean(),
                                 .is_of_time = column.at("is_of_time").boolean(),
                                 .has_decimals = column.at("has_decimals").boolean(),
                                 .may_insert = column.at("may_insert").boolean(),
                                 .may_select = column.at("may_select").boolean(),
                                 .may_update = column.at("may_update").boolean()});
    return table;
}

} // namespace importing
