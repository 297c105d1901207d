#include "load/small_chunks.hpp"

#include "load/chunk_maker.hpp"
#include "load/locks.hpp"
#include "load/rows.hpp"
#include "load/triggers.hpp"
#include "postgres/copy.hpp"
#include "postgres/session.hpp"
#include "postgres/transaction.hpp"
#include "timescale/routing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace load {

namespace {

using postgres::Statement;

/// Statements that run ANALYZE on chunks and return the rows that it has counted, in the order of
/// the chunks; NULL if the application has written batches, which are not in the chunk's own table.
/// The count is exact, because ANALYZE reads all pages of such small tables.
std::vector<std::string> analyzing(const std::vector<std::string>& names) {
    return {fmt::format("ANALYZE {}", fmt::join(names, ", ")),
            fmt::format("SELECT CASE WHEN chunk.status & 1 = 1 THEN NULL "
                        "ELSE pg_class.reltuples::float8::bigint END AS rows "
                        "FROM unnest({}::regclass[]) WITH ORDINALITY AS loaded (relation, number) "
                        "JOIN pg_class ON pg_class.oid = loaded.relation "
                        "JOIN _timescaledb_catalog.chunk "
                        "ON chunk.id = _timescaledb_functions.chunk_id_from_relid(loaded.relation) "
                        "ORDER BY loaded.number",
                        postgres::quote_literal(postgres::array_literal(names)))};
}

} // namespace

bool SmallChunkLoader::is_simple(const Request& request, const Prepared& prepared) {
    const auto& plan = prepared.plan;
    return request.task.whole && !request.chunk.compressed && !request.chunk.rewritten &&
           plan.into == Plan::Into::existing_chunk && plan.what == Plan::What::rows &&
           !plan.decompress_first && !plan.compress_after && !plan.only_differences &&
           plan.failure.empty() && plan.triggers != Plan::Triggers::suspended &&
           to_suspend(request, prepared).empty();
}

std::vector<std::optional<queue::Loaded>>
SmallChunkLoader::load(const std::vector<Request>& requests, const std::vector<Prepared>& prepared,
                       const Reading& reading) {
    std::vector<std::optional<queue::Loaded>> result(requests.size());
    std::vector<std::size_t> indexes; // of those that are loaded here
    std::vector<std::string> names;   // of the target's chunks
    std::vector<Request> simple;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (!is_simple(requests[i], prepared[i]))
            continue;
        indexes.push_back(i);
        names.push_back(prepared[i].target->name.quoted());
        simple.push_back(requests[i]);
    }
    if (simple.empty())
        return result;

    const auto encoding = copy_encoding(context_.source_server, context_.target_server);
    const auto shape =
        sorted_for(simple.front().target_hypertable, common_copy_shape(simple, encoding));
    std::vector<std::string> copies;
    for (const auto& request : simple) {
        check_partitions(context_.source, context_.source_server, context_.target_server, request);
        copies.push_back(copy_to_stdout(shape, request.rows()));
    }
    timescale::route_exactly(context_.target, simple.front().target_hypertable);
    postgres::CopyIn in{.copy = copy_from_stdin(shape, simple.front().task.target),
                        .after = analyzing(names)};
    if (!simple.front().target_hypertable.key.empty())
        in.before.push_back(lock_briefly); // as RowLoad::copy_rows
    std::vector<std::string> afterwards;
    if (const auto setting =
            direct_compress_setting(simple.front().target_hypertable, false)) { // as there, too
        in.before.push_back(*setting);
        afterwards.push_back(
            direct_compress_setting(simple.front().target_hypertable, true).value());
    }
    if (std::ranges::any_of(prepared, [](const auto& one) {
            return one.plan.triggers == Plan::Triggers::fired;
        })) { // as RoleSearchPath
        in.before.emplace_back(postgres::own_search_path);
        afterwards.emplace_back("SET CONSTRAINTS ALL IMMEDIATE");
        afterwards.emplace_back(postgres::pinned_search_path);
    }
    if (as_replica_)
        afterwards.emplace_back("SET LOCAL session_replication_role = origin");
    in.after.insert(in.after.begin(), afterwards.begin(), afterwards.end());
    const auto copied = postgres::copy_together(context_.source,
                                                {.before = reading.begin,
                                                 .copies = std::move(copies),
                                                 .after = reading.end,
                                                 .sort_fields = shape.sort_fields,
                                                 .check = reading.check},
                                                shape.copy_format(), context_.target, in,
                                                [&](auto bytes) { progress_.moved(bytes); });
    const auto& counted = copied.after.back();
    for (std::size_t i = 0; i < simple.size(); ++i) {
        const auto& count = copied.counts[i];
        const auto row = static_cast<int>(i);
        if (counted.is_null(row, "rows") || counted.integer(row, "rows") != count.rows)
            throw TaskError("the application has just written to it");
        result[indexes[i]] = {.rows = count.rows, .batches = 0, .bytes = count.bytes};
    }
    if (as_replica_)
        for (std::size_t i = 0; i < simple.size(); ++i)
            check_foreign_keys(context_.target, simple[i].target_hypertable,
                               prepared[indexes[i]].target->name, "");
    return result;
}

std::vector<Prepared> SmallChunkLoader::prepare(const std::vector<Request>& requests,
                                                const std::vector<timescale::Place>& places) {
    auto prepared = lock(requests, places);
    as_replica_ = false;
    for (std::size_t i = 0; i < requests.size(); ++i)
        as_replica_ = as_replica_ || (is_simple(requests[i], prepared[i]) &&
                                      prepared[i].plan.triggers == Plan::Triggers::replica);
    if (as_replica_)
        be_replica(context_.target);
    empty(requests, prepared);
    return prepared;
}

/// Creates missing chunks, all in one short transaction, and locks the chunks as a writer would.
std::vector<Prepared> SmallChunkLoader::lock(const std::vector<Request>& requests,
                                             const std::vector<timescale::Place>& places) {
    std::vector<Situation> situations;
    situations.reserve(requests.size());
    for (const auto& request : requests)
        situations.push_back(survey_.situation(request));
    auto prepared = survey_.look(requests, situations, Survey::Locking::as_writer, places);
    std::vector<Request> missing;
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (prepared[i].plan.into == Plan::Into::new_chunk && !requests[i].chunk.compressed)
            missing.push_back(requests[i]);
    if (missing.empty())
        return prepared;
    ChunkMaker(context_).make(missing);
    return survey_.look(requests, situations, Survey::Locking::as_writer);
}

/// \throws TaskError if the application has just written rows, which must stay.
void SmallChunkLoader::empty(const std::vector<Request>& requests,
                             const std::vector<Prepared>& prepared) {
    std::vector<Statement> statements;
    const auto late = context_.horizon.late_rows();
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (is_simple(requests[i], prepared[i]) && !prepared[i].target->empty) {
            const auto table = prepared[i].target->name.quoted();
            statements.push_back({fmt::format("DELETE FROM ONLY {}{}", table,
                                              late.excepted_from(requests[i].condition()))});
            statements.push_back(
                {fmt::format("SELECT FROM ONLY {} WHERE {} LIMIT 1", table, late.condition())});
        }
    if (statements.empty())
        return;
    context_.horizon.let_writers_finish(progress_);
    for (const auto& rows : context_.target.pipeline(statements))
        if (!rows.empty())
            throw TaskError("it has rows that the application has just written");
}

} // namespace load
