#include "timescale/hypertable.hpp"

#include "json/value.hpp"
#include "postgres/sqlstate.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace timescale {

namespace {

Dimension dimension_from(const json::Value& value) {
    return {.column = value.at("column").text(),
            .type = value.at("type").text(),
            .function = value.at("function").optional_text(),
            .closed = value.at("closed").boolean()};
}

Column column_from(const json::Value& value) {
    return {.name = value.at("name").text(),
            .type = value.at("type").text(),
            .generated = value.at("generated").boolean(),
            .labels = value.at("labels").optional_text()};
}

const Column* find_column(const Hypertable& hypertable, const std::string& name) {
    const auto found = std::ranges::find(hypertable.columns, name, &Column::name);
    return found == hypertable.columns.end() ? nullptr : &*found;
}

/// Reads the columns that sql/timescale/hypertables.sql and sql/timescale/plain_tables.sql have in
/// common.
void read_table(Hypertable& hypertable, const postgres::Result& rows, int row) {
    hypertable.matches = rows.boolean(row, "matches");
    for (const auto& column : json::parse(rows.text(row, "columns")).array())
        hypertable.columns.push_back(column_from(column));
    if (!rows.is_null(row, "key"))
        hypertable.key = json::parse(rows.text(row, "key")).texts();
}

} // namespace

postgres::Result query_filtered(postgres::Connection& connection, std::string_view sql,
                                const std::optional<std::string>& filter,
                                std::vector<postgres::Parameter> parameters) {
    parameters.push_back(filter);
    try {
        return connection.query(sql, parameters);
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != postgres::sqlstate::invalid_regular_expression)
            throw;
        throw UsageError(fmt::format("--filter '{}' is not a POSIX regular expression: {}",
                                     filter.value_or(""), error.what()));
    }
}

std::vector<Hypertable> read_hypertables(postgres::Connection& connection,
                                         const std::optional<std::string>& filter) {
    return hypertables_from(query_filtered(connection, sql::hypertables, filter));
}

postgres::Statement hypertables_statement() {
    return {std::string(sql::hypertables), {std::nullopt}};
}

std::vector<Hypertable> hypertables_from(const postgres::Result& rows) {
    std::vector<Hypertable> hypertables;
    for (int row = 0; row < rows.size(); ++row) {
        Hypertable hypertable;
        hypertable.id = static_cast<int>(rows.integer(row, "id"));
        hypertable.name = {rows.string(row, "schema_name"), rows.string(row, "table_name")};
        if (!rows.is_null(row, "cagg_name")) {
            hypertable.cagg = {rows.string(row, "cagg_schema"), rows.string(row, "cagg_name")};
            hypertable.parent_id = static_cast<int>(rows.integer(row, "parent_id"));
        }
        hypertable.chunk_interval = rows.integer(row, "chunk_interval");
        hypertable.time_dimension_id = static_cast<int>(rows.integer(row, "time_dimension_id"));
        hypertable.time = {.column = rows.string(row, "time_column"),
                           .type = rows.string(row, "time_type"),
                           .function = rows.optional_string(row, "time_function")};
        for (const auto& dimension : json::parse(rows.text(row, "dimensions")).array())
            hypertable.dimensions.push_back(dimension_from(dimension));
        read_table(hypertable, rows, row);
        if (!rows.is_null(row, "before_time_in_index"))
            hypertable.before_time_in_index =
                json::parse(rows.text(row, "before_time_in_index")).texts();
        hypertable.compression_enabled = rows.boolean(row, "compression_enabled");
        hypertable.direct_compress = rows.boolean(row, "direct_compress");
        if (!rows.is_null(row, "hypercore_tables"))
            for (const auto& table : json::parse(rows.text(row, "hypercore_tables")).array())
                hypertable.hypercore_tables.push_back(
                    {table.array().at(0).text(), table.array().at(1).text()});
        hypertable.tiered_chunks = rows.integer(row, "tiered_chunks");
        hypertables.push_back(std::move(hypertable));
    }
    return hypertables;
}

std::vector<Hypertable> read_plain_tables(postgres::Connection& source,
                                          const std::vector<Hypertable>& targets,
                                          const std::optional<std::string>& filter) {
    std::vector<const Hypertable*> wanted;
    std::vector<postgres::QualifiedName> names;
    std::vector<std::string> times;
    for (const auto& target : targets) {
        if (target.cagg)
            continue;
        wanted.push_back(&target);
        names.push_back(target.name);
        times.push_back(target.time.column);
    }
    auto parameters = postgres::name_arrays(names);
    parameters.emplace_back(postgres::array_literal(times));
    const auto rows = query_filtered(source, sql::plain_tables, filter, std::move(parameters));
    std::vector<Hypertable> tables;
    for (int row = 0; row < rows.size(); ++row) {
        const auto& target = *wanted.at(static_cast<std::size_t>(rows.integer(row, "number") - 1));
        Hypertable table;
        table.id = target.id;
        table.name = target.name;
        table.is_plain_table = true;
        read_table(table, rows, row);
        // If the column is missing, or a function computes the time from it, the source differs.
        // The caller reports this for all tables at once.
        const bool same = !rows.is_null(row, "time_type") && !target.time.function;
        table.time = {.column = target.time.column,
                      .type = same ? rows.string(row, "time_type") : target.time.type,
                      .function = std::nullopt};
        table.dimensions = {table.time};
        for (const auto& name : json::parse(rows.text(row, "without_time_index")).array())
            table.without_time_index.push_back({name.at(0).text(), name.at(1).text()});
        for (const auto& further : json::parse(rows.text(row, "further_columns")).array())
            table.further_columns.push_back({.table = {further.at(0).text(), further.at(1).text()},
                                             .column = further.at(2).text(),
                                             .type = further.at(3).text()});
        table.time_may_be_null =
            !rows.is_null(row, "may_be_null") && rows.boolean(row, "may_be_null");
        tables.push_back(std::move(table));
    }
    return tables;
}

bool have_same_dimensions(const Hypertable& left, const Hypertable& right) {
    return left.dimensions.size() == right.dimensions.size() &&
           std::ranges::all_of(left.dimensions, [&](const auto& dimension) {
               return std::ranges::any_of(right.dimensions, [&](const auto& other) {
                   return other.column == dimension.column && other.closed == dimension.closed &&
                          other.function == dimension.function;
               });
           });
}

std::vector<std::string> column_differences(const Hypertable& source, const Hypertable& target) {
    std::vector<std::string> differences;
    for (const auto& column : source.columns) {
        const auto* counterpart = find_column(target, column.name);
        if (counterpart == nullptr)
            differences.push_back(fmt::format("column {} ({}) is missing in the target",
                                              postgres::quote_identifier(column.name),
                                              column.type));
        else if (counterpart->type != column.type)
            differences.push_back(fmt::format("column {} is {} in the source and {} in the target",
                                              postgres::quote_identifier(column.name), column.type,
                                              counterpart->type));
    }
    for (const auto& column : target.columns)
        if (find_column(source, column.name) == nullptr &&
            std::ranges::find(source.further_columns, column.name,
                              &Hypertable::FurtherColumn::column) == source.further_columns.end())
            differences.push_back(fmt::format("column {} ({}) is missing in the source",
                                              postgres::quote_identifier(column.name),
                                              column.type));
    return differences;
}

std::string obstacle_of_storage(const Hypertable& target) {
    if (target.hypercore_tables.empty())
        return {};
    const auto more = target.hypercore_tables.size() - 1;
    return fmt::format(
        "the access method of {}{} in the target is hypercore, with which loading may "
        "crash the server",
        target.hypercore_tables.front().quoted(),
        more == 0 ? "" : fmt::format(" and {} more", more));
}

std::vector<std::string> partition_differences(const Hypertable& source, const Hypertable& target) {
    std::vector<std::string> differences;
    for (const auto& dimension : source.dimensions) {
        if (!dimension.closed || !dimension.function ||
            !dimension.function->ends_with(".get_partition_hash"))
            continue;
        const auto* own = find_column(source, dimension.column);
        const auto* counterpart = find_column(target, dimension.column);
        if (own != nullptr && counterpart != nullptr && own->labels != counterpart->labels)
            differences.push_back(fmt::format(
                "rows are partitioned by the enum {}, whose labels have different OIDs, and so "
                "different hashes, in the target",
                postgres::quote_identifier(dimension.column)));
    }
    return differences;
}

} // namespace timescale
