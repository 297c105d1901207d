#include "comparison/columns.hpp"

#include "json/value.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

namespace comparison {

namespace {

using postgres::quote_identifier;
using timescale::ChunkColumn;

/// True for built-in types whose hash functions depend on the whole value and on nothing else. This
/// excludes enums, which hash their OIDs; money, which has no hash function; and types that contain
/// other values: the hash of an array does not cover its shape, and that of a jsonb does not cover
/// its nesting.
bool hashes_alike(const ChunkColumn& column) {
    static const std::set<std::string_view> types{
        "bool",      "char",        "int2",     "int4",     "int8",   "oid",    "float4",
        "float8",    "numeric",     "text",     "varchar",  "name",   "bytea",  "uuid",
        "date",      "time",        "timetz",   "inet",     "cidr",   "pg_lsn", "bpchar",
        "timestamp", "timestamptz", "interval", "macaddr8", "macaddr"};
    return column.built_in && types.contains(*column.built_in);
}

bool has_min_and_max(const ChunkColumn& column) {
    static const std::set<std::string_view> types{"int2",        "int4", "int8",   "oid",
                                                  "date",        "time", "timetz", "timestamp",
                                                  "timestamptz", "inet", "cidr",   "money"};
    return column.built_in && types.contains(*column.built_in);
}

bool is_one_of(const ChunkColumn& column, std::initializer_list<std::string_view> types) {
    return column.built_in && std::ranges::find(types, *column.built_in) != types.end();
}

/// An expression as text whose order does not depend on a collation.
std::string as_text(const std::string& expression) {
    return expression + "::text COLLATE \"C\"";
}

/// The column, compared by the bytes of its text if a collation could matter.
std::string plain(const ChunkColumn& column) {
    const auto name = quote_identifier(column.name);
    return column.collatable ? name + " COLLATE \"C\"" : name;
}

/// The expressions, one or two, that are hashed for a column.
std::string hashable(const ChunkColumn& column) {
    const auto name = quote_identifier(column.name);
    // As bytes: it has no hash function, and its text is the same in base64.
    if (column.type == "_timescaledb_internal.compressed_data")
        return fmt::format("_timescaledb_functions.compressed_data_send({})", name);
    // The text that a client sees. A cast to text would include a declaration that COPY omits.
    if (is_one_of(column, {"xml"}))
        return as_text(fmt::format("textin(xml_out({}))", name));
    if (!hashes_alike(column))
        return as_text(name);
    // The hash combines the two halves: -1 and 4294967295 have the same hash.
    if (is_one_of(column, {"int8"}))
        return fmt::format("{0}, {0} >> 32", name);
    // NaN and both infinities have the same hash, and no scale.
    if (is_one_of(column, {"numeric"}))
        return fmt::format("{0}, CASE WHEN scale({0}) IS NULL THEN {1} END", name, as_text(name));
    return plain(column);
}

/// The text of a numeric without zeros at the end of its fraction. PostgreSQL 12 has no
/// trim_scale().
std::string trimmed(const std::string& value) {
    return fmt::format("regexp_replace(({})::text, '\\.0+$|(\\.\\d*[1-9])0+$', '\\1')", value);
}

/// A number that sorts like the interval, and is the same for equal intervals, such as 1 mon and 30
/// days. (A year has 365.25 days in extract(epoch), and 360 in comparisons.)
std::string interval_span(const std::string& name) {
    return fmt::format("extract(epoch FROM {0}) - extract(year FROM {0}) * 453600", name);
}

/// The same number for all versions: before PostgreSQL 14, extract() returns a float8, which must
/// be small to be exact. An infinite interval has no month.
std::string portable_interval_span(const std::string& name) {
    return fmt::format(
        "coalesce((extract(year FROM {0})::numeric * 360 + extract(month FROM {0})::numeric * 30 "
        "+ extract(day FROM {0})::numeric) * 86400 + extract(hour FROM {0})::numeric * 3600 "
        "+ extract(minute FROM {0})::numeric * 60 + extract(second FROM {0})::numeric, "
        "extract(epoch FROM {0})::numeric)",
        name);
}

/// Values that are equal but have different texts must give the same result, because the order of
/// the rows decides which of them is the minimum or maximum. No sum may overflow.
void add_aggregates(std::vector<Aggregate>& aggregates, std::size_t index,
                    const ChunkColumn& column) {
    const auto name = quote_identifier(column.name);
    const auto add = [&](const std::string& expression, const std::string& portable = "") {
        aggregates.push_back(
            {.column = index, .expression = expression, .portable = portable, .magnitude = {}});
    };
    const auto add_ends = [&](const std::string& value, std::string_view after = "") {
        add(fmt::format("min({}){}", value, after));
        add(fmt::format("max({}){}", value, after));
    };
    add(fmt::format("count({})", name));
    if (column.is_enum || is_one_of(column, {"text", "varchar", "bpchar", "name"})) {
        // Compare the bytes of the text, because the order of labels or characters may differ
        // between the servers. Return a digest, because the value may be large or not valid UTF-8.
        const auto bytes = fmt::format("encode(convert_to({}::text, 'UTF8'), 'hex')", name);
        for (const auto* end : {"min", "max"})
            add(fmt::format("md5({}({}))", end, as_text(name)),
                fmt::format("md5({}({} COLLATE \"C\"))", end, bytes));
    } else if (is_one_of(column, {"float4", "float8"})) {
        add_ends(name, " + 0::float8"); // makes 0 of -0
        const auto finite = fmt::format("CASE WHEN abs({0}) < 1e290 THEN {0}::float8 END", name);
        aggregates.push_back({.column = index,
                              .expression = fmt::format("sum({})", finite),
                              .portable = {},
                              .approximate = true,
                              .magnitude = fmt::format("sum(abs({}))", finite)});
    } else if (is_one_of(column, {"numeric"})) {
        for (const auto* aggregate : {"min", "max", "sum"})
            add(trimmed(fmt::format("{}({})", aggregate, name)));
    } else if (is_one_of(column, {"interval"})) {
        for (const auto* aggregate : {"min", "max", "sum"})
            add(fmt::format("{}({})", aggregate, interval_span(name)),
                trimmed(fmt::format("{}({})", aggregate, portable_interval_span(name))));
    } else if (is_one_of(column, {"pg_lsn"})) {
        add_ends(name + " - '0/0'::pg_lsn"); // PostgreSQL 12 has no min(pg_lsn)
    } else {
        if (has_min_and_max(column))
            add_ends(plain(column));
        if (is_one_of(column, {"bool"}))
            add(fmt::format("sum({}::int)", name));
        if (is_one_of(column, {"int2", "int4", "int8"}))
            add(fmt::format("sum({})", name));
        if (is_one_of(column, {"money"}))
            add(fmt::format("sum({}::numeric)", name));
    }
}

} // namespace

std::string Columns::row(std::optional<std::size_t> left_out) const {
    auto values = hashable;
    if (left_out)
        values.erase(values.begin() + static_cast<std::ptrdiff_t>(*left_out));
    // A ROW takes 1664 expressions (MaxTupleAttributeNumber), and a table has up to 1600 columns,
    // each of which may take two expressions. Parts are texts, because a row within a row has no
    // hash function.
    constexpr std::size_t most = 800;
    if (values.size() <= most)
        return fmt::format("ROW({})", fmt::join(values, ", "));
    std::vector<std::string> parts;
    for (std::size_t from = 0; from < values.size(); from += most) {
        const auto part = std::span(values).subspan(from, std::min(most, values.size() - from));
        parts.push_back(fmt::format("ROW({})::text", fmt::join(part, ", ")));
    }
    return fmt::format("ROW({})", fmt::join(parts, ", "));
}

std::string in_one(const std::vector<std::string>& expressions) {
    return fmt::format("to_json(ARRAY[{}])::text", fmt::join(expressions, ", "));
}

std::vector<std::optional<std::string>> from_one(std::string_view text) {
    std::vector<std::optional<std::string>> values;
    for (const auto& value : json::parse(text).array())
        values.push_back(value.optional_text());
    return values;
}

std::string row_hash(const std::string& row) {
    return fmt::format("hashint8extended(hash_record_extended({}, 7), 0)", row);
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
        columns.hashable.push_back(hashable(column));
    }
    for (const auto& column : target)
        if (std::ranges::find(source, column.name, &ChunkColumn::name) == source.end())
            throw TaskError(
                fmt::format("column {} is missing in the source", quote_identifier(column.name)));
    return columns;
}

} // namespace comparison
