#include "load/loader.hpp"

#include "postgres/copy.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace load {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;
using tasks::Loaded;
using timescale::Chunk;
using timescale::ChunkColumn;

const ChunkColumn* find_column(const std::vector<ChunkColumn>& columns, const std::string& name) {
    const auto found = std::ranges::find(columns, name, &ChunkColumn::name);
    return found == columns.end() ? nullptr : &*found;
}

/// The columns that a COPY from one table into the other names, and its format.
struct CopyShape {
    std::string columns; ///< quoted, comma-separated
    bool as_text = false;
};

/// Columns go by name. The target computes its generated ones itself.
CopyShape copy_shape(const std::vector<ChunkColumn>& source,
                     const std::vector<ChunkColumn>& target) {
    CopyShape shape;
    std::vector<std::string> names;
    for (const auto& column : target) {
        const auto* counterpart = find_column(source, column.name);
        if (counterpart == nullptr)
            throw TaskError(
                fmt::format("column {} is missing in the source", quote_identifier(column.name)));
        if (column.generated)
            continue;
        if (counterpart->type != column.type)
            throw TaskError(fmt::format("column {} is {} in the source and {} in the target",
                                        quote_identifier(column.name), counterpart->type,
                                        column.type));
        names.push_back(quote_identifier(column.name));
        shape.as_text = shape.as_text || column.as_text || counterpart->as_text;
    }
    for (const auto& column : source)
        if (find_column(target, column.name) == nullptr)
            throw TaskError(
                fmt::format("column {} is missing in the target", quote_identifier(column.name)));
    shape.columns = fmt::format("{}", fmt::join(names, ", "));
    return shape;
}

/// The hypertable's columns as a chunk of it would have them, as far as COPY is concerned; what
/// has no binary form in the target has none in the source either.
std::vector<ChunkColumn> chunk_columns(const timescale::Hypertable& hypertable) {
    std::vector<ChunkColumn> columns;
    for (const auto& column : hypertable.columns)
        columns.push_back(
            {.name = column.name, .type = column.type, .generated = column.generated});
    return columns;
}

/// Waiting for the hypertable's lock holds up whoever queues behind us.
constexpr auto begin_making_chunk = "BEGIN; SET LOCAL lock_timeout = '10s'";

bool same_dimensions(const timescale::Hypertable& left, const timescale::Hypertable& right) {
    return left.dimensions.size() == right.dimensions.size() &&
           std::ranges::all_of(left.dimensions, [&](const auto& dimension) {
               return std::ranges::any_of(right.dimensions, [&](const auto& other) {
                   return other.column == dimension.column && other.closed == dimension.closed;
               });
           });
}

} // namespace

Prepared Loader::prepare(const Job& job) {
    const auto place = timescale::find_place(target_, job.task.target, job.task.slices);
    Situation situation{.whole = job.task.whole,
                        .source_server = source_server_,
                        .target_server = target_server_,
                        .source = job.chunk,
                        .same_dimensions =
                            same_dimensions(job.source_hypertable, job.target_hypertable),
                        .target_is_free = place.is_free(),
                        .target = std::nullopt,
                        .target_compression_enabled = job.target_hypertable.compression_enabled,
                        .target_settings = {}};
    if (place.same && situation.same_dimensions) {
        target_.execute(
            fmt::format("LOCK TABLE ONLY {} IN ROW EXCLUSIVE MODE", place.same->quoted()));
        situation.target = timescale::read_chunk(target_, *place.same);
    }
    if (job.chunk.compressed && situation.target)
        situation.target_settings = timescale::read_compression_settings(target_, job.task.target);
    return {choose_load(situation), situation.target};
}

bool Loader::make_chunk(const Job& job) {
    if (!target_server_.community)
        return create_chunk_by_inserting(job);
    create_chunk(job);
    return true;
}

void Loader::create_chunk(const Job& job) {
    postgres::Transaction transaction(target_, begin_making_chunk);
    target_.query("SELECT FROM _timescaledb_functions.create_chunk($1::regclass, $2::jsonb)",
                  {job.task.target.quoted(), job.task.slices});
    transaction.commit();
}

/// The Apache edition makes chunks only for rows that come: let the first one make it, and take
/// it out again before anyone sees it. That one only: another worker, or the application, may
/// have made the chunk in the meantime, and filled it.
bool Loader::create_chunk_by_inserting(const Job& job) {
    const auto filter = timescale::row_filter(job.source_hypertable.time, job.task.ranges);
    postgres::Transaction transaction(target_, begin_making_chunk);
    const auto loaded =
        copy(fmt::format("{} WHERE {} LIMIT 1", job.chunk.name.quoted(), filter), job.task.target,
             job.chunk.columns, chunk_columns(job.target_hypertable));
    if (loaded.rows == 0)
        return false; // nothing to load, so nothing to make
    const auto place = timescale::find_place(target_, job.task.target, job.task.slices);
    if (!place.same)
        return false;
    target_.execute(fmt::format("DELETE FROM ONLY {} WHERE xmin = pg_current_xact_id()::xid",
                                place.same->quoted()));
    transaction.commit();
    return true;
}

Loaded Loader::load(const Job& job, Prepared& prepared) {
    auto& plan = prepared.plan;
    if (plan.into == Plan::Into::hypertable)
        return load_through_hypertable(job);

    // Taking the trigger off locks the chunk until the commit; there is no other way for its
    // owner, for DISABLE TRIGGER is refused on chunks.
    const auto& target = prepared.target.value();
    const auto& trigger = target.invalidation_trigger;
    if (trigger)
        target_.execute("DROP TRIGGER ts_cagg_invalidation_trigger ON " + target.name.quoted());
    std::optional<Loaded> loaded;
    if (plan.what == Plan::What::batches_into_present)
        loaded = load_batches_into_present(job, target);
    else if (plan.what == Plan::What::batches)
        loaded = load_batches_anew(job, plan, target);
    if (!loaded) {
        if (plan.what == Plan::What::batches)
            plan = {.into = Plan::Into::existing_chunk,
                    .what = Plan::What::rows,
                    .decompress_first = plan.decompress_first,
                    .compress_after = true,
                    .reason = "the target gives new chunks other compression settings"};
        loaded = load_rows(job, plan, target);
    }
    if (trigger)
        target_.execute(*trigger);
    target_.execute("ANALYZE " + target.name.quoted());
    return *loaded;
}

/// What COPY is to name so that rows go into the chunk's own table. Where a chunk of the very same
/// slices is there and locked, the hypertable routes every row to it.
const QualifiedName& Loader::heap_of(const Job& job, const Chunk& target) const {
    return target_server_.routes_copy_into_chunks() ? job.task.target : target.name;
}

Loaded Loader::load_rows(const Job& job, const Plan& plan, const Chunk& target) {
    std::string condition;
    if (!job.task.whole)
        condition = " WHERE " + timescale::row_filter(job.source_hypertable.time, job.task.ranges);

    if (plan.decompress_first && job.task.whole)
        empty_and_decompress(target);
    else if (plan.decompress_first)
        call(target_server_.function("decompress_chunk"), target.name);
    target_.execute("DELETE FROM ONLY " + target.name.quoted() + condition);

    const auto loaded = copy(job.chunk.name.quoted() + condition, heap_of(job, target),
                             job.chunk.columns, target.columns);
    if (plan.compress_after)
        call(target_server_.function("compress_chunk"), target.name);
    return loaded;
}

Loaded Loader::load_batches_into_present(const Job& job, const Chunk& target) {
    const auto& compressed = *target.compressed;
    target_.execute("DELETE FROM ONLY " + compressed.name.quoted());
    target_.execute("DELETE FROM ONLY " + target.name.quoted());
    Loaded loaded;
    // Through the hypertable, which marks the chunk as partial; and before the batches, which
    // would have to be searched for duplicates.
    if (job.chunk.is_partial())
        loaded += copy("ONLY " + job.chunk.name.quoted(), job.task.target, job.chunk.columns,
                       target.columns);
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
        empty_and_decompress(target);
    target_.execute("DELETE FROM ONLY " + target.name.quoted());
    if (job.chunk.is_partial())
        loaded += copy("ONLY " + job.chunk.name.quoted(), heap_of(job, target), job.chunk.columns,
                       target.columns);
    attach_batches(job, target, table);
    const auto made = timescale::read_chunk(target_, target.name);
    if (!made || !made->compressed || made->compressed->settings != source.settings) {
        target_.execute("ROLLBACK TO SAVEPOINT batches");
        return std::nullopt;
    }
    return loaded;
}

/// Batches do not go into a chunk's own table, and DELETE on the chunk would first decompress
/// them; so they are deleted where they are, and what is left to decompress is nothing.
void Loader::empty_and_decompress(const Chunk& target) {
    target_.execute("DELETE FROM ONLY " + target.compressed->name.quoted());
    call(target_server_.function("decompress_chunk"), target.name);
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
    target_.execute(fmt::format("LOCK TABLE ONLY {} IN SHARE MODE", target.name.quoted()));
    auto sizes = job.chunk.compressed->sizes;
    sizes.resize(8);
    target_.execute(fmt::format("SELECT _timescaledb_functions.create_compressed_chunk({}, {}, {})",
                                postgres::quote_literal(target.name.quoted()) + "::regclass",
                                postgres::quote_literal(table.quoted()) + "::regclass",
                                fmt::join(sizes, ", ")));
}

Loaded Loader::load_through_hypertable(const Job& job) {
    const auto cube =
        timescale::hypercube_filter(job.source_hypertable.dimensions, job.task.slices);
    const auto filter = timescale::row_filter(job.source_hypertable.time, job.task.ranges);
    const auto target = job.task.target.quoted();
    target_.execute(fmt::format("DELETE FROM {} WHERE {} AND {}", target, cube, filter));
    const auto loaded =
        copy(fmt::format("{} WHERE {}", job.chunk.name.quoted(), filter), job.task.target,
             job.chunk.columns, chunk_columns(job.target_hypertable));
    for (const auto& chunk :
         timescale::find_place(target_, job.task.target, job.task.slices).overlapping)
        target_.execute("ANALYZE " + chunk.quoted());
    return loaded;
}

/// \param from what stands behind FROM: a table with ONLY before or conditions after it.
/// \param options further options of COPY FROM, each with a comma before it.
Loaded Loader::copy(const std::string& from, const QualifiedName& to,
                    const std::vector<ChunkColumn>& source_columns,
                    const std::vector<ChunkColumn>& target_columns, const std::string& options) {
    const auto shape = copy_shape(source_columns, target_columns);
    const auto* format = shape.as_text ? "text" : "binary";
    const auto count = postgres::copy_between(
        source_,
        fmt::format("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT {})", shape.columns, from, format),
        target_,
        fmt::format("COPY {} ({}) FROM STDIN (FORMAT {}{})", to.quoted(), shape.columns, format,
                    options),
        check_);
    return {.rows = count.rows, .batches = 0, .bytes = count.bytes};
}

/// The source's compressed table into one of the same columns.
Loaded Loader::copy_batches(const Chunk::Compressed& source, const QualifiedName& to,
                            const std::vector<ChunkColumn>& target_columns,
                            const std::string& options) {
    const auto copied =
        copy("ONLY " + source.name.quoted(), to, source.columns, target_columns, options);
    return {.rows = 0, .batches = copied.rows, .bytes = copied.bytes};
}

void Loader::call(const std::string& function, const QualifiedName& chunk) {
    target_.query(fmt::format("SELECT {}($1::regclass)", function), {chunk.quoted()});
}

} // namespace load
