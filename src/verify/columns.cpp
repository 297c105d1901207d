#include "verify/columns.hpp"

#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace verify {

namespace {

using postgres::quote_identifier;
using timescale::ChunkColumn;

/// Built-in types whose hash functions depend on nothing but the value. Not among them: enums,
/// which hash their OIDs, money, which has none, and what contains other types.
bool hashes_alike(const ChunkColumn& column) {
    static const std::set<std::string_view> types{
        "bool",     "char",    "int2",    "int4",       "int8",        "oid",         "float4",
        "float8",   "numeric", "text",    "varchar",    "bpchar",      "name",        "bytea",
        "uuid",     "date",    "time",    "timetz",     "timestamp",   "timestamptz", "interval",
        "inet",     "cidr",    "macaddr", "macaddr8",   "jsonb",       "pg_lsn",      "_bool",
        "_int2",    "_int4",   "_int8",   "_float4",    "_float8",     "_numeric",    "_text",
        "_varchar", "_uuid",   "_date",   "_timestamp", "_timestamptz"};
    return column.built_in && types.contains(*column.built_in);
}

bool has_min_and_max(const ChunkColumn& column) {
    static const std::set<std::string_view> types{
        "int2",      "int4",        "int8",     "oid",  "float4", "float8", "numeric",
        "text",      "varchar",     "bpchar",   "name", "date",   "time",   "timetz",
        "timestamp", "timestamptz", "interval", "inet", "cidr",   "money",  "pg_lsn"};
    return column.is_enum || (column.built_in && types.contains(*column.built_in));
}

bool is_one_of(const ChunkColumn& column, std::initializer_list<std::string_view> types) {
    return column.built_in && std::ranges::find(types, *column.built_in) != types.end();
}

/// The column, compared by the bytes of its text where a collation could have a say.
std::string plain(const ChunkColumn& column) {
    const auto name = quote_identifier(column.name);
    return column.collatable ? name + " COLLATE \"C\"" : name;
}

void add_aggregates(std::vector<Aggregate>& aggregates, std::size_t index,
                    const ChunkColumn& column) {
    const auto name = quote_identifier(column.name);
    const auto add = [&](const std::string& expression) {
        aggregates.push_back({.column = index, .expression = expression, .magnitude = {}});
    };
    add(fmt::format("count({})", name));
    if (has_min_and_max(column)) {
        add(fmt::format("min({})", plain(column)));
        add(fmt::format("max({})", plain(column)));
    }
    if (is_one_of(column, {"bool"}))
        add(fmt::format("sum({}::int)", name));
    if (is_one_of(column, {"int2", "int4", "int8", "numeric", "interval", "money"}))
        add(fmt::format("sum({})", name));
    if (is_one_of(column, {"float4", "float8"}))
        aggregates.push_back({.column = index,
                              .expression = fmt::format("sum({}::float8)", name),
                              .approximate = true,
                              .magnitude = fmt::format("sum(abs({}::float8))", name)});
}

} // namespace

std::string Columns::row(std::optional<std::size_t> left_out) const {
    auto values = hashable;
    if (left_out)
        values.erase(values.begin() + static_cast<std::ptrdiff_t>(*left_out));
    return fmt::format("ROW({})", fmt::join(values, ", "));
}

std::string row_hash(const std::string& row) {
    return fmt::format("hashint8extended(hash_record_extended({}, 0), 0)", row);
}

Columns compared_columns(const std::vector<ChunkColumn>& source,
                         const std::vector<ChunkColumn>& target) {
    Columns columns;
    for (const auto& column : source) {
        const auto other = std::ranges::find(target, column.name, &ChunkColumn::name);
        if (other == target.end())
            throw TaskError(
                fmt::format("column {} is missing in the target", quote_identifier(column.name)));
        if (other->type != column.type)
            throw TaskError(fmt::format("column {} is {} in the source and {} in the target",
                                        quote_identifier(column.name), column.type, other->type));
        add_aggregates(columns.aggregates, columns.names.size(), column);
        columns.names.push_back(column.name);
        columns.hashable.push_back(
            hashes_alike(column)
                ? plain(column)
                : fmt::format("{}::text COLLATE \"C\"", quote_identifier(column.name)));
    }
    for (const auto& column : target)
        if (std::ranges::find(source, column.name, &ChunkColumn::name) == source.end())
            throw TaskError(
                fmt::format("column {} is missing in the source", quote_identifier(column.name)));
    return columns;
}

} // namespace verify
