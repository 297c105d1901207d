#include "load/loader.hpp"

#include "tasks/queue.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>

namespace load {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;
using tasks::Loaded;
using timescale::Chunk;
using timescale::ChunkColumn;

/// How much of a chunk a worker does at a time, for another: 16 MiB in pages of 8 KiB.
constexpr std::int64_t pages_in_piece = 2048;

} // namespace

postgres::Statement create_chunk_statement(const Job& job) {
    return {"SELECT FROM _timescaledb_functions.create_chunk($1::regclass, $2::jsonb)",
            {job.task.target.quoted(), job.task.slices}};
}

Prepared Loader::prepare(const Job& job) {
    constexpr int most_looks = 5;
    std::vector<Situation> situations{survey_.situation(job)};
    auto& now = situations.front();
    for (int looks = 0; looks < most_looks; ++looks) {
        auto prepared = std::move(survey_.look({job}, situations).front());
        auto& plan = prepared.plan;
        switch (plan.into) {
        case Plan::Into::hypertable:
            empty(job, prepared);
            return prepared;
        case Plan::Into::attached_table:
            if (!prepared.target || drop_empty_chunk(builder_(), *prepared.target, check_))
                return prepared;
            now.attach_obstacle = "the target's empty chunk is in use";
            break;
        case Plan::Into::new_chunk:
            if (make_chunk(job))
                break;
            plan.into = Plan::Into::hypertable;
            plan.reason = "the target cuts new chunks elsewhere";
            empty(job, prepared);
            return prepared;
        case Plan::Into::existing_chunk:
            now.attach_obstacle = plan.reason;
            prepared =
                std::move(survey_.look({job}, situations, Survey::Locking::as_writer).front());
            if (prepared.plan.into != Plan::Into::existing_chunk)
                break;
            empty(job, prepared);
            return prepared;
        }
    }
    throw postgres::SqlError("40001", "the target's chunk changes all the time");
}

/// Deletes what the load is to replace.
void Loader::empty(const Job& job, const Prepared& prepared) {
    const auto& plan = prepared.plan;
    if (plan.into == Plan::Into::hypertable) {
        target_.execute(fmt::format(
            "DELETE FROM {} WHERE {} AND {}", job.task.target.quoted(),
            timescale::hypercube_filter(job.source_hypertable.dimensions, job.task.slices),
            timescale::row_filter(job.source_hypertable.time, job.task.ranges)));
        return;
    }
    const auto& target = prepared.target.value();
    // Taking the trigger off locks the chunk until the commit; there is no other way for its
    // owner, for DISABLE TRIGGER is refused on chunks.
    if (target.invalidation_trigger)
        target_.execute("DROP TRIGGER ts_cagg_invalidation_trigger ON " + target.name.quoted());
    // DELETE on the chunk would decompress its batches first; so they are deleted where they are.
    if (target.compressed && job.task.whole)
        target_.execute("DELETE FROM ONLY " + target.compressed->name.quoted());
    if (plan.what == Plan::What::rows && plan.decompress_first)
        call(target_server_.function("decompress_chunk"), target.name);
    target_.execute("DELETE FROM ONLY " + target.name.quoted() + job.condition());
}

/// Makes the chunk that is missing, empty, in a transaction of its own that is short because it
/// holds a lock on the hypertable.
/// \returns false when the target cuts it elsewhere, so that nothing was made: the rows must go
/// through the hypertable.
bool Loader::make_chunk(const Job& job) {
    if (!target_server_.community)
        return create_chunk_by_inserting(job);
    create_chunk(job);
    return true;
}

void Loader::create_chunk(const Job& job) {
    postgres::Transaction(builder_(),
                          {{"BEGIN"}, {lock_to_make_chunk}, create_chunk_statement(job)})
        .commit();
}

/// The Apache edition makes chunks only for rows that come: let the first one make it, and take
/// it out again before anyone sees it. That one only: another worker, or the application, may
/// have made the chunk in the meantime, and filled it.
bool Loader::create_chunk_by_inserting(const Job& job) {
    const auto filter = timescale::row_filter(job.source_hypertable.time, job.task.ranges);
    auto& builder = builder_();
    postgres::Transaction transaction(builder, fmt::format("BEGIN; {}", lock_to_make_chunk));
    const auto loaded = copy(copy_shape(job.chunk.columns, chunk_columns(job.target_hypertable)),
                             fmt::format("{} WHERE {} LIMIT 1", job.chunk.name.quoted(), filter),
                             builder, job.task.target);
    if (loaded.rows == 0)
        return false; // nothing to load, so nothing to make
    const auto place = timescale::find_place(builder, {job.task.target, job.task.slices});
    if (!place.same)
        return false;
    builder.execute(fmt::format("DELETE FROM ONLY {} WHERE xmin = pg_current_xact_id()::xid",
                                place.same->quoted()));
    transaction.commit();
    return true;
}

Loaded Loader::load(const Job& job, Prepared& prepared) {
    auto& plan = prepared.plan;
    if (plan.into == Plan::Into::attached_table)
        return load_and_attach(job);
    if (plan.into == Plan::Into::hypertable)
        return load_through_hypertable(job);

    const auto& target = prepared.target.value();
    std::optional<Loaded> loaded;
    if (plan.what == Plan::What::batches_into_present)
        loaded = load_batches_into_present(job, target);
    else if (plan.what == Plan::What::batches)
        loaded = load_batches_anew(job, plan, target);
    if (!loaded) {
        if (plan.what == Plan::What::batches) {
            if (plan.decompress_first)
                call(target_server_.function("decompress_chunk"), target.name);
            plan = {.into = Plan::Into::existing_chunk,
                    .what = Plan::What::rows,
                    .decompress_first = plan.decompress_first,
                    .compress_after = true,
                    .reason = "the target gives new chunks other compression settings"};
        }
        loaded = load_rows(job, plan, target);
    }
    if (target.invalidation_trigger)
        target_.execute(*target.invalidation_trigger);
    target_.execute("ANALYZE " + target.name.quoted());
    return *loaded;
}

Loaded Loader::load_and_attach(const Job& job) {
    auto& builder = builder_();
    auto shape = timescale::read_staging_shape(builder, job.task.target, staging_name(job.task));
    if (!shape)
        throw TaskError("its hypertable is gone from the target");
    auto& staging = staging_.emplace(builder, target_server_, job.task, std::move(*shape));
    const auto columns = copy_shape(job.chunk.columns, chunk_columns(job.target_hypertable));
    staging.create();
    Loaded loaded;
    const bool shared = is_worth_sharing(job);
    if (shared) {
        staging.publish();
        loaded = load_in_pieces(job, columns, staging.name());
    } else {
        loaded =
            copy(columns, "ONLY " + job.chunk.name.quoted(), builder, staging.name(), ", FREEZE");
    }
    staging.build(shared ? crew_.size() : 1, check_);
    if (staging.attach(target_, check_))
        return loaded;
    // A writer's late row made a chunk there meanwhile, which stays; if it is one that we have,
    // too, the writer was first.
    target_.execute(fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} "
                                "ON CONFLICT DO NOTHING",
                                job.task.target.quoted(), columns.columns, columns.columns,
                                staging.name().quoted()));
    analyze_overlapping(job);
    return loaded;
}

/// The target's chunks that rows may have gone into.
void Loader::analyze_overlapping(const Job& job) {
    for (const auto& chunk :
         timescale::find_place(target_, {job.task.target, job.task.slices}).overlapping)
        target_.execute("ANALYZE " + chunk.quoted());
}

/// Whether the chunk would keep one worker busy when the others have nothing left to do.
bool Loader::is_worth_sharing(const Job& job) {
    return crew_.size() > 1 && job.task.bytes >= least_to_share &&
           job.task.bytes > tasks::count(target_).bytes_to_do / crew_.size();
}

/// Reads the chunk piece by piece, by the places of its rows, all under one snapshot.
Loaded Loader::load_in_pieces(const Job& job, const CopyShape& columns,
                              const QualifiedName& staging) {
    const auto snapshot =
        source_.query("SELECT pg_export_snapshot() AS snapshot").string(0, "snapshot");
    std::mutex mutex;
    Loaded loaded;
    std::vector<Piece> pieces;
    for (std::int64_t page = 0; page < job.chunk.pages; page += pages_in_piece) {
        // Nothing is added to what the snapshot sees; the last one has no end for clarity's sake.
        const bool last = page + pages_in_piece >= job.chunk.pages;
        const auto from =
            fmt::format("ONLY {} WHERE ctid >= '({},0)'{}", job.chunk.name.quoted(), page,
                        last ? "" : fmt::format(" AND ctid < '({},0)'", page + pages_in_piece));
        pieces.emplace_back([&, from](Hands& hands) {
            std::optional<postgres::Transaction> reading;
            if (!hands.is_owner)
                reading.emplace(hands.source, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                                              "SET TRANSACTION SNAPSHOT " +
                                                  postgres::quote_literal(snapshot));
            const auto count =
                postgres::copy_between(hands.source, copy_to_stdout(columns, from), hands.target,
                                       copy_from_stdin(columns, staging), hands.check);
            const std::lock_guard lock(mutex);
            loaded += {.rows = count.rows, .batches = 0, .bytes = count.bytes};
        });
    }
    Hands own{.source = source_, .target = builder_(), .is_owner = true, .check = check_};
    crew_.share(std::move(pieces), own);
    return loaded;
}

void Loader::committed() {
    if (staging_)
        staging_->committed();
}

/// What COPY is to name so that rows go into the chunk's own table. Where a chunk of the very same
/// slices is there and locked, the hypertable routes every row to it.
const QualifiedName& Loader::heap_of(const Job& job, const Chunk& target) const {
    return target_server_.routes_copy_into_chunks() ? job.task.target : target.name;
}

Loaded Loader::load_rows(const Job& job, const Plan& plan, const Chunk& target) {
    const auto loaded =
        copy(copy_shape(job.chunk.columns, target.columns),
             job.chunk.name.quoted() + job.condition(), target_, heap_of(job, target));
    if (plan.compress_after)
        call(target_server_.function("compress_chunk"), target.name);
    return loaded;
}

Loaded Loader::load_batches_into_present(const Job& job, const Chunk& target) {
    const auto& compressed = *target.compressed;
    Loaded loaded;
    // Through the hypertable, which marks the chunk as partial; and before the batches, which
    // would have to be searched for duplicates.
    if (job.chunk.is_partial())
        loaded += copy(copy_shape(job.chunk.columns, target.columns),
                       "ONLY " + job.chunk.name.quoted(), target_, job.task.target);
    loaded += copy_batches(*job.chunk.compressed, compressed.name, compressed.columns);
    target_.execute("ANALYZE " + compressed.name.quoted());
    return loaded;
}

/// \returns nothing, with nothing changed, when the target would read the batches by other
/// settings than the source: what a hypertable leaves open is decided when a chunk is compressed.
std::optional<Loaded> Loader::load_batches_anew(const Job& job, const Plan& plan,
                                                const Chunk& target) {
    const auto& source = *job.chunk.compressed;
    target_.execute("SAVEPOINT batches");
    // The long part first, into a table that nobody else can see; then the locks.
    const auto table = create_table_like(source, target.name.schema, job.task);
    auto loaded = copy_batches(source, table, source.columns, ", FREEZE");
    for (const auto& index : source.indexes)
        target_.execute(fmt::format("CREATE INDEX ON {} {}", table.quoted(), index));
    target_.execute("ANALYZE " + table.quoted());

    if (plan.decompress_first)
        call(target_server_.function("decompress_chunk"), target.name);
    if (job.chunk.is_partial())
        loaded += copy(copy_shape(job.chunk.columns, target.columns),
                       "ONLY " + job.chunk.name.quoted(), target_, heap_of(job, target));
    attach_batches(job, target, table);
    const auto made = timescale::read_chunk(target_, target.name);
    if (!made || !made->compressed || made->compressed->settings != source.settings) {
        target_.execute("ROLLBACK TO SAVEPOINT batches");
        return std::nullopt;
    }
    return loaded;
}

QualifiedName Loader::create_table_like(const Chunk::Compressed& like, const std::string& schema,
                                        const tasks::Task& task) {
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
    return table;
}

void Loader::attach_batches(const Job& job, const Chunk& target, const QualifiedName& table) {
    // create_compressed_chunk marks the chunk as partial when it finds rows in it, and it looks
    // with a snapshot taken before it has its lock: rows that a writer commits while it waits
    // would be missed, and never be read again. So take the lock in a statement of its own.
    target_.execute(postgres::lock_statement({target.name}, "SHARE"));
    auto sizes = job.chunk.compressed->sizes;
    sizes.resize(8);
    target_.execute(fmt::format("SELECT _timescaledb_functions.create_compressed_chunk({}, {}, {})",
                                postgres::quote_literal(target.name.quoted()) + "::regclass",
                                postgres::quote_literal(table.quoted()) + "::regclass",
                                fmt::join(sizes, ", ")));
}

Loaded Loader::load_through_hypertable(const Job& job) {
    const auto filter = timescale::row_filter(job.source_hypertable.time, job.task.ranges);
    const auto loaded =
        copy(copy_shape(job.chunk.columns, chunk_columns(job.target_hypertable)),
             fmt::format("{} WHERE {}", job.chunk.name.quoted(), filter), target_, job.task.target);
    analyze_overlapping(job);
    return loaded;
}

Loaded Loader::copy(const CopyShape& shape, const std::string& from, postgres::Connection& target,
                    const QualifiedName& to, const std::string& options) {
    const auto count = postgres::copy_between(source_, copy_to_stdout(shape, from), target,
                                              copy_from_stdin(shape, to, options), check_);
    return {.rows = count.rows, .batches = 0, .bytes = count.bytes};
}

/// The source's compressed table into one of the same columns.
Loaded Loader::copy_batches(const Chunk::Compressed& source, const QualifiedName& to,
                            const std::vector<ChunkColumn>& target_columns,
                            const std::string& options) {
    const auto copied = copy(copy_shape(source.columns, target_columns),
                             "ONLY " + source.name.quoted(), target_, to, options);
    return {.rows = 0, .batches = copied.rows, .bytes = copied.bytes};
}

void Loader::call(const std::string& function, const QualifiedName& chunk) {
    target_.query(fmt::format("SELECT {}($1::regclass)", function), {chunk.quoted()});
}

} // namespace load
