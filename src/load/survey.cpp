#include "load/survey.hpp"

#include "load/staging_table.hpp"
#include "timescale/bound.hpp"
#include "timescale/plain_table.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace load {

namespace {

using postgres::QualifiedName;

/// Returns a hypertable's value from a map. If there is none, `read` is called, and its result is
/// added to the map.
template <typename Read>
const std::string& cached(std::map<QualifiedName, std::string>& values,
                          const QualifiedName& hypertable, const Read& read) {
    const auto found = values.find(hypertable);
    return found != values.end() ? found->second
                                 : values.emplace(hypertable, read(hypertable)).first->second;
}

postgres::ConcurrentChange dropped_just_now() {
    return postgres::ConcurrentChange("a chunk has just been dropped");
}

/// Why the rows of a plain table's chunks are not gathered in tables although these could be
/// attached; empty if they are.
std::string obstacle_to_gathering(const timescale::Server& source, const timescale::Server& target,
                                  const Request& request) {
    if (timescale::axis_of(request.source_hypertable.time.type) == timescale::Axis::other ||
        copy_shape(request, copy_encoding(source, target)).is_text())
        return "its rows are copied as text"; // copy_in_parts() reads their times
    // Otherwise, StagingTable::build() finds no rows with equal keys.
    return target.adopts_indexes() ? "" : "before TimescaleDB 2.22, attaching builds the indexes";
}

std::string set_heap(const QualifiedName& table) {
    return fmt::format("run ALTER TABLE {} SET ACCESS METHOD heap", table.quoted());
}

/// The reason why a table cannot be attached to the request's hypertable; empty if it can.
std::string staging_obstacle(postgres::Connection& target, const timescale::Server& server,
                             const Request& request) {
    const auto& triggers = request.target_hypertable.triggers;
    const auto shape = StagingTable::shape(target, server, request.task);
    if (!shape)
        return "the hypertable no longer exists";
    if (!server.attaches_cleanly() && !target.sent_settings())
        return "a pooler does not pass timescaledb.disable_load to the server";
    if (server.checks_attached_rows_wrongly() && !shape->dimensions_in_place)
        return "before TimescaleDB 2.22.1, tables cannot be attached after columns were dropped";
    if (std::ranges::any_of(shape->foreign_keys, [&](const auto& key) {
            return !server.may_name_foreign_key(key.name);
        }))
        return "the name of a foreign key is too long";
    // Rows with NULL in this column would have to be inserted.
    if (!shape->nullable_dimensions.empty() && triggers.has_any() && !triggers.can_be_replica())
        return "a column of a space dimension may be NULL";
    return shape->obstacle;
}

} // namespace

std::string Request::condition() const {
    return task.whole ? "" : " WHERE " + timescale::row_filter(source_hypertable.time, task.ranges);
}

std::string Request::hypercube_condition() const {
    return fmt::format(" WHERE {} AND {}",
                       timescale::hypercube_filter(source_hypertable.dimensions, task.slices),
                       timescale::row_filter(source_hypertable.time, task.ranges));
}

std::string Request::rows() const {
    if (!source_hypertable.is_plain_table)
        return chunk.name.quoted() + condition();
    const auto& time = source_hypertable.time;
    auto rows =
        fmt::format("{} WHERE {}", chunk.name.quoted(), timescale::row_filter(time, task.ranges));
    // In this order, the target inserts into one chunk at a time.
    if (spans_chunks())
        rows += " ORDER BY " + timescale::axis_expression(time);
    return rows;
}

queue::Task task_of_slice(const Request& request, const timescale::TimeRange& slice) {
    auto task = request.task;
    task.slices = {request.source_hypertable.time.column, slice};
    return task;
}

bool Request::spans_chunks() const {
    return source_hypertable.is_plain_table &&
           timescale::span_chunks(task.slices, source_hypertable.time);
}

void reconsider_gathering(Plan& plan, const Request& request, postgres::Connection& source,
                          Strategy strategy) {
    if (!plan.gathers || strategy == Strategy::attach)
        return;
    const auto& time = request.source_hypertable.time;
    const auto slices = timescale::sampled_slices(
        source, time, request.chunk.name, request.task.bytes,
        timescale::row_filter(time, request.task.ranges), request.target_hypertable.chunk_interval);
    if (request.task.bytes >= queue::small_bytes * static_cast<std::int64_t>(slices.size()))
        return;
    plan.gathers = false;
    plan.reason += "; tables are not attached: its chunks are small";
}

void require_heap(const timescale::Chunk& target) {
    if (target.is_hypercore())
        throw TaskError(fmt::format("the target's chunk {} has the access method hypercore, with "
                                    "which loading may crash the server",
                                    target.name.quoted()),
                        set_heap(target.name));
}

void check_partitions(postgres::Connection& source, const timescale::Server& source_server,
                      const timescale::Server& target_server, const Request& request) {
    if (!converts_text(source_server, target_server))
        return;
    for (const auto& dimension : request.source_hypertable.dimensions) {
        if (!dimension.closed)
            continue;
        const auto column = postgres::quote_identifier(dimension.column);
        const auto found = source.execute(
            fmt::format("SELECT {0}::text AS value FROM {1} WHERE {0}::text ~ '[^[:ascii:]]' "
                        "LIMIT 1",
                        column, request.chunk.name.quoted()));
        if (!found.empty())
            throw TaskError(fmt::format("its rows are partitioned by {}, and the hash of {} in {} "
                                        "differs from that in {}",
                                        column, found.string(0, "value"), target_server.encoding,
                                        source_server.encoding),
                            fmt::format("create the target's database with the encoding {}, or its "
                                        "hypertable without this dimension",
                                        source_server.encoding));
    }
}

Situation Survey::situation(const Request& request) const {
    if (!request.source_hypertable.is_plain_table && request.task.slices != request.chunk.slices)
        throw TaskError("its slices have changed since it was staged, because chunks were merged "
                        "or split or a dimension's column was renamed",
                        "stage again");
    if (const auto& tables = request.target_hypertable.hypercore_tables;
        std::ranges::find(tables, request.task.target) != tables.end())
        throw TaskError(timescale::obstacle_of_storage(request.target_hypertable),
                        set_heap(request.task.target));
    return {.whole = request.task.whole,
            .spans_chunks = request.spans_chunks(),
            .is_large = request.task.bytes >= least_to_share,
            .without_time_index = request.source_hypertable.without_time_index,
            .source_server = source_server_,
            .target_server = target_server_,
            .source = request.chunk,
            .same_dimensions = timescale::have_same_dimensions(request.source_hypertable,
                                                               request.target_hypertable),
            .takes_new_chunk = false,
            .target = std::nullopt,
            .target_compression_enabled = request.target_hypertable.compression_enabled,
            .target_settings = {},
            .known_obstacle = obstacle_by_options(
                options_, target_server_, request.target_hypertable.triggers, request.task.bytes),
            .triggers = request.target_hypertable.triggers,
            .fire_triggers = options_.fire_triggers,
            .columns_in_place = true};
}

CopyShape copy_shape(const Request& request, const std::string& encoding) {
    return copy_shape(request.chunk.columns, chunk_columns(request.target_hypertable), encoding);
}

CopyShape common_copy_shape(const std::vector<Request>& requests, const std::string& encoding) {
    const auto columns = chunk_columns(requests.front().target_hypertable);
    auto shape = copy_shape(requests.front().chunk.columns, columns, encoding);
    for (const auto& request : requests) {
        const auto own = copy_shape(request.chunk.columns, columns, encoding);
        if (own.columns != shape.columns || own.as_text != shape.as_text)
            throw TaskError("its columns differ from those of other chunks");
    }
    return shape;
}

void Prepared::take_rows_instead(const char* reason) {
    plan.what = Plan::What::rows;
    plan.compress_after = !target->referenced;
    plan.reason = reason;
}

std::vector<Prepared> Survey::look(const std::vector<Request>& requests) {
    std::vector<Situation> situations;
    situations.reserve(requests.size());
    for (const auto& request : requests)
        situations.push_back(situation(request));
    return look(requests, situations);
}

std::vector<Prepared> Survey::look(const std::vector<Request>& requests,
                                   std::vector<Situation>& situations, Locking locking,
                                   const std::vector<timescale::Place>& places) {
    read_targets(requests, situations, locking, places);
    std::map<QualifiedName, std::string> settings;
    std::map<QualifiedName, std::string> obstacles;
    std::vector<Prepared> list;
    list.reserve(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
        auto& now = situations[i];
        if (requests[i].chunk.compressed && now.target)
            now.target_settings = cached(settings, requests[i].task.target, [&](const auto& name) {
                return timescale::read_compression_settings(target_, name);
            });
        if (now.target && !now.triggers.of_statements.empty() && !now.triggers.can_be_replica())
            now.columns_in_place = has_columns_in_place(now.target->name);
        Prepared prepared{choose_load(now), now.target};
        if (prepared.plan.into == Plan::Into::attached_table || prepared.plan.gathers) {
            now.known_obstacle = cached(obstacles, requests[i].task.target, [&](const auto&) {
                return staging_obstacle(target_, target_server_, requests[i]);
            });
            if (prepared.plan.gathers && now.known_obstacle.empty())
                now.known_obstacle =
                    obstacle_to_gathering(source_server_, target_server_, requests[i]);
            prepared.plan = choose_load(now);
        }
        list.push_back(std::move(prepared));
    }
    return list;
}

/// Reads chunks of the target.
/// \param first statements to run before, in the same round trip.
/// \throws ConcurrentChange if a chunk has just been dropped.
std::vector<std::optional<timescale::Chunk>> Survey::read(const std::vector<QualifiedName>& names,
                                                          std::vector<postgres::Statement> first) {
    try {
        timescale::ChunkQuery query(target_server_, names);
        std::ranges::move(query.statements(), std::back_inserter(first));
        return query.finish(target_, target_.pipeline(first));
    } catch (const postgres::SqlError& error) {
        if (!error.says_gone())
            throw;
        throw dropped_just_now();
    }
}

/// True if the chunk's columns have the same numbers as those of its hypertable.
bool Survey::has_columns_in_place(const QualifiedName& chunk) {
    return target_
        .query(
            "SELECT FROM pg_inherits "
            "JOIN pg_attribute AS above ON above.attrelid = inhparent "
            "JOIN pg_attribute AS own ON own.attrelid = inhrelid AND own.attname = above.attname "
            "WHERE inhrelid = to_regclass($1) AND above.attnum > 0 AND NOT above.attisdropped "
            "AND own.attnum <> above.attnum LIMIT 1",
            {chunk.quoted()})
        .empty();
}

/// Sets Situation::target and takes_new_chunk.
void Survey::read_targets(const std::vector<Request>& requests, std::vector<Situation>& situations,
                          Locking locking, std::vector<timescale::Place> places) {
    if (places.empty()) {
        std::vector<timescale::Hypercube> hypercubes;
        hypercubes.reserve(requests.size());
        for (const auto& request : requests)
            hypercubes.push_back({request.task.target, request.task.slices});
        places = timescale::find_places(target_, hypercubes);
    }

    std::vector<QualifiedName> names;
    std::vector<std::size_t> indexes; // of their requests
    for (std::size_t i = 0; i < requests.size(); ++i) {
        situations[i].takes_new_chunk = places[i].takes_new_chunk();
        situations[i].target.reset();
        if (places[i].same && situations[i].same_dimensions) {
            names.push_back(*places[i].same);
            indexes.push_back(i);
        }
    }
    if (names.empty())
        return;
    std::vector<postgres::Statement> statements;
    if (locking == Locking::as_writer)
        statements.push_back({postgres::lock_statement(names, "ROW EXCLUSIVE")});
    auto chunks = read(names, std::move(statements));
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!chunks[i])
            throw dropped_just_now();
        require_heap(*chunks[i]);
        situations[indexes[i]].target = std::move(chunks[i]);
    }
}

} // namespace load
