#include "cloning/new_hypertables.hpp"

#include "cloning/lists.hpp"
#include "cloning/routine_sql.hpp"
#include "json/value.hpp"
#include "postgres/sqlstate.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace cloning {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

bool is_integer(std::string_view type) {
    return type == "int2" || type == "int4" || type == "int8";
}

bool is_time(std::string_view type) {
    return type == "date" || type == "timestamp" || type == "timestamptz";
}

std::vector<std::string> texts_in(const postgres::Result& rows, int row, const char* column) {
    return json::Value(list_in(rows, row, column)).texts();
}

std::vector<std::int64_t> integers_in(const postgres::Result& rows, int row, const char* column) {
    std::vector<std::int64_t> list;
    for (const auto& item : list_in(rows, row, column))
        list.push_back(item.integer());
    return list;
}

/// The parts of a qualified name.
std::vector<std::string> parse_name(postgres::Connection& source, const std::string& text) {
    try {
        const auto row = source.query("SELECT to_json(parse_ident($1)) AS parts", {text});
        auto parts = texts_in(row, 0, "parts");
        if (parts.size() <= 3)
            return parts;
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != postgres::sqlstate::invalid_parameter_value)
            throw;
    }
    throw UsageError(fmt::format("--create-hypertable takes [[SCHEMA.]TABLE.]COLUMN[:INTERVAL], "
                                 "not '{}'",
                                 text));
}

std::string interval_sql(postgres::Connection& source, const std::string& column,
                         const std::string& type, const std::optional<std::string>& given) {
    if (is_integer(type)) {
        if (!given)
            throw UsageError(fmt::format("the integer column {} needs a chunk interval", column),
                             fmt::format("for example, --create-hypertable {}:1000000", column));
        if (given->empty() || given->size() > 18 ||
            given->find_first_not_of("0123456789") != std::string::npos || *given == "0")
            throw UsageError(fmt::format(
                "the interval of the integer column {} must be a positive integer, not '{}'",
                column, *given));
        return *given;
    }
    try {
        const auto row = source.query(
            "SELECT $1::interval > interval '0' AS positive, ($1::interval)::text AS text",
            {*given});
        if (row.boolean(0, "positive"))
            return "INTERVAL " + quote_literal(row.text(0, "text"));
    } catch (const postgres::SqlError& error) {
        if (!error.sqlstate().starts_with(postgres::sqlstate_class::data_exception))
            throw;
    }
    throw UsageError(
        fmt::format("the interval of {} must be a positive interval such as '7 days', not '{}'",
                    column, *given));
}

/// The reason why a table cannot become a hypertable; empty if it can.
std::string obstacle(const postgres::Result& rows, int row, const std::string& column) {
    const auto type = rows.string(row, "type");
    if (!is_integer(type) && !is_time(type))
        return fmt::format("the column {} has the type {}, which is neither a time nor an integer",
                           column, type);
    if (rows.boolean(row, "is_generated"))
        return fmt::format("the column {} is generated", column);
    if (rows.boolean(row, "inherits"))
        return "it is part of an inheritance hierarchy";
    if (rows.boolean(row, "has_rules"))
        return "it has rules";
    const auto keys = texts_in(rows, row, "keys_without_column");
    if (!keys.empty())
        return fmt::format("the column {} is not in the unique index {}", column,
                           fmt::join(keys, ", "));
    const auto checks = texts_in(rows, row, "not_inherited");
    if (!checks.empty())
        return fmt::format("it has NO INHERIT constraints: {}", fmt::join(checks, ", "));
    return {};
}

NewHypertable new_hypertable(run::Endpoint& source, const Inventory& inventory,
                             const std::string& wanted) {
    const auto [text, interval] = split_interval(wanted);
    auto parts = parse_name(source.connection, text);
    const auto take_last = [&]() -> std::optional<std::string> {
        if (parts.empty())
            return std::nullopt;
        auto last = parts.back();
        parts.pop_back();
        return last;
    };
    const auto column = take_last().value_or("");
    const auto table = take_last();
    const auto schema = take_last();
    auto left_out = inventory.chunk_oids;
    for (const auto& hypertable : inventory.hypertables)
        if (!table || !is_user_hypertable(hypertable))
            left_out.push_back(std::to_string(hypertable.oid));
    const auto rows = source.connection.query(sql::clone_candidates,
                                              {schema, table, column, oid_array(left_out)});
    if (rows.empty())
        throw UsageError(
            fmt::format("--create-hypertable {}: the {} has no {}", text, source.connection.name(),
                        table ? "such table and column" : "plain table with such a column"));
    std::vector<std::string> names;
    names.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        names.push_back(
            postgres::QualifiedName{rows.string(row, "schema_name"), rows.string(row, "table_name")}
                .quoted());
    if (names.size() > 1)
        throw UsageError(fmt::format("--create-hypertable {}: several tables have this column: {}",
                                     text, fmt::join(names, ", ")),
                         "name the table as well");
    NewHypertable result{.oid = rows.integer(0, "oid"),
                         .table = {rows.string(0, "schema_name"), rows.string(0, "table_name")},
                         .dimensions = {{.column = column,
                                         .interval = std::nullopt,
                                         .partitions = std::nullopt,
                                         .function = std::nullopt}},
                         .partition_key = rows.optional_string(0, "partition_key"),
                         .references = integers_in(rows, 0, "references_oids"),
                         .referenced_by = integers_in(rows, 0, "referenced_by_oids")};
    if (find_hypertable(inventory, result.oid) != nullptr)
        throw UsageError(
            fmt::format("--create-hypertable {}: {} is already a hypertable", text, names.front()),
            "omit the option, because it becomes one in the target anyway");
    if (rows.boolean(0, "is_partition"))
        throw UsageError(
            fmt::format("{} cannot become a hypertable: it is a partition", names.front()),
            "name the partitioned table");
    if (const auto reason = obstacle(rows, 0, quote_identifier(column)); !reason.empty())
        throw UsageError(fmt::format("{} cannot become a hypertable: {}", names.front(), reason));
    const auto type = rows.string(0, "type");
    if (interval || is_integer(type))
        result.dimensions.front().interval =
            interval_sql(source.connection, quote_identifier(column), type, interval);
    for (const auto& part : list_in(rows, 0, "partitions")) {
        result.partitions.push_back({part.at(0).text(), part.at(1).text()});
        result.partition_oids.push_back(part.at(2).integer());
    }
    return result;
}

/// TimescaleDB does not support foreign keys between hypertables (ts_hypertable_create_... in its
/// src/hypertable.c).
void check_foreign_keys(const Inventory& inventory, const std::vector<NewHypertable>& list) {
    std::set<std::int64_t> hypertables;
    for (const auto& hypertable : inventory.hypertables)
        hypertables.insert(hypertable.oid);
    for (const auto& one : list)
        hypertables.insert(one.oid);
    const auto is_one = [&](std::int64_t oid) {
        return hypertables.contains(oid);
    };
    for (const auto& one : list)
        if (std::ranges::any_of(one.references, is_one) ||
            std::ranges::any_of(one.referenced_by, is_one))
            throw UsageError(fmt::format(
                "{} cannot become a hypertable: a foreign key connects it with another hypertable",
                one.table.quoted()));
}

/// A further argument of a function; nothing without a value.
std::string argument(const char* name, const std::optional<std::string>& value) {
    return value ? fmt::format(", {} => {}", name, *value) : "";
}

std::optional<std::string> routine(const std::optional<std::string>& signature) {
    return signature ? std::optional(routine_sql(*signature)) : std::nullopt;
}

} // namespace

std::string NewDimension::addition(const timescale::Server& target,
                                   const std::string& relation) const {
    return fmt::format("SELECT FROM {}({}, {}::pg_catalog.name{}{}{});\n",
                       target.function("add_dimension"), relation, quote_literal(column),
                       argument("number_partitions", partitions),
                       argument("chunk_time_interval", interval),
                       argument("partitioning_func", routine(function)));
}

std::vector<NewDimension> dimensions_in(const postgres::Result& rows, int row) {
    std::vector<NewDimension> dimensions;
    for (const auto& item : list_in(rows, row, "dimensions")) {
        const auto interval = item.at("interval").optional_text();
        const auto& partitions = item.at("partitions");
        dimensions.push_back(
            {.column = item.at("column").text(),
             // Microseconds, or the column's own integers.
             .interval = interval ? std::optional(*interval + "::bigint") : std::nullopt,
             .partitions = partitions.is_null()
                               ? std::nullopt
                               : std::optional(std::to_string(partitions.integer())),
             .function = item.at("function").optional_text()});
    }
    return dimensions;
}

std::string NewHypertable::sql(const timescale::Server& target) const {
    const auto relation = quote_literal(table.quoted()) + "::pg_catalog.regclass";
    const auto literal = [](const std::optional<std::string>& value) {
        return value ? std::optional(quote_literal(*value)) : std::nullopt;
    };
    const auto& time = dimensions.front();
    std::string script =
        fmt::format("SELECT FROM {}({}, {}::pg_catalog.name{}{}{}{}{});\n",
                    target.function("create_hypertable"), relation, quote_literal(time.column),
                    argument("chunk_time_interval", time.interval),
                    argument("time_partitioning_func", routine(time.function)),
                    argument("associated_schema_name", literal(associated_schema)),
                    argument("associated_table_prefix", literal(associated_prefix)),
                    creates_indexes ? "" : ", create_default_indexes => false");
    for (auto further = dimensions.begin() + 1; further != dimensions.end(); ++further)
        script += further->addition(target, relation);
    if (integer_now)
        script += fmt::format("SELECT {}({}, {});\n", target.function("set_integer_now_func"),
                              relation, routine_sql(*integer_now));
    if (columnstore)
        script += fmt::format("ALTER TABLE {} SET {};\n", table.quoted(), columnstore->options());
    return script;
}

std::pair<std::string, std::optional<std::string>> split_interval(const std::string& text) {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        quoted = (text[i] == '"') != quoted;
        if (!quoted && text[i] == ':')
            return {text.substr(0, i), text.substr(i + 1)};
    }
    return {text, std::nullopt};
}

std::vector<NewHypertable> plan_hypertables(run::Endpoint& source, const Inventory& inventory,
                                            const std::vector<std::string>& wanted) {
    std::vector<NewHypertable> list;
    if (wanted.empty())
        return list;
    // The partition keys must be quoted as pg_dump writes them.
    source.connection.execute("SET LOCAL quote_all_identifiers = on");
    for (const auto& text : wanted)
        list.push_back(new_hypertable(source, inventory, text));
    source.connection.execute("SET LOCAL quote_all_identifiers = off");
    for (auto one = list.begin(); one != list.end(); ++one)
        if (std::any_of(list.begin(), one,
                        [&](const auto& other) { return other.oid == one->oid; }))
            throw UsageError(
                fmt::format("--create-hypertable names {} twice", one->table.quoted()));
    check_foreign_keys(inventory, list);
    return list;
}

} // namespace cloning
