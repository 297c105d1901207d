#include "load/loader.hpp"

#include "load/locks.hpp"
#include "load/replacement.hpp"
#include "load/skipping.hpp"
#include "load/triggers.hpp"
#include "queue/queue.hpp"
#include "sql.hpp"
#include "timescale/routing.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>

namespace load {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;
using queue::Loaded;
using timescale::Chunk;
using timescale::ChunkColumn;

/// How much of a chunk a worker does at a time, for another: 16 MiB in pages of 8 KiB.
constexpr std::int64_t pages_in_piece = 2048;

constexpr auto late_batches_reason = "the application writes compressed batches to it";

/// " WHERE ..." for a request's rows in a hypertable whose chunks are cut elsewhere.
std::string hypercube_condition(const Request& request) {
    return fmt::format(
        " WHERE {} AND {}",
        timescale::hypercube_filter(request.source_hypertable.dimensions, request.task.slices),
        timescale::row_filter(request.source_hypertable.time, request.task.ranges));
}

/// For a compressed chunk whose batches cannot come as they are after all.
void take_rows_instead(Prepared& prepared, const char* reason) {
    auto& plan = prepared.plan;
    plan.what = Plan::What::rows;
    plan.compress_after = !prepared.target->referenced;
    plan.reason = reason;
}

/// What is in batches cannot be told from late rows once it is decompressed, and rows that stay
/// leave no other way.
[[noreturn]] void refuse_late_batches(const QualifiedName& chunk) {
    throw TaskError(fmt::format(
        "the application writes compressed batches to the target's chunk {}, whose rows stay; turn "
        "off timescaledb.direct_compress, timescaledb.enable_direct_compress_insert and "
        "..._copy there until it is copied",
        chunk.quoted()));
}

/// Rows of the source need not satisfy a constraint that is NOT VALID, but those that are put into
/// a chunk do. \throws TaskError when it is for that.
void look_for_unvalidated(const postgres::SqlError& error, const Request& request) {
    if (const auto* name = request.target_hypertable.triggers.find_unvalidated(error))
        throw TaskError(fmt::format(
            "{} (which is NOT VALID in the target, so that only rows of chunks that can be "
            "attached may violate it; ALTER TABLE {} DROP CONSTRAINT {} there, and add it again, "
            "NOT VALID, when all is copied)",
            error.what(), request.task.target.quoted(), quote_identifier(*name)));
}

} // namespace

postgres::Statement create_chunk_statement(const Request& request) {
    return {"SELECT FROM _timescaledb_functions.create_chunk($1::regclass, $2::jsonb)",
            {request.task.target.quoted(), request.task.slices.text()}};
}

Prepared Loader::prepare(const Request& request) {
    constexpr int most_looks = 5;
    std::vector<Situation> situations{survey_.situation(request)};
    auto& now = situations.front();
    for (int looks = 0; looks < most_looks; ++looks) {
        auto prepared = std::move(survey_.look({request}, situations).front());
        prepared.late = horizon_.late_rows();
        auto& plan = prepared.plan;
        require_possible(prepared);
        switch (plan.into) {
        case Plan::Into::hypertable:
            empty(request, prepared);
            return prepared;
        case Plan::Into::attached_table:
            if (!prepared.target || drop_empty_chunk(builder_(), *prepared.target, progress_))
                return prepared;
            now.attach_obstacle = "the target's empty chunk is in use";
            break;
        case Plan::Into::new_chunk:
            plan.reason = make_chunk(request);
            if (plan.reason.empty())
                break;
            plan.into = Plan::Into::hypertable;
            empty(request, prepared);
            return prepared;
        case Plan::Into::existing_chunk:
            now.attach_obstacle = plan.reason;
            prepared =
                std::move(survey_.look({request}, situations, Survey::Locking::as_writer).front());
            if (prepared.plan.into != Plan::Into::existing_chunk)
                break;
            require_possible(prepared);
            empty(request, prepared);
            return prepared;
        }
    }
    throw postgres::ConcurrentChange("the target's chunk changes all the time");
}

void Loader::require_possible(const Prepared& prepared) const {
    if (!prepared.plan.failure.empty())
        throw TaskError(prepared.plan.failure);
}

/// Deletes what the load is to replace.
void Loader::empty(const Request& request, Prepared& prepared) {
    prepared.late = horizon_.late_rows();
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
    // What becomes rows is not to be mistaken for what was late.
    if (target.compressed && plan.what == Plan::What::rows)
        lock_against_writers(target_, {target.name}, "EXCLUSIVE", progress_);
    // DELETE on the chunk would decompress its batches first; so they are deleted where they are.
    if (target.compressed && request.task.whole && !target.empty && !plan.only_differences)
        target_.execute(fmt::format(
            "DELETE FROM ONLY {}{}", target.compressed->name.quoted(),
            target_server_.compresses_new_rows() ? prepared.late.excepted_from("") : ""));
    const bool late_batches =
        target.compressed && has_late_batches(target.compressed->name, prepared.late);
    // A writer that compresses what it inserts, and waits while its chunk is decompressed, crashes
    // the server (tsl_compressor_init in TimescaleDB's tsl/src/compression/compression.c; seen
    // on 2.29.2).
    const bool stays_compressed =
        target.compressed && (late_batches || request.target_hypertable.may_get_batches());
    if (plan.what != Plan::What::rows &&
        (late_batches || (stays_compressed && plan.decompress_first))) {
        take_rows_instead(prepared, late_batches_reason);
        lock_against_writers(target_, {target.name}, "EXCLUSIVE", progress_);
    }
    const bool becomes_rows = plan.what == Plan::What::rows && target.compressed;
    if (becomes_rows && stays_compressed && plan.only_differences)
        refuse_late_batches(target.name);
    if (becomes_rows && !stays_compressed)
        decompress(target.name);
    // What has come since we looked is late. Where a publication lets nothing be deleted, a DELETE
    // fails even if it finds nothing.
    if ((target.empty && !late_batches) || plan.only_differences)
        return;
    RolesPath path(target_, plan.triggers == Plan::Triggers::fired);
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

/// Deletes what a chunk's own table has in the range.
void Loader::delete_rows(const Request& request, const QualifiedName& chunk, LateRows& late) {
    const auto rows = fmt::format("DELETE FROM ONLY {}{}", chunk.quoted(),
                                  late.excepted_from(request.condition()));
    if (!request.target_hypertable.compression_enabled) {
        target_.execute(rows);
        return;
    }
    // It makes rows of batches that a writer has just written, before it looks for rows to delete.
    // In a savepoint that is over then, for what is loaded is to have another id.
    target_.execute(fmt::format("SAVEPOINT emptying; {} AND NOT {}; RELEASE SAVEPOINT emptying",
                                rows, late.is_ours()));
    if (timescale::is_compressed(target_, chunk))
        late.adopt(late.our_writers(target_, chunk));
}

/// Deletes what a compressed chunk has in the range, and makes rows of what the application has
/// just written into batches. The chunk stays compressed.
void Loader::delete_around_late_batches(const Request& request, Prepared& prepared) {
    const auto& target = prepared.target.value();
    lock_against_writers(target_, {target.name}, "SHARE", progress_);
    // Of a whole chunk, other batches are gone already.
    if (request.task.whole) {
        delete_rows(request, target.name, prepared.late);
        return;
    }
    const auto batches = target.compressed->name.quoted();
    const auto aside = staging_name(request.task.id).quoted();
    const auto late = prepared.late.condition();
    // In a table that is in no publication.
    target_.execute(fmt::format(
        "DROP TABLE IF EXISTS {0}; CREATE UNLOGGED TABLE {0} (LIKE {1});"
        "INSERT INTO {0} SELECT * FROM ONLY {1} WHERE {2}; DELETE FROM ONLY {1} WHERE {2};"
        "DELETE FROM ONLY {3}{4};"
        "INSERT INTO {1} SELECT * FROM {0}; DROP TABLE {0}",
        aside, batches, late, target.name.quoted(),
        prepared.late.excepted_from(request.condition())));
    unpack(target.name, request.condition(), prepared.late);
}

/// Makes rows of a compressed chunk's batches, and has these count as late. The chunk stays
/// compressed. \param where " WHERE ..." for the rows to look for, or nothing for all. \pre writers
/// are kept off.
void Loader::unpack(const QualifiedName& chunk, const std::string& where, LateRows& late) {
    const auto before = late.our_writers(target_, chunk);
    // The savepoint has an id of its own. No row is deleted, but it is looked for, and batches are
    // decompressed for it (decompress_batches_for_update_delete in TimescaleDB's
    // tsl/src/compression/compression_dml.c).
    target_.execute(fmt::format("SAVEPOINT unpacking; DELETE FROM ONLY {}{} xmin::text = ''; "
                                "RELEASE SAVEPOINT unpacking",
                                chunk.quoted(), where.empty() ? " WHERE" : where + " AND"));
    auto writers = late.our_writers(target_, chunk);
    std::erase_if(writers,
                  [&](const auto& xid) { return std::ranges::find(before, xid) != before.end(); });
    late.adopt(writers);
}

/// Whether the application has written batches into a chunk since it was emptied; of others none in
/// the range were left.
bool Loader::has_new_batches(const Request& request, const QualifiedName& chunk,
                             const LateRows& late) {
    if (!request.target_hypertable.compression_enabled || !timescale::is_compressed(target_, chunk))
        return false;
    const auto now = timescale::read_chunk(target_, target_server_, chunk);
    return now && now->compressed && has_late_batches(now->compressed->name, late);
}

/// \param batches the compressed table.
/// \throws TaskError when there are some, and no way to make rows of them.
bool Loader::has_late_batches(const QualifiedName& batches, const LateRows& late) {
    if (!target_server_.compresses_new_rows() || !late.are_in(target_, batches))
        return false;
    // DELETE decompresses nothing, and COPY does not mark the chunk as partial, so that its rows
    // would not be found (seen on 2.21.4, 2.22.1).
    if (!target_server_.routes_copy_into_chunks())
        throw TaskError("the target's chunk was compressed while it was copied, or is written to "
                        "in compressed batches, which cannot be told from old ones before "
                        "TimescaleDB 2.23; run copy again, and turn off "
                        "timescaledb.enable_direct_compress_copy in the application until then");
    return true;
}

/// Makes rows of them.
/// \param where as for unpack.
/// \returns whether there were any.
bool Loader::unpack_new_batches(const Request& request, const QualifiedName& chunk,
                                const std::string& where, LateRows& late) {
    if (!has_new_batches(request, chunk, late))
        return false;
    lock_against_writers(target_, {chunk}, "SHARE", progress_);
    unpack(chunk, where, late);
    return true;
}

/// Where the target cuts its chunks elsewhere.
void Loader::empty_hypercube(const Request& request, Prepared& prepared) {
    const auto place = timescale::find_place(target_, {request.task.target, request.task.slices});
    if (!place.is_free())
        horizon_.let_writers_finish(progress_);
    if (request.alone)
        lock_against_writers(target_, place.overlapping, "EXCLUSIVE", progress_);
    suspend_triggers(target_, request, prepared, progress_);
    const auto where = hypercube_condition(request);
    // Deleting from batches writes rows that the chunk of another task is to replace.
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
        // Where a publication keeps them, it does not let them be updated, either.
        if (triggers.of_updates && prepared.plan.triggers == Plan::Triggers::none &&
            any([](const Chunk& chunk) { return chunk.referenced; }))
            throw TaskError(failure_to_suspend(
                triggers, "they go through the hypertable, and rows of it are updated"));
        for (const auto& chunk : chunks)
            if (chunk && chunk->compressed) {
                lock_against_writers(target_, {chunk->name}, "EXCLUSIVE", progress_);
                // as in empty()
                if (request.target_hypertable.may_get_batches() ||
                    has_late_batches(chunk->compressed->name, prepared.late))
                    refuse_late_batches(chunk->name);
                decompress(chunk->name);
                if (!chunk->referenced)
                    prepared.decompressed.push_back(chunk->name);
            }
        return;
    }
    if (!any([](const Chunk& chunk) { return !chunk.empty; }))
        return; // as in empty()
    RolesPath path(target_, prepared.plan.triggers == Plan::Triggers::fired);
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

/// Makes the chunk that is missing, empty, in a transaction of its own that is short because it
/// holds a lock on the hypertable.
/// \returns why nothing was made, so that the rows must go through the hypertable; empty when the
/// chunk is there.
std::string Loader::make_chunk(const Request& request) {
    if (!target_server_.community)
        return create_chunk_by_inserting(request);
    try {
        create_chunk(request);
    } catch (const postgres::SqlError& error) {
        // A row that another worker or the application has just inserted made another one there:
        // to be looked at.
        if (error.sqlstate() != timescale::chunk_collision)
            throw;
    }
    return {};
}

void Loader::create_chunk(const Request& request) {
    postgres::Transaction(builder_(),
                          {{"BEGIN"}, {lock_to_make_chunk}, create_chunk_statement(request)})
        .commit();
}

/// The Apache edition makes chunks only for rows that come: let the first one make it, and take
/// it out again before anyone sees it. That one only: another worker, or the application, may
/// have made the chunk in the meantime, and filled it.
std::string Loader::create_chunk_by_inserting(const Request& request) {
    // The row is not the one that they are to fire for, if they are.
    const auto& triggers = request.target_hypertable.triggers;
    if (triggers.has_any() && !triggers.can_be_replica())
        return "triggers would fire for a row more";
    const auto filter = timescale::row_filter(request.source_hypertable.time, request.task.ranges);
    auto& builder = builder_();
    postgres::Transaction transaction(builder, fmt::format("BEGIN; {}", lock_to_make_chunk));
    if (triggers.has_any())
        be_replica(builder);
    timescale::route_exactly(builder, request.target_hypertable);
    try {
        const auto loaded = copy(
            copy_shape(request.chunk.columns, chunk_columns(request.target_hypertable), encoding_),
            fmt::format("{} WHERE {} LIMIT 1", request.chunk.name.quoted(), filter), builder,
            request.task.target);
        if (loaded.rows == 0)
            return "there are no rows to make a chunk for";
    } catch (const postgres::SqlError& error) {
        if (error.says_gone() &&
            !timescale::read_chunk(source_, source_server_, request.chunk.name))
            throw postgres::ConcurrentChange("the chunk was dropped from the source just now");
        look_for_unvalidated(error, request);
        throw;
    }
    const auto place = timescale::find_place(builder, {request.task.target, request.task.slices});
    if (!place.same)
        return "the target cuts new chunks elsewhere";
    const auto made = timescale::read_chunk(builder, target_server_, *place.same);
    // There may be rows that reference what is yet to come, by a key that is not valid.
    if (made && made->referenced)
        return "foreign keys reference its rows";
    if (made && made->refuses_deletes)
        return "a publication keeps rows from being deleted";
    builder.execute(fmt::format("DELETE FROM ONLY {} WHERE xmin = pg_current_xact_id()::xid",
                                place.same->quoted()));
    transaction.commit();
    return {};
}

Loaded Loader::load(const Request& request, Prepared& prepared) {
    const auto& triggers = request.target_hypertable.triggers;
    try {
        const auto loaded = load_as_planned(request, prepared);
        // So that those that are deferred fail here, where it is told which is NOT VALID.
        if (!triggers.unvalidated_foreign_keys.empty())
            target_.execute("SET CONSTRAINTS ALL IMMEDIATE");
        return loaded;
    } catch (const postgres::SqlError& error) {
        look_for_unvalidated(error, request);
        throw;
    }
}

Loaded Loader::load_as_planned(const Request& request, Prepared& prepared) {
    check_partitions(source_, source_server_, target_server_, request);
    auto& plan = prepared.plan;
    if (plan.into == Plan::Into::attached_table)
        return load_and_attach(request, prepared);
    timescale::route_exactly(target_, request.target_hypertable);
    if (plan.into == Plan::Into::hypertable)
        return load_through_hypertable(request, prepared);

    const auto& target = prepared.target.value();
    // Batches would be taken as they are, with columns that only one side has: refuse those.
    copy_shape(request.chunk.columns, target.columns, encoding_);
    std::optional<Loaded> loaded;
    const auto was_to_be = plan.what;
    if (plan.what == Plan::What::batches_into_present)
        loaded = load_batches_into_present(request, prepared);
    else if (plan.what == Plan::What::batches)
        loaded = load_batches_anew(request, prepared);
    if (!loaded) {
        if (was_to_be != Plan::What::rows &&
            !unpack_new_batches(request, target.name, request.condition(), prepared.late) &&
            timescale::is_compressed(target_, target.name))
            decompress(target.name);
        loaded = load_rows(request, prepared);
    }
    resume_triggers(target_, request, prepared);
    if (plan.triggers == Plan::Triggers::replica)
        check_foreign_keys(target_, request.target_hypertable, target.name, request.condition());
    target_.execute("ANALYZE " + target.name.quoted());
    return *loaded;
}

Loaded Loader::load_and_attach(const Request& request, Prepared& prepared) {
    auto& builder = builder_();
    auto shape =
        timescale::read_staging_shape(builder, request.task.target, staging_name(request.task.id));
    if (!shape)
        throw TaskError("its hypertable is gone from the target");
    auto& staging = staging_.emplace(builder, target_server_, request.task, std::move(*shape));
    const auto columns =
        copy_shape(request.chunk.columns, chunk_columns(request.target_hypertable), encoding_);
    staging.create();
    Loaded loaded;
    const bool shared = is_worth_sharing(request);
    if (shared) {
        staging.publish();
        loaded = load_in_pieces(request, columns, staging.name());
    } else {
        loaded = copy(columns, request.rows(), builder, staging.name(), ", FREEZE");
    }
    progress_.now(Step::indexing);
    staging.build(shared ? helpers_.size() : 1, progress_);
    progress_.now(Step::attaching);
    if (staging.attach(target_, progress_))
        return loaded;
    insert_instead(request, prepared, columns);
    return loaded;
}

/// Inserts what was loaded into a table that cannot be attached: a writer's late row made a chunk
/// there meanwhile, which stays.
void Loader::insert_instead(const Request& request, Prepared& prepared, const CopyShape& columns) {
    const auto& triggers = request.target_hypertable.triggers;
    const bool as_replica = triggers.has_any() && triggers.can_be_replica();
    // Another attempt finds that chunk, and what it takes to have its triggers not fire.
    if (triggers.has_any() && !as_replica)
        throw postgres::ConcurrentChange("a row of the application has made a chunk there");
    if (as_replica)
        be_replica(target_);
    set_direct_compress(target_, request.target_hypertable, false);
    insert_staged(columns, staging_->name(), request.task.target);
    set_direct_compress(target_, request.target_hypertable, true);
    if (as_replica)
        be_origin(target_);
    resolve_overlap(request, prepared, as_replica);
}

/// Inserts what was loaded into a table. Where a key finds that a row is there already, its writer
/// was first.
void Loader::insert_staged(const CopyShape& columns, const QualifiedName& staging,
                           const QualifiedName& to) {
    target_.execute(fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} "
                                "ON CONFLICT DO NOTHING",
                                to.quoted(), columns.columns, columns.columns, staging.quoted()));
}

/// The target's chunks that rows may have gone into.
/// \param as_replica so that nobody has checked their foreign keys.
/// \param replaced those that load_differences() has filled.
void Loader::resolve_overlap(const Request& request, Prepared& prepared, bool as_replica,
                             const std::vector<QualifiedName>& replaced) {
    const auto where = hypercube_condition(request);
    for (const auto& chunk :
         timescale::find_place(target_, {request.task.target, request.task.slices}).overlapping) {
        if (std::ranges::find(replaced, chunk) == replaced.end()) {
            // Those of before that are in the range were made rows of, and deleted.
            unpack_new_batches(request, chunk, where, prepared.late);
            remove_doubles(request, prepared, chunk, where);
        } else if (has_new_batches(request, chunk, prepared.late)) {
            refuse_late_batches(chunk);
        }
        if (as_replica)
            check_foreign_keys(target_, request.target_hypertable, chunk, where);
        target_.execute("ANALYZE " + chunk.quoted());
    }
}

void Loader::remove_doubles(const Request& request, const Prepared& prepared,
                            const QualifiedName& chunk, const std::string& where) {
    try {
        load::remove_doubles(target_, chunk, request.target_hypertable.time.column, where,
                             prepared.late);
    } catch (const postgres::SqlError& error) {
        if (!publication_refuses(error))
            throw;
        // Next time they are there when we begin, and what is the same is not loaded.
        throw postgres::ConcurrentChange(error.what());
    }
}

/// Whether the chunk would keep one worker busy when the others have nothing left to do.
bool Loader::is_worth_sharing(const Request& request) {
    return helpers_.size() > 1 && !request.source_hypertable.plain &&
           request.task.bytes >= least_to_share &&
           request.task.bytes > queue::count(target_).bytes_to_do / helpers_.size();
}

/// Reads the chunk piece by piece, by the places of its rows, all under one snapshot.
Loaded Loader::load_in_pieces(const Request& request, const CopyShape& columns,
                              const QualifiedName& staging) {
    const auto snapshot =
        source_.query("SELECT pg_export_snapshot() AS snapshot").string(0, "snapshot");
    std::mutex mutex;
    Loaded loaded;
    std::vector<WorkItem> pieces;
    for (std::int64_t page = 0; page < request.chunk.pages; page += pages_in_piece) {
        // Nothing is added to what the snapshot sees; the last one has no end for clarity's sake.
        const bool last = page + pages_in_piece >= request.chunk.pages;
        const auto from =
            fmt::format("ONLY {} WHERE ctid >= '({},0)'{}", request.chunk.name.quoted(), page,
                        last ? "" : fmt::format(" AND ctid < '({},0)'", page + pages_in_piece));
        pieces.emplace_back([&, from](HelperConnections& connections) {
            std::optional<postgres::Transaction> reading;
            if (!connections.is_owner)
                connections.progress.now(Step::helping);
            if (!connections.is_owner)
                reading.emplace(connections.source,
                                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                                "SET TRANSACTION SNAPSHOT " +
                                    postgres::quote_literal(snapshot));
            const auto count =
                postgres::copy_between(connections.source, copy_to_stdout(columns, from),
                                       connections.target, copy_from_stdin(columns, staging),
                                       [&](auto bytes) { connections.progress.moved(bytes); });
            const std::lock_guard lock(mutex);
            loaded += {.rows = count.rows, .batches = 0, .bytes = count.bytes};
        });
    }
    HelperConnections own{
        .source = source_, .target = builder_(), .is_owner = true, .progress = progress_};
    helpers_.share(std::move(pieces), own);
    return loaded;
}

void Loader::committed() {
    if (staging_)
        staging_->committed();
}

/// What COPY is to name so that rows go into the chunk's own table. Where a chunk of the very same
/// slices is there and locked, the hypertable routes every row to it.
const QualifiedName& Loader::heap_of(const Request& request, const Prepared& prepared) const {
    const auto& plan = prepared.plan;
    // Triggers for statements are the hypertable's.
    const bool names_hypertable =
        target_server_.routes_copy_into_chunks() || plan.triggers == Plan::Triggers::fired;
    return names_hypertable && !plan.names_chunk ? request.task.target : prepared.target->name;
}

Loaded Loader::load_rows(const Request& request, Prepared& prepared) {
    const auto& target = prepared.target.value();
    const auto shape = copy_shape(request.chunk.columns, target.columns, encoding_);
    const auto loaded =
        prepared.plan.only_differences
            ? load_differences(request, prepared, shape, {target.name}, request.condition())
            : copy_rows(request, prepared, shape, request.rows(), heap_of(request, prepared));
    if (!prepared.plan.only_differences) {
        unpack_new_batches(request, target.name, request.condition(), prepared.late);
        remove_doubles(request, prepared, target.name, request.condition());
    } else if (has_new_batches(request, target.name, prepared.late)) {
        refuse_late_batches(target.name);
    }
    if (prepared.plan.compress_after)
        compress(target.name);
    return loaded;
}

Loaded Loader::copy_rows(const Request& request, const Prepared& prepared, const CopyShape& columns,
                         const std::string& from, const QualifiedName& to) {
    // A writer may wait for a key of ours while we wait for one of its: it is not to be the one
    // whom the server picks to fail.
    const bool may_wait_for_keys = !request.target_hypertable.key.empty();
    if (may_wait_for_keys)
        target_.execute(lock_briefly);
    set_direct_compress(target_, request.target_hypertable, false);
    RolesPath path(target_, prepared.plan.triggers == Plan::Triggers::fired);
    const auto loaded =
        prepared.has_late_rows
            ? load_around_late_rows(request, columns, from,
                                    prepared.plan.names_chunk ? to : request.task.target)
            : copy(columns, from, target_, to);
    path.end();
    set_direct_compress(target_, request.target_hypertable, true);
    if (may_wait_for_keys)
        target_.execute(lock_patiently);
    return loaded;
}

/// COPY would fail where the source has a row of the same key as one that the application has just
/// written.
Loaded Loader::load_around_late_rows(const Request& request, const CopyShape& columns,
                                     const std::string& from, const QualifiedName& to) {
    const auto loaded = stage_rows(request, columns, from);
    insert_staged(columns, staging_name(request.task.id), to);
    drop_staging_table(target_, request.task.id);
    return loaded;
}

/// Into a table that is in no publication, and no longer there when the transaction ends.
Loaded Loader::stage_rows(const Request& request, const CopyShape& columns,
                          const std::string& from) {
    const auto staging = staging_name(request.task.id);
    target_.execute(fmt::format("DROP TABLE IF EXISTS {0}; CREATE UNLOGGED TABLE {0} (LIKE {1})",
                                staging.quoted(), request.task.target.quoted()));
    return copy(columns, from, target_, staging, ", FREEZE");
}

/// Leaves alone what the target has as the source has it: deleting it would reach others' tables by
/// foreign keys, or is refused.
/// \param chunks that have the rows to replace, \param where they are.
Loaded Loader::load_differences(const Request& request, const Prepared& prepared,
                                const CopyShape& columns, const std::vector<QualifiedName>& chunks,
                                const std::string& where) {
    RolesPath path(target_, prepared.plan.triggers == Plan::Triggers::fired);
    const auto loaded = stage_rows(request, columns, request.rows());
    target_.execute(lock_briefly); // as copy_rows
    set_direct_compress(target_, request.target_hypertable, false);
    replace_rows(target_,
                 {.hypertable = prepared.plan.names_chunk ? chunks.front() : request.task.target,
                  .chunks = chunks,
                  .where = where,
                  .staging = staging_name(request.task.id),
                  .late = prepared.late});
    set_direct_compress(target_, request.target_hypertable, true);
    target_.execute(lock_patiently);
    path.end();
    drop_staging_table(target_, request.task.id);
    return loaded;
}

/// \returns nothing, with nothing changed but the plan, when the application has written batches
/// meanwhile.
std::optional<Loaded> Loader::load_batches_into_present(const Request& request,
                                                        Prepared& prepared) {
    const auto& target = prepared.target.value();
    const auto& compressed = target.compressed.value();
    target_.execute("SAVEPOINT batches");
    // Through the hypertable, which marks the chunk as partial; and before the batches, which
    // would have to be searched for duplicates.
    auto loaded = load_partial_rows(request, prepared, request.task.target);
    target_.execute("SAVEPOINT before_batches");
    Loaded batches;
    do {
        batches = copy_batches(*request.chunk.compressed, compressed.name, compressed.columns);
        lock_against_writers(target_, {target.name}, "SHARE", progress_);
        if (has_late_batches(compressed.name, prepared.late)) {
            target_.execute("ROLLBACK TO SAVEPOINT batches");
            take_rows_instead(prepared, late_batches_reason);
            return std::nullopt;
        }
    } while (take_back_for_late_rows(request, prepared));
    set_sizes(request, target, compressed);
    loaded += batches;
    target_.execute("ANALYZE " + compressed.name.quoted());
    return loaded;
}

/// \returns nothing, with nothing changed but the plan, when the target would read the batches by
/// other settings than the source: what a hypertable leaves open is decided when a chunk is
/// compressed; or when the application has written batches meanwhile.
std::optional<Loaded> Loader::load_batches_anew(const Request& request, Prepared& prepared) {
    const auto& source = *request.chunk.compressed;
    const auto& target = prepared.target.value();
    target_.execute("SAVEPOINT batches");
    // The long part first, into a table that nobody else can see; then the locks.
    const auto table = create_table_like(source, target.batches_schema, request.task);
    auto loaded = copy_batches(source, table, source.columns, ", FREEZE");
    for (const auto& index : source.indexes)
        target_.execute(fmt::format("CREATE INDEX ON {} {}", table.quoted(), index));
    target_.execute("ANALYZE " + table.quoted());

    if (prepared.plan.decompress_first)
        decompress(target.name);
    loaded += load_partial_rows(request, prepared, heap_of(request, prepared));
    // create_compressed_chunk marks the chunk as partial when it finds rows in it, and it looks
    // with a snapshot taken before it has its lock: rows that a writer commits while it waits
    // would be missed, and never be read again. So take the lock in a statement of its own.
    lock_against_writers(target_, {target.name}, "SHARE", progress_);
    const auto as_rows = [&](const char* reason) {
        target_.execute("ROLLBACK TO SAVEPOINT batches");
        take_rows_instead(prepared, reason);
        return std::nullopt;
    };
    if (timescale::is_compressed(target_, target.name))
        return as_rows(late_batches_reason);
    target_.execute("SAVEPOINT before_batches");
    do {
        attach_batches(target.name, table, source.sizes);
    } while (take_back_for_late_rows(request, prepared));
    const auto made = timescale::read_chunk(target_, target_server_, target.name);
    if (!made || !made->compressed || made->compressed->settings != source.settings)
        return as_rows("the target gives new chunks other compression settings");
    set_sizes(request, *made, *made->compressed);
    carry_ranges(target_, request.chunk, target.name);
    return loaded;
}

/// Those rows of a compressed chunk that are in none of its batches.
Loaded Loader::load_partial_rows(const Request& request, const Prepared& prepared,
                                 const QualifiedName& to) {
    if (!request.chunk.is_partial())
        return {};
    const auto& target = prepared.target.value();
    const auto loaded =
        copy_rows(request, prepared, copy_shape(request.chunk.columns, target.columns, encoding_),
                  "ONLY " + request.chunk.name.quoted(), to);
    remove_doubles(request, prepared, target.name, request.condition());
    return loaded;
}

/// Removes late rows that the batches have as well: they may have been compressed in the source
/// since, or be old ones that were written once more, while the target had none. Deleting from a
/// compressed chunk would take rows out of its batches; so those are taken back for it.
/// \pre writers are kept off the chunk, which has the batches since the savepoint.
/// \returns false, with nothing changed, when there are no such rows.
bool Loader::take_back_for_late_rows(const Request& request, const Prepared& prepared) {
    const auto& target = prepared.target.value();
    if (!prepared.late.are_in(target_, target.name))
        return false;
    auto same = request.target_hypertable.key;
    if (same.empty())
        for (const auto& column : target.columns)
            same.push_back(column.name);
    const auto places = late_rows_in_batches(
        target_, target.name, request.target_hypertable.time.column, same, prepared.late);
    if (places == "{}")
        return false;
    // As rows, in another attempt, for now the chunk is not empty.
    if (target.referenced || target.refuses_deletes)
        throw postgres::ConcurrentChange("the application has just written rows to its chunk");
    target_.execute("ROLLBACK TO SAVEPOINT before_batches");
    lock_against_writers(target_, {target.name}, "SHARE", progress_);
    target_.execute(fmt::format("DELETE FROM ONLY {} WHERE ctid = ANY ({}::tid[]); "
                                "SAVEPOINT before_batches",
                                target.name.quoted(), postgres::quote_literal(places)));
    return true;
}

QualifiedName Loader::create_table_like(const Chunk::Compressed& like, const std::string& schema,
                                        const queue::Task& task) {
    // It will stay under this name as the chunk's compressed table, so the name must be free for
    // good: no transaction id comes twice.
    const auto id = target_.query("SELECT pg_current_xact_id()::text AS id").string(0, "id");
    QualifiedName table{schema, fmt::format("compress_backfill_{}_{}_chunk", task.id, id)};

    std::vector<std::string> columns;
    std::vector<std::string> changes;
    for (const auto& column : like.columns) {
        columns.push_back(fmt::format("{} {}{}", quote_identifier(column.name), column.type,
                                      column.collation ? " COLLATE " + *column.collation : ""));
        const auto name = quote_identifier(column.name);
        const auto* storage = column.storage == "p"   ? "PLAIN"
                              : column.storage == "e" ? "EXTERNAL"
                              : column.storage == "m" ? "MAIN"
                                                      : "EXTENDED";
        changes.push_back(fmt::format("ALTER {} SET STORAGE {}", name, storage));
        if (column.statistics)
            changes.push_back(fmt::format("ALTER {} SET STATISTICS {}", name, *column.statistics));
    }
    target_.execute(fmt::format("CREATE TABLE {} ({}) {}", table.quoted(), fmt::join(columns, ", "),
                                like.options.empty() ? "" : "WITH (" + like.options + ")"));
    target_.execute(fmt::format("ALTER TABLE {} {}", table.quoted(), fmt::join(changes, ", ")));
    // Changing the hypertable changes it as well, for which its owner has to be the same.
    const auto rows = target_.pipeline({timescale::owner_statement(task.target, table)});
    if (!rows.front().is_null(0, "statements"))
        target_.execute(rows.front().string(0, "statements"));
    return table;
}

/// Makes a table the chunk's compressed one. Numbers of rows that are not known are counted.
/// \param sizes as Chunk::Compressed has them.
void Loader::attach_batches(const QualifiedName& chunk, const QualifiedName& table,
                            const std::vector<std::optional<std::int64_t>>& sizes) {
    std::vector<std::string> arguments(6, "0");
    arguments.push_back(fmt::format(
        "(SELECT coalesce(sum(_ts_meta_count), 0)::bigint FROM ONLY {})", table.quoted()));
    arguments.push_back(fmt::format("(SELECT count(*) FROM ONLY {})", table.quoted()));
    for (std::size_t i = 0; i < std::min(arguments.size(), sizes.size()); ++i)
        if (sizes[i])
            arguments[i] = std::to_string(*sizes[i]);
    target_.execute(fmt::format(
        "SELECT _timescaledb_functions.create_compressed_chunk({}::regclass, {}::regclass, {})",
        postgres::quote_literal(chunk.quoted()), postgres::quote_literal(table.quoted()),
        fmt::join(arguments, ", ")));
}

/// Has the target's chunk have the source's statistics, as far as the role may change them.
/// \param compressed of the target.
void Loader::set_sizes(const Request& request, const Chunk& target,
                       const Chunk::Compressed& compressed) {
    const auto& sizes = request.chunk.compressed->sizes;
    if (!target.may_set_sizes || sizes == compressed.sizes)
        return;
    std::vector<std::string> values;
    for (const auto& size : sizes)
        values.push_back(size ? std::to_string(*size) : "NULL");
    target_.query(sql::set_compression_sizes,
                  {target.name.quoted(),
                   sizes.empty() ? std::nullopt
                                 : std::optional(fmt::format("{{{}}}", fmt::join(values, ",")))});
}

Loaded Loader::load_through_hypertable(const Request& request, Prepared& prepared) {
    const auto columns =
        copy_shape(request.chunk.columns, chunk_columns(request.target_hypertable), encoding_);
    Loaded loaded;
    std::vector<QualifiedName> replaced;
    if (prepared.plan.only_differences) {
        replaced =
            timescale::find_place(target_, {request.task.target, request.task.slices}).overlapping;
        loaded =
            load_differences(request, prepared, columns, replaced, hypercube_condition(request));
    } else {
        loaded = copy_rows(request, prepared, columns, request.rows(), request.task.target);
    }
    resume_triggers(target_, request, prepared);
    resolve_overlap(request, prepared, prepared.plan.triggers == Plan::Triggers::replica, replaced);
    for (const auto& chunk : prepared.decompressed)
        compress(chunk);
    return loaded;
}

Loaded Loader::copy(const CopyShape& shape, const std::string& from, postgres::Connection& target,
                    const QualifiedName& to, const std::string& options) {
    const auto count = postgres::copy_between(source_, copy_to_stdout(shape, from), target,
                                              copy_from_stdin(shape, to, options),
                                              [&](auto bytes) { progress_.moved(bytes); });
    return {.rows = count.rows, .batches = 0, .bytes = count.bytes};
}

/// The columns of a compressed table, with NULL for the values that are all NULL: those are nothing
/// but a header (NullCompressed in tsl/src/compression/algorithms/null.c). Both mean the same where
/// no column was added when there were rows (Chunk::missing).
std::string without_null_batches(const std::vector<ChunkColumn>& columns) {
    constexpr int header_bytes = 5;
    std::vector<std::string> values;
    for (const auto& column : columns) {
        const auto name = postgres::quote_identifier(column.name);
        values.push_back(column.type == "_timescaledb_internal.compressed_data"
                             ? fmt::format("CASE WHEN pg_column_size({0}) > {1} THEN {0} END", name,
                                           header_bytes)
                             : name);
    }
    return fmt::format("{}", fmt::join(values, ", "));
}

/// The source's compressed table into one of the same columns.
Loaded Loader::copy_batches(const Chunk::Compressed& source, const QualifiedName& to,
                            const std::vector<ChunkColumn>& target_columns,
                            const std::string& options) {
    auto shape = copy_shape(source.columns, target_columns, encoding_);
    if (!target_server_.takes_null_batches())
        shape.values = without_null_batches(target_columns); // in the order of shape.columns
    const auto copied = copy(shape, "ONLY " + source.name.quoted(), target_, to, options);
    return {.rows = 0, .batches = copied.rows, .bytes = copied.bytes};
}

void Loader::compress(const QualifiedName& chunk) {
    // Compressing empties the chunk's table, in which deferred foreign keys would look for its
    // rows.
    target_.execute("SET CONSTRAINTS ALL IMMEDIATE");
    lock_against_writers(target_, {chunk}, "EXCLUSIVE", progress_);
    call(target_server_.function("compress_chunk"), chunk);
}

void Loader::decompress(const QualifiedName& chunk) {
    lock_against_writers(target_, {chunk}, "EXCLUSIVE", progress_);
    call(target_server_.function("decompress_chunk"), chunk);
}

void Loader::call(const std::string& function, const QualifiedName& chunk) {
    target_.query(fmt::format("SELECT {}($1::regclass)", function), {chunk.quoted()});
}

} // namespace load
