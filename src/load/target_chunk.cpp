#include "load/target_chunk.hpp"

#include "load/locks.hpp"
#include "load/staging_table.hpp"
#include "load/triggers.hpp"
#include "postgres/transaction.hpp"
#include "timescale/routing.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace load {

using postgres::QualifiedName;
using timescale::Chunk;

void TargetChunks::empty(const Request& request, Prepared& prepared) {
    auto& plan = prepared.plan;
    if (plan.into == Plan::Into::hypertable) {
        empty_hypercube(request, prepared);
        return;
    }
    const auto& target = prepared.target.value();
    if (!target.empty)
        horizon_.let_writers_finish(progress_);
    if (request.alone)
        lock_against_writers(target_, {target.name}, "EXCLUSIVE", progress_);
    suspend_triggers(target_, request, prepared, progress_);
    // Decompressed rows must not be mistaken for late rows.
    if (target.compressed && plan.what == Plan::What::rows)
        lock_against_writers(target_, {target.name}, "EXCLUSIVE", progress_);
    // DELETE on the chunk would decompress its batches first, so delete them in their own table.
    if (target.compressed && request.task.whole && !target.empty && !plan.only_differences)
        target_.execute(fmt::format(
            "DELETE FROM ONLY {}{}", target.compressed->name.quoted(),
            target_server_.compresses_new_rows() ? prepared.late.excepted_from("") : ""));
    const bool late_batches =
        target.compressed && late_batches_.are_in(target.compressed->name, prepared.late);
    // A writer that uses direct compress and waits while the chunk is decompressed crashes the
    // server (tsl_compressor_init in TimescaleDB's tsl/src/compression/compression.c; seen on
    // 2.29.2).
    const bool stays_compressed =
        target.compressed && (late_batches || request.target_hypertable.may_get_batches());
    if (plan.what != Plan::What::rows &&
        (late_batches || (stays_compressed && plan.decompress_first))) {
        prepared.take_rows_instead(late_batches_reason);
        lock_against_writers(target_, {target.name}, "EXCLUSIVE", progress_);
    }
    const bool becomes_rows = plan.what == Plan::What::rows && target.compressed;
    if (becomes_rows && stays_compressed && plan.only_differences)
        refuse_late_batches(target.name);
    if (becomes_rows && !stays_compressed)
        decompress(target.name);
    // Rows that were inserted since the chunk was read are late. If a publication forbids deletes,
    // a DELETE fails even if it deletes nothing.
    if ((target.empty && !late_batches) || plan.only_differences)
        return;
    RoleSearchPath path(target_, plan.triggers == Plan::Triggers::fired);
    if (becomes_rows && stays_compressed)
        delete_around_late_batches(request, prepared);
    else if (becomes_rows)
        target_.execute(fmt::format("DELETE FROM ONLY {}{}", target.name.quoted(),
                                    prepared.late.excepted_from(request.condition())));
    else
        delete_rows(request, target.name, prepared.late);
    path.end();
    prepared.has_late_rows = prepared.late.are_in(target_, target.name, request.condition());
}

/// Deletes the rows in the range from a chunk's own table.
void TargetChunks::delete_rows(const Request& request, const QualifiedName& chunk, LateRows& late) {
    const auto rows = fmt::format("DELETE FROM ONLY {}{}", chunk.quoted(),
                                  late.excepted_from(request.condition()));
    if (!request.target_hypertable.compression_enabled) {
        target_.execute(rows);
        return;
    }
    // The DELETE first decompresses batches that a writer has just written. It runs in a savepoint
    // so that these rows have another transaction id than loaded rows.
    target_.execute(fmt::format("SAVEPOINT emptying; {} AND NOT {}; RELEASE SAVEPOINT emptying",
                                rows, late.is_ours()));
    if (timescale::is_compressed(target_, chunk))
        late.adopt(late.our_writers(target_, chunk));
}

/// Deletes the rows in the range from a compressed chunk, except late ones, and decompresses late
/// batches. The chunk's status stays "compressed".
void TargetChunks::delete_around_late_batches(const Request& request, Prepared& prepared) {
    const auto& target = prepared.target.value();
    lock_against_writers(target_, {target.name}, "SHARE", progress_);
    // If the range is the whole chunk, its other batches have been deleted.
    if (request.task.whole) {
        delete_rows(request, target.name, prepared.late);
        return;
    }
    const auto batches = target.compressed->name.quoted();
    const auto aside = staging_name(request.task.id).quoted();
    const auto late = prepared.late.condition();
    // Set late batches aside in a table that is in no publication.
    target_.execute(fmt::format(
        "DROP TABLE IF EXISTS {0}; CREATE UNLOGGED TABLE {0} (LIKE {1});"
        "INSERT INTO {0} SELECT * FROM ONLY {1} WHERE {2}; DELETE FROM ONLY {1} WHERE {2};"
        "DELETE FROM ONLY {3}{4};"
        "INSERT INTO {1} SELECT * FROM {0}; DROP TABLE {0}",
        aside, batches, late, target.name.quoted(),
        prepared.late.excepted_from(request.condition())));
    late_batches_.unpack(target.name, request.condition(), prepared.late);
}

/// Deletes the rows that the load will replace from all chunks that overlap the request's.
void TargetChunks::empty_hypercube(const Request& request, Prepared& prepared) {
    const auto place = timescale::find_place(target_, {request.task.target, request.task.slices});
    if (!place.is_free())
        horizon_.let_writers_finish(progress_);
    if (request.alone)
        lock_against_writers(target_, place.overlapping, "EXCLUSIVE", progress_);
    suspend_triggers(target_, request, prepared, progress_);
    const auto where = request.hypercube_condition();
    // A DELETE from batches decompresses rows outside of the hypercube, which another task may
    // replace later.
    const auto chunks = timescale::read_chunks(target_, target_server_, place.overlapping);
    for (const auto& chunk : chunks)
        if (chunk)
            require_heap(*chunk);
    const auto any = [&](const auto& is) {
        return std::ranges::any_of(chunks, [&](const auto& chunk) { return chunk && is(*chunk); });
    };
    if (any([](const Chunk& chunk) { return chunk.keeps_rows(); })) {
        prepared.plan.only_differences = true;
        const auto& triggers = request.target_hypertable.triggers;
        // If a publication forbids deletes, it forbids updates, too.
        if (triggers.of_updates && prepared.plan.triggers == Plan::Triggers::none &&
            any([](const Chunk& chunk) { return chunk.referenced; }))
            throw triggers_would_fire(
                triggers, "they go through the hypertable, and some of them are updated");
        for (const auto& chunk : chunks)
            if (chunk && chunk->compressed) {
                lock_against_writers(target_, {chunk->name}, "EXCLUSIVE", progress_);
                // as in empty()
                if (request.target_hypertable.may_get_batches() ||
                    late_batches_.are_in(chunk->compressed->name, prepared.late))
                    refuse_late_batches(chunk->name);
                decompress(chunk->name);
                if (!chunk->referenced)
                    prepared.decompressed.push_back(chunk->name);
            }
        return;
    }
    if (!any([](const Chunk& chunk) { return !chunk.empty; }))
        return; // as in empty()
    RoleSearchPath path(target_, prepared.plan.triggers == Plan::Triggers::fired);
    if (any([](const Chunk& chunk) { return chunk.compressed.has_value(); })) {
        target_.execute(fmt::format("DELETE FROM {}{}", request.task.target.quoted(), where));
        path.end();
        return;
    }
    target_.execute(fmt::format("DELETE FROM {}{}", request.task.target.quoted(),
                                prepared.late.excepted_from(where)));
    path.end();
    prepared.has_late_rows = std::ranges::any_of(place.overlapping, [&](const auto& chunk) {
        return prepared.late.are_in(target_, chunk, where);
    });
}

void TargetChunks::compress(const QualifiedName& chunk) {
    // Compressing empties the chunk's table, in which deferred foreign keys would look for its
    // rows.
    target_.execute("SET CONSTRAINTS ALL IMMEDIATE");
    lock_against_writers(target_, {chunk}, "EXCLUSIVE", progress_);
    call(target_server_.function("compress_chunk"), chunk);
}

void TargetChunks::decompress(const QualifiedName& chunk) {
    lock_against_writers(target_, {chunk}, "EXCLUSIVE", progress_);
    call(target_server_.function("decompress_chunk"), chunk);
}

void TargetChunks::call(const std::string& function, const QualifiedName& chunk) {
    target_.query(fmt::format("SELECT {}($1::regclass)", function), {chunk.quoted()});
}

} // namespace load
