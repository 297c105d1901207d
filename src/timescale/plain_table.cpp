#include "timescale/plain_table.hpp"

#include "json/value.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace timescale {

namespace {

bool is_integer(const Hypertable& table) {
    return axis_of(table.time.type) == Axis::integer;
}

/// The greatest multiple of a divisor that is not above a numeric. The floor of a quotient would be
/// inexact: PostgreSQL rounds quotients to about 16 significant digits (select_div_scale in
/// src/backend/utils/adt/numeric.c), which may yield the next integer.
std::string multiple_below(const std::string& value, std::int64_t divisor) {
    return fmt::format("({0} - mod(mod({0}, {1}) + {1}, {1}))", value, divisor);
}

/// Converts an SQL expression for internal time, a numeric, to a value of the time column's type.
/// The value is NULL if it is out of range for the type. Dates are rounded up.
std::string time_of(const Hypertable& table, const std::string& internal) {
    const auto within = fmt::format("CASE WHEN {} <= {} THEN ", internal,
                                    greatest_time(is_integer(table) ? "bigint" : table.time.type));
    const auto day_number = [](const std::string& midnight) {
        return fmt::format("div({}, {})::int", midnight, microseconds_in_day);
    };
    const auto midnight = multiple_below(internal, microseconds_in_day);
    switch (axis_of(table.time.type)) {
    case Axis::timestamptz:
    case Axis::timestamp:
        // A day has 24 hours: the session's time zone is UTC.
        return fmt::format("{}'epoch'::{} + {} * interval '1 day' + "
                           "({} - {})::bigint * interval '1 microsecond' END",
                           within, table.time.type, day_number(midnight), internal, midnight);
    case Axis::date:
        return fmt::format(
            "{}'epoch'::date + {} END", within,
            day_number(multiple_below(fmt::format("({} + {})", internal, microseconds_in_day - 1),
                                      microseconds_in_day)));
    case Axis::integer:
    case Axis::other:
        break;
    }
    return fmt::format("{}{}::bigint END", within, internal);
}

/// The first value of each slice with rows, in internal time.
std::vector<InternalTime> first_values(postgres::Connection& source, const Hypertable& table,
                                       std::int64_t interval, const TimeRange& range) {
    const auto time = axis_expression(table.time);
    const auto from =
        fmt::format("SELECT {} AS value FROM {} WHERE {}{}", internal_expression(table.time, time),
                    table.name.quoted(), row_filter(table.time, {range}),
                    is_integer(table) ? ""
                                      : fmt::format(" AND {0} > '-infinity' AND "
                                                    "{0} < 'infinity'",
                                                    time));
    const auto first = fmt::format("ORDER BY {} LIMIT 1", time);
    const auto next =
        fmt::format("({} + {})", multiple_below("slice.value::numeric", interval), interval);
    const auto rows = source.execute(
        fmt::format("WITH RECURSIVE slice AS (({0} {1}) UNION ALL "
                    "SELECT next.value FROM slice CROSS JOIN LATERAL ({0} AND {2} >= {3} {1}) "
                    "AS next) SELECT value FROM slice",
                    from, first, time, time_of(table, next)));
    std::vector<InternalTime> values;
    for (int row = 0; row < rows.size(); ++row)
        values.push_back(rows.integer(row, "value"));
    return values;
}

/// The planner's estimates of the rows within each range.
std::vector<std::int64_t> estimated_rows(postgres::Connection& source, const Hypertable& table,
                                         const std::vector<TimeRange>& ranges) {
    constexpr std::size_t at_a_time = 200;
    std::vector<std::int64_t> estimates;
    for (std::size_t begin = 0; begin < ranges.size(); begin += at_a_time) {
        std::vector<postgres::Statement> statements;
        for (auto i = begin; i < std::min(begin + at_a_time, ranges.size()); ++i)
            statements.push_back(
                {fmt::format("EXPLAIN (FORMAT JSON) SELECT FROM {} WHERE {}", table.name.quoted(),
                             row_filter(table.time, {ranges[i]}))});
        for (const auto& plan : source.pipeline(statements))
            estimates.push_back(json::parse(plan.text(0, "\"QUERY PLAN\""))
                                    .at(0)
                                    .at("Plan")
                                    .at("Plan Rows")
                                    .integer());
    }
    return estimates;
}

/// Storage of a table and its partitions.
struct Storage {
    std::int64_t bytes = 0;
    bool analyzed = true; ///< all of them that have rows
};

Storage storage_of(postgres::Connection& source, const Hypertable& table) {
    const auto row = source.query(
        "WITH RECURSIVE part (relid) AS (SELECT $1::regclass::oid UNION SELECT inhrelid FROM "
        "pg_inherits JOIN part ON inhparent = part.relid) "
        "SELECT coalesce(sum(pg_table_size(relid)), 0)::bigint AS bytes, "
        "bool_and(reltuples > 0 OR pg_relation_size(relid) = 0) AS analyzed "
        "FROM part JOIN pg_class ON pg_class.oid = relid",
        {table.name.quoted()});
    return {.bytes = row.integer(0, "bytes"), .analyzed = row.boolean(0, "analyzed")};
}

bool has_rows(postgres::Connection& source, const Hypertable& table, const std::string& condition) {
    return !source
                .execute(
                    fmt::format("SELECT FROM {} WHERE {} LIMIT 1", table.name.quoted(), condition))
                .empty();
}

} // namespace

TimeRange slice_around(InternalTime value, std::int64_t interval, const std::string& type) {
    const auto rest = value % interval + (value % interval < 0 ? interval : 0);
    const auto least = least_time(type);
    const auto greatest = greatest_time(type);
    // The order of these operations prevents overflows.
    TimeRange slice;
    if (value >= 0 || value - least >= rest)
        slice.from = value - rest;
    if (value < 0 || greatest - (value - rest) >= interval)
        slice.until = value + (interval - rest);
    return slice;
}

bool reads_page_ranges(const Server& source) {
    return source.postgres_version >= 140000;
}

bool span_chunks(const Slices& slices, const Dimension& time) {
    const auto* slice = slices.find(time.column);
    return slice != nullptr && *slice == all_of_time;
}

std::vector<TimeRange> find_slices(postgres::Connection& source, const Hypertable& table,
                                   std::int64_t chunk_interval, const TimeRange& range) {
    std::vector<TimeRange> slices;
    if (table.time_is_indexed())
        for (const auto value : first_values(source, table, chunk_interval, range))
            slices.push_back(slice_around(value, chunk_interval, table.time.type));
    else if (has_rows(source, table, row_filter(table.time, {range})))
        slices.push_back(all_of_time);
    return slices;
}

std::vector<TimeRange> slices_of_rows(postgres::Connection& source, const Dimension& time,
                                      const std::string& rows, std::int64_t chunk_interval) {
    // The groups may differ from the slices a little, because of rounding and, for integers below
    // zero, truncation. So look at the first and the last value of each.
    const bool is_number = axis_of(time.type) == Axis::integer;
    const auto group =
        is_number ? fmt::format("value::bigint / {}", chunk_interval)
                  : fmt::format("floor(date_part('epoch', value) * 1000000 / {})", chunk_interval);
    const auto values = source.execute(fmt::format(
        "SELECT {} AS first, {} AS last FROM (SELECT {} AS value FROM {}) AS row {} GROUP BY {}",
        internal_expression(time, "min(value)"), internal_expression(time, "max(value)"),
        axis_expression(time), rows,
        is_number ? "WHERE value IS NOT NULL" : "WHERE value > '-infinity' AND value < 'infinity'",
        group));
    std::set<TimeRange> slices;
    for (int row = 0; row < values.size(); ++row)
        for (const auto* value : {"first", "last"})
            slices.insert(slice_around(values.integer(row, value), chunk_interval, time.type));
    return {slices.begin(), slices.end()};
}

std::vector<TimeRange> sampled_slices(postgres::Connection& source, const Dimension& time,
                                      const postgres::QualifiedName& table, std::int64_t bytes,
                                      const std::string& condition, std::int64_t chunk_interval) {
    constexpr double sampled = 16 * 1024 * 1024;
    const auto all = static_cast<double>(std::max<std::int64_t>(bytes, 1));
    return slices_of_rows(source, time,
                          fmt::format("{} TABLESAMPLE SYSTEM ({}) WHERE {}", table.quoted(),
                                      std::min(100.0, 100.0 * sampled / all), condition),
                          chunk_interval);
}

std::vector<ChunkInRange> chunks_of_slices(postgres::Connection& source, const Hypertable& table,
                                           const std::vector<TimeRange>& slices,
                                           const TimeRange& range) {
    if (slices.empty())
        return {};
    std::vector<TimeRange> parts{all_of_time};
    for (const auto& slice : slices)
        parts.push_back({std::max(slice.from, range.from), std::min(slice.until, range.until)});
    auto rows = estimated_rows(source, table, parts);
    const auto storage = storage_of(source, table);
    const auto all = std::max<std::int64_t>(rows.front(), 1);
    rows.erase(rows.begin());
    // Without statistics, the planner estimates each slice as a small part. Assume equal slices.
    if (!storage.analyzed)
        rows.assign(slices.size(), all / static_cast<std::int64_t>(slices.size()));
    Server server;
    server.has_timescaledb = false;
    const auto now = read_chunk(source, server, table.name);
    const auto bytes_each = static_cast<double>(storage.bytes) / static_cast<double>(all);
    std::vector<ChunkInRange> chunks;
    chunks.reserve(slices.size());
    for (std::size_t i = 0; i < slices.size(); ++i)
        chunks.push_back({.hypertable_id = table.id,
                          .name = table.name,
                          .slices = {table.time.column, slices[i]},
                          .slice = slices[i],
                          .bytes = std::llround(bytes_each * static_cast<double>(rows[i])),
                          .rows_estimate = rows[i],
                          .state = now ? now->state : std::nullopt});
    return chunks;
}

std::string obstacle_of_rows(postgres::Connection& source, const Hypertable& table,
                             const TimeRange& range) {
    Server server;
    server.has_timescaledb = false;
    const auto now = read_chunk(source, server, table.name);
    if (now && now->rewritten)
        return fmt::format("{} was rewritten, for example by TRUNCATE, after the snapshot was "
                           "taken, so that the snapshot does not show its rows",
                           table.name.quoted());
    const auto time = axis_expression(table.time);
    if (table.time_may_be_null && has_rows(source, table, time + " IS NULL"))
        return fmt::format("{} has rows without a time ({} IS NULL), which a hypertable does not "
                           "accept",
                           table.name.quoted(), time);
    // Slices contain only finite times. A table without an index is copied in one pass, infinite
    // times included.
    if (table.time_is_indexed() && !is_integer(table) &&
        has_rows(source, table,
                 fmt::format("{} IN ('-infinity', 'infinity') AND {}", time,
                             row_filter(table.time, {range}))))
        return fmt::format("{} has rows whose {} is infinite, which no chunk can contain",
                           table.name.quoted(), time);
    return {};
}

} // namespace timescale
