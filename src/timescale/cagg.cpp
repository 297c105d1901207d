#include "timescale/cagg.hpp"

#include "postgres/error.hpp"
#include "postgres/transaction.hpp"
#include "sql.hpp"
#include "timescale/bound.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace timescale {

namespace {

const std::string to_internal = "_timescaledb_functions.time_to_internal";

std::vector<TimeRange> ranges_of(const postgres::Result& rows) {
    std::vector<TimeRange> ranges;
    for (int row = 0; row < rows.size(); ++row)
        ranges.push_back({rows.integer(row, "from"), rows.integer(row, "until")});
    return ranges;
}

} // namespace

std::vector<TimeRange> merged(std::vector<TimeRange> ranges) {
    std::ranges::sort(ranges, {}, &TimeRange::from);
    std::vector<TimeRange> result;
    for (const auto& range : ranges) {
        if (!result.empty() && range.from <= result.back().until)
            result.back().until = std::max(result.back().until, range.until);
        else
            result.push_back(range);
    }
    return result;
}

std::vector<TimeRange> without(const TimeRange& range, const std::vector<TimeRange>& taken) {
    std::vector<TimeRange> result;
    auto from = range.from;
    for (const auto& part : taken) {
        if (part.until <= from || part.from >= range.until)
            continue;
        if (part.from > from)
            result.push_back({from, part.from});
        from = part.until;
    }
    if (from < range.until)
        result.push_back({from, range.until});
    return result;
}

std::optional<TimeRange> intersection(const TimeRange& left, const TimeRange& right) {
    const TimeRange both{std::max(left.from, right.from), std::min(left.until, right.until)};
    return both.from < both.until ? std::optional(both) : std::nullopt;
}

Cagg::Cagg(postgres::Connection& connection, const Server& server, const Hypertable& hypertable)
    : connection_(&connection), server_(&server), hypertable_(&hypertable) {
    const auto row = connection.query(sql::cagg, {std::to_string(hypertable.id)});
    if (row.empty() || !row.boolean(0, "known"))
        throw Error("its buckets do not come from time_bucket()", "refresh it manually");
    partial_view_ = {row.string(0, "partial_view_schema"), row.string(0, "partial_view_name")};
    width_ = row.string(0, "width");
    origin_ = row.optional_string(0, "origin");
    offset_ = row.optional_string(0, "offset");
    timezone_ = row.optional_string(0, "timezone");
    fixed_ = row.boolean(0, "fixed");
}

CaggProgress Cagg::progress() const {
    const auto row = connection_->query(sql::watermark, {std::to_string(hypertable_->id)});
    const auto least = least_time(hypertable_->time.type);
    const auto value = [&](const char* column) {
        return row.is_null(0, column) ? least : std::max(row.integer(0, column), least);
    };
    return {.watermark = value("watermark"), .materialized = value("materialized")};
}

bool Cagg::is_open(InternalTime time) const {
    return time <= least_time(hypertable_->time.type) ||
           time >= greatest_time(hypertable_->time.type);
}

std::string Cagg::literal(InternalTime time) const {
    const auto text = axis_literal(hypertable_->time, time);
    const auto& type = hypertable_->time.type;
    return axis_of(type) == Axis::integer ? fmt::format("{}::{}", text, type) : text;
}

std::string Cagg::bucket_expression(const std::string& value) const {
    const auto& type = hypertable_->time.type;
    const auto* width_type =
        axis_of(type) == Axis::integer ? type.c_str() : "interval"; // as the catalog spells it
    const auto quoted = postgres::quote_literal;
    std::string arguments = fmt::format("{}::{}, {}", quoted(width_), width_type, value);
    if (timezone_)
        arguments += fmt::format(", timezone => {}", quoted(*timezone_));
    if (origin_)
        arguments += fmt::format(", origin => {}::{}", quoted(*origin_), type);
    if (offset_ && !ignores_offset())
        arguments += fmt::format(", \"offset\" => {}::{}", quoted(*offset_), width_type);
    return fmt::format("{}({})", server_->function("time_bucket"), arguments);
}

std::string Cagg::next_expression(const std::string& bucket) const {
    const auto& type = hypertable_->time.type;
    const auto width = postgres::quote_literal(width_);
    if (axis_of(type) == Axis::integer)
        return fmt::format("({} + {}::{})::{}", bucket, width, type, type);
    if (timezone_) // a day may have 23 or 25 hours there
    {
        const auto zone = postgres::quote_literal(*timezone_);
        return fmt::format("(({} AT TIME ZONE {} + {}::interval) AT TIME ZONE {})", bucket, zone,
                           width, zone);
    }
    return fmt::format("({} + {}::interval)::{}", bucket, width, type);
}

std::vector<TimeRange> Cagg::buckets_of(const std::vector<InternalTime>& times) const {
    std::vector<TimeRange> buckets(times.size());
    std::vector<std::string> values;
    for (std::size_t i = 0; i < times.size(); ++i)
        if (is_open(times[i]))
            buckets[i] = {times[i], times[i]};
        else
            values.push_back(fmt::format("({}, {})", i, literal(times[i])));
    if (values.empty())
        return buckets;
    const auto rows = connection_->query(fmt::format(
        "SELECT time.index, {0}(bucket.begin) AS \"from\", {0}({1}) AS until "
        "FROM (VALUES {2}) AS time (index, value) CROSS JOIN LATERAL (SELECT {3}) AS bucket (begin)",
        to_internal, next_expression("bucket.begin"), fmt::join(values, ", "),
        bucket_expression("time.value")));
    for (int row = 0; row < rows.size(); ++row)
        buckets.at(static_cast<std::size_t>(rows.integer(row, "index"))) = {
            rows.integer(row, "from"), rows.integer(row, "until")};
    return buckets;
}

InternalTime Cagg::ceiling(InternalTime time) const {
    const auto bucket = buckets_of({time}).front();
    return bucket.from == time ? time : bucket.until;
}

InternalTime Cagg::before(InternalTime time) const {
    if (is_open(time))
        return time;
    return time - (axis_of(hypertable_->time.type) == Axis::date ? microseconds_in_day : 1);
}

std::vector<TimeRange> Cagg::widened(const std::vector<TimeRange>& ranges) const {
    std::vector<InternalTime> times;
    for (const auto& range : ranges) {
        times.push_back(range.from);
        times.push_back(range.until);
    }
    const auto buckets = buckets_of(times);
    std::vector<TimeRange> wide;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        auto first = buckets[2 * i].from;
        if (ignores_offset()) // these rows may belong to the bucket before
            first = buckets_of({before(first)}).front().from;
        const auto& last = buckets[2 * i + 1];
        wide.push_back({first, last.from == ranges[i].until ? last.from : last.until});
    }
    return merged(std::move(wide));
}

bool Cagg::ignores_offset() const {
    return server_->timescaledb < Version{2, 25, 0} && !fixed_ && offset_;
}

bool Cagg::needs_two_buckets() const {
    return server_->timescaledb < Version{2, 25, 0} && fixed_ && (origin_ || offset_);
}

std::map<InternalTime, std::string> Cagg::digests(const postgres::QualifiedName& relation,
                                                  const std::vector<TimeRange>& ranges) const {
    if (ranges.empty())
        return {};
    std::vector<std::string> columns;
    for (const auto& column : hypertable_->columns)
        columns.push_back(postgres::quote_identifier(column.name));
    const auto rows = connection_->query(fmt::format(
        "SELECT {0}({1}) AS bucket, "
        "format('%s %s', count(*), sum(hashtextextended(ROW({2})::text, 0))) AS digest "
        "FROM {3} WHERE {4} GROUP BY {1}",
        to_internal, postgres::quote_identifier(hypertable_->time.column), fmt::join(columns, ", "),
        relation.quoted(), row_filter(hypertable_->time, ranges)));
    std::map<InternalTime, std::string> digests;
    for (int row = 0; row < rows.size(); ++row)
        digests.emplace(rows.integer(row, "bucket"), rows.string(row, "digest"));
    return digests;
}

std::map<InternalTime, std::string> Cagg::materialized(const std::vector<TimeRange>& ranges) const {
    return digests(hypertable_->name, ranges);
}

std::map<InternalTime, std::string> Cagg::computed(const std::vector<TimeRange>& ranges) const {
    return digests(partial_view_, ranges);
}

bool Cagg::is_invalid(const TimeRange& range) const {
    InternalTime least = 1;
    if (needs_two_buckets() && !is_open(range.from)) {
        const auto bucket = buckets_of({range.from}).front();
        least = bucket.until - bucket.from;
    }
    return connection_
        ->query(sql::is_invalid, {std::to_string(hypertable_->id), std::to_string(range.from),
                                  std::to_string(range.until), std::to_string(least)})
        .boolean(0, "invalid");
}

/// Calls the function under the role's own search_path, because most such functions name their
/// table without a schema.
std::optional<InternalTime> Cagg::integer_now() const {
    const auto function = connection_->query(sql::integer_now, {std::to_string(hypertable_->id)});
    if (function.empty())
        return std::nullopt;
    postgres::Transaction transaction(*connection_,
                                      "BEGIN READ ONLY; SET LOCAL search_path TO DEFAULT");
    const auto row = connection_->query(
        fmt::format("SELECT {}()::pg_catalog.int8 AS now", function.text(0, "function")));
    transaction.commit();
    return row.is_null(0, "now") ? std::nullopt : std::optional(row.integer(0, "now"));
}

CaggPolicies Cagg::policies() const {
    std::optional<std::string> now;
    if (axis_of(hypertable_->time.type) == Axis::integer) {
        const auto integer = integer_now();
        if (!integer)
            return {};
        now = std::to_string(*integer);
    }
    const auto row = connection_->query(sql::cagg_policies, {std::to_string(hypertable_->id), now});
    CaggPolicies policies{.reach = std::nullopt, .now = row.integer(0, "now")};
    if (row.integer(0, "policies") > 0)
        policies.reach = TimeRange{row.integer(0, "from"), row.integer(0, "until")};
    return policies;
}

std::string Cagg::refresh_statement(const TimeRange& range, bool force) const {
    const auto bound = [&](InternalTime time) {
        return is_open(time) ? std::string("NULL") : literal(time);
    };
    return fmt::format("CALL {}({}::regclass, {}, {}{})",
                       server_->function("refresh_continuous_aggregate"),
                       postgres::quote_literal(hypertable_->known_as().quoted()), bound(range.from),
                       bound(range.until), force ? ", force => true" : "");
}

void Cagg::move_watermark() const {
    // The least bigint is the default of drop_chunks().
    auto before = least_time(hypertable_->time.type);
    if (before == minus_infinity)
        ++before;
    postgres::Transaction transaction(
        *connection_,
        fmt::format("BEGIN; SET LOCAL lock_timeout = '10s'; {}",
                    postgres::lock_statement({hypertable_->name}, "SHARE ROW EXCLUSIVE")));
    const auto dropped = connection_->execute(
        fmt::format("SELECT {}({}::regclass, older_than => {})", server_->function("drop_chunks"),
                    postgres::quote_literal(hypertable_->known_as().quoted()), literal(before)));
    if (!dropped.empty())
        throw Error("the server would drop chunks that end at the beginning of time");
    transaction.commit();
}

std::string Cagg::start_text(const TimeRange& range) const {
    return is_open(range.from) ? "-infinity"
                               : format_time(axis_of(hypertable_->time.type), range.from);
}

std::string Cagg::end_text(const TimeRange& range) const {
    return is_open(range.until) ? "infinity"
                                : format_time(axis_of(hypertable_->time.type), range.until);
}

std::string chunk_coverage(postgres::Connection& connection, const Hypertable& hypertable,
                           const TimeRange& range) {
    return connection
        .query(sql::chunk_coverage, {std::to_string(hypertable.time_dimension_id),
                                     std::to_string(range.from), std::to_string(range.until)})
        .string(0, "covered");
}

std::vector<TimeRange> uncovered_time(postgres::Connection& connection, const TimeRange& range,
                                      const std::optional<std::string>& source,
                                      const std::string& target) {
    return ranges_of(
        connection.query(sql::uncovered_time, {std::to_string(range.from),
                                               std::to_string(range.until), source, target}));
}

} // namespace timescale
