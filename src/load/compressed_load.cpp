#include "load/compressed_load.hpp"

#include "load/locks.hpp"
#include "postgres/sqlstate.hpp"
#include "sql.hpp"
#include "timescale/skipping.hpp"
#include "timescale/staging.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace load {

using postgres::QualifiedName;
using postgres::quote_identifier;
using queue::Loaded;
using timescale::Chunk;
using timescale::ChunkColumn;

std::optional<Loaded> CompressedLoad::load_into_present(const Request& request,
                                                        Prepared& prepared) {
    const auto& target = prepared.target.value();
    const auto& compressed = target.compressed.value();
    target_.execute("SAVEPOINT batches");
    // Insert these rows through the hypertable, which marks the chunk as partial, and before the
    // batches, which would otherwise be searched for duplicates.
    auto loaded = load_partial_rows(request, prepared, request.task.target);
    target_.execute("SAVEPOINT before_batches");
    Loaded batches;
    do {
        batches = copy_batches(*request.chunk.compressed, compressed.name, compressed.columns);
        lock_against_writers(target_, {target.name}, "SHARE", progress_);
        if (late_batches_.are_in(compressed.name, prepared.late)) {
            target_.execute("ROLLBACK TO SAVEPOINT batches");
            prepared.take_rows_instead(late_batches_reason);
            return std::nullopt;
        }
    } while (take_back_for_late_rows(request, prepared));
    set_sizes(request, target, compressed);
    loaded += batches;
    target_.execute("ANALYZE " + compressed.name.quoted());
    return loaded;
}

std::optional<Loaded> CompressedLoad::load_anew(const Request& request, Prepared& prepared) {
    const auto& source = *request.chunk.compressed;
    const auto& target = prepared.target.value();
    target_.execute("SAVEPOINT batches");
    // First copy into a table that no other session can see, which takes long. Then take the locks.
    const auto table = create_table_like(source, target.batches_schema, request.task);
    auto loaded = copy_batches(source, table, source.columns, ", FREEZE");
    for (const auto& index : source.indexes)
        target_.execute(fmt::format("CREATE INDEX ON {} {}", table.quoted(), index));
    target_.execute("ANALYZE " + table.quoted());

    if (prepared.plan.decompress_first)
        chunks_.decompress(target.name);
    loaded += load_partial_rows(request, prepared, rows_.heap_of(request, prepared));
    // create_compressed_chunk marks the chunk as partial if it finds rows in it, but its snapshot
    // is older than its lock. It would miss rows that a writer commits while it waits, and queries
    // would never find them. So take the lock in a separate statement.
    lock_against_writers(target_, {target.name}, "SHARE", progress_);
    const auto as_rows = [&](const char* reason) {
        target_.execute("ROLLBACK TO SAVEPOINT batches");
        prepared.take_rows_instead(reason);
        return std::nullopt;
    };
    if (timescale::is_compressed(target_, target.name))
        return as_rows(late_batches_reason);
    target_.execute("SAVEPOINT before_batches");
    constexpr auto other_settings = "new chunks in the target get other compression settings";
    do {
        if (!attach_batches(target.name, table, source.sizes))
            return as_rows(other_settings);
    } while (take_back_for_late_rows(request, prepared));
    const auto made = timescale::read_chunk(target_, target_server_, target.name);
    if (!made || !made->compressed || made->compressed->settings != source.settings)
        return as_rows(other_settings);
    set_sizes(request, *made, *made->compressed);
    timescale::carry_ranges(target_, request.chunk, target.name);
    return loaded;
}

/// Loads the rows of a partial chunk that are in its own table.
Loaded CompressedLoad::load_partial_rows(const Request& request, const Prepared& prepared,
                                         const QualifiedName& to) {
    if (!request.chunk.is_partial())
        return {};
    const auto& target = prepared.target.value();
    const auto loaded = rows_.copy_rows(
        request, prepared, copy_shape(request.chunk.columns, target.columns, encoding_),
        "ONLY " + request.chunk.name.quoted(), to);
    rows_.remove_duplicates(request, prepared, target.name, request.condition());
    return loaded;
}

/// Removes late rows that are also in the batches, because the source has compressed them since, or
/// because the application has written an old row again. DELETE from a compressed chunk would
/// decompress batches, so this first rolls back to the savepoint before the batches.
/// \pre writers are locked out of the chunk, and it has had the batches since the savepoint.
/// \returns false, with nothing changed, if there are no such rows.
bool CompressedLoad::take_back_for_late_rows(const Request& request, const Prepared& prepared) {
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
    // The next attempt loads rows, because the chunk is no longer empty.
    if (target.referenced || target.refuses_deletes)
        throw postgres::ConcurrentChange("the application has just written rows to the chunk");
    target_.execute("ROLLBACK TO SAVEPOINT before_batches");
    lock_against_writers(target_, {target.name}, "SHARE", progress_);
    target_.execute(fmt::format("DELETE FROM ONLY {} WHERE ctid = ANY ({}::tid[]); "
                                "SAVEPOINT before_batches",
                                target.name.quoted(), postgres::quote_literal(places)));
    return true;
}

QualifiedName CompressedLoad::create_table_like(const Chunk::Compressed& like,
                                                const std::string& schema,
                                                const queue::Task& task) {
    // The table keeps this name as the chunk's compressed table, so the name must be unique.
    // Transaction ids are.
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
    // ALTER TABLE on the hypertable changes this table, too, so it must have the same owner.
    const auto rows = target_.pipeline({timescale::owner_statement(task.target, table)});
    if (!rows.front().is_null(0, "statements"))
        target_.execute(rows.front().string(0, "statements"));
    return table;
}

/// Makes a table the chunk's compressed table. Counts rows if their number is unknown.
/// \param sizes Chunk::Compressed::sizes of the source.
/// \returns false, in a failed transaction, if the settings require other columns: from 2.30 on,
/// the server compares them (create_compress_chunk in tsl/src/compression/create.c).
bool CompressedLoad::attach_batches(const QualifiedName& chunk, const QualifiedName& table,
                                    const std::vector<std::optional<std::int64_t>>& sizes) {
    std::vector<std::string> arguments(6, "0");
    arguments.push_back(fmt::format(
        "(SELECT coalesce(sum(_ts_meta_count), 0)::bigint FROM ONLY {})", table.quoted()));
    arguments.push_back(fmt::format("(SELECT count(*) FROM ONLY {})", table.quoted()));
    for (std::size_t i = 0; i < std::min(arguments.size(), sizes.size()); ++i)
        if (sizes[i])
            arguments[i] = std::to_string(*sizes[i]);
    try {
        target_.execute(fmt::format(
            "SELECT _timescaledb_functions.create_compressed_chunk({}::regclass, {}::regclass, {})",
            postgres::quote_literal(chunk.quoted()), postgres::quote_literal(table.quoted()),
            fmt::join(arguments, ", ")));
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() == postgres::sqlstate::undefined_column ||
            error.sqlstate() == postgres::sqlstate::datatype_mismatch)
            return false;
        throw;
    }
    return true;
}

/// Gives the target's chunk the source's statistics, if the role may change them.
/// \param compressed the target's.
void CompressedLoad::set_sizes(const Request& request, const Chunk& target,
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

namespace {

/// The columns of a compressed table, with NULL in place of batches whose values are all NULL,
/// which consist of a header (NullCompressed in tsl/src/compression/algorithms/null.c). Both mean
/// the same if no column was added after rows were inserted (ChunkColumn::missing).
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

} // namespace

/// Copies the source's compressed table into a table with the same columns.
Loaded CompressedLoad::copy_batches(const Chunk::Compressed& source, const QualifiedName& to,
                                    const std::vector<ChunkColumn>& target_columns,
                                    const std::string& options) {
    auto shape = copy_shape(source.columns, target_columns, encoding_);
    if (!target_server_.takes_null_batches())
        shape.values = without_null_batches(target_columns); // in the order of shape.columns
    const auto copied =
        copy_table(source_, shape, "ONLY " + source.name.quoted(), target_, to, progress_, options);
    return {.rows = 0, .batches = copied.rows, .bytes = copied.bytes};
}

} // namespace load
