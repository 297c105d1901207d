#include "load/chunk_maker.hpp"

#include "load/rows.hpp"
#include "load/triggers.hpp"
#include "postgres/copy.hpp"
#include "postgres/transaction.hpp"
#include "timescale/routing.hpp"

#include <fmt/format.h>

namespace load {

using postgres::Statement;

namespace {

/// Of the application's statements, only those that create chunks wait for the lock on the
/// hypertable.
constexpr auto lock_to_make_chunk = "SET LOCAL lock_timeout = '10s'";

} // namespace

std::string ChunkMaker::make(const Request& request, const std::string& rows) const {
    try {
        if (!context_.target_server.community)
            return insert({request}, {rows});
        create({request});
    } catch (const postgres::SqlError& error) {
        // Another worker or the application has just created a chunk here. The loader looks again.
        if (error.sqlstate() == timescale::chunk_collision)
            return {};
        if (error.says_gone() &&
            !timescale::read_chunk(context_.source, context_.source_server, request.chunk.name))
            throw postgres::ConcurrentChange("the chunk has just been dropped from the source");
        throw_if_unvalidated(error, request);
        throw;
    }
    return {};
}

void ChunkMaker::make(const std::vector<Request>& requests) const {
    if (context_.target_server.community) {
        create(requests);
        return;
    }
    std::vector<std::string> rows;
    for (const auto& request : requests)
        rows.push_back(request.rows());
    insert(requests, rows);
}

void ChunkMaker::create(const std::vector<Request>& requests) const {
    std::vector<Statement> statements{{"BEGIN"}, {lock_to_make_chunk}};
    for (const auto& request : requests)
        statements.push_back(
            {"SELECT FROM _timescaledb_functions.create_chunk($1::regclass, $2::jsonb)",
             {request.task.target.quoted(), request.task.slices.text()}});
    postgres::Transaction(context_.builder(), statements).commit();
}

/// Copies the first row of each FROM item into a table.
/// \returns the number of rows of each.
std::vector<std::int64_t> ChunkMaker::copy_first_rows(const CopyShape& shape,
                                                      const std::vector<std::string>& rows,
                                                      postgres::Connection& builder,
                                                      const postgres::QualifiedName& to) const {
    // The source may be in a transaction, which must go on.
    if (rows.size() == 1)
        return {copy_table(context_.source, shape, rows.front() + " LIMIT 1", builder, to,
                           context_.progress)
                    .rows};
    std::vector<std::string> copies;
    for (const auto& from : rows)
        copies.push_back(copy_to_stdout(shape, from + " LIMIT 1"));
    // If the target refuses a row, the rollback ends the COPYs of the source.
    postgres::Transaction reading(context_.source, postgres::begin_read_transaction(std::nullopt));
    const auto copied = postgres::copy_together(
        context_.source, {.copies = std::move(copies)}, shape.copy_format(), builder,
        {.copy = copy_from_stdin(shape, to)}, [&](auto bytes) { context_.progress.moved(bytes); });
    reading.commit();
    std::vector<std::int64_t> counts;
    for (const auto& count : copied.counts)
        counts.push_back(count.rows);
    return counts;
}

/// The Apache edition creates chunks only when rows are inserted. So insert the first row of each,
/// and delete it before the transaction commits. Delete no other rows, because another worker or
/// the application may have created and filled a chunk in the meantime.
/// \returns why no chunk was created; empty if those of all requests with rows exist.
std::string ChunkMaker::insert(const std::vector<Request>& requests,
                               const std::vector<std::string>& rows) const {
    const auto& hypertable = requests.front().target_hypertable;
    // Triggers must not fire for these rows, even with --fire-triggers.
    const auto& triggers = hypertable.triggers;
    if (triggers.has_any() && !triggers.can_be_replica())
        return "creating the chunk would fire triggers";
    const auto shape =
        common_copy_shape(requests, copy_encoding(context_.source_server, context_.target_server));
    auto& builder = context_.builder();
    postgres::Transaction transaction(builder, fmt::format("BEGIN; {}", lock_to_make_chunk));
    if (triggers.has_any())
        be_replica(builder);
    timescale::route_exactly(builder, hypertable);
    const auto inserted = copy_first_rows(shape, rows, builder, requests.front().task.target);

    std::vector<timescale::Hypercube> hypercubes;
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (inserted[i] > 0)
            hypercubes.push_back({requests[i].task.target, requests[i].task.slices});
    if (hypercubes.empty())
        return "there are no rows to create the chunk for";
    std::vector<postgres::QualifiedName> names;
    for (const auto& place : timescale::find_places(builder, hypercubes)) {
        if (!place.same)
            return "new chunks in the target get other slices";
        names.push_back(*place.same);
    }
    for (const auto& chunk : timescale::read_chunks(builder, context_.target_server, names)) {
        // With a NOT VALID key, there may be rows that reference this row.
        if (chunk && chunk->referenced)
            return "foreign keys reference its rows";
        if (chunk && chunk->refuses_deletes)
            return "a publication prevents deletes of its rows";
    }
    std::string deletes;
    for (const auto& name : names)
        deletes += fmt::format("DELETE FROM ONLY {} WHERE xmin = pg_current_xact_id()::xid;",
                               name.quoted());
    builder.execute(deletes);
    transaction.commit();
    return {};
}

} // namespace load
