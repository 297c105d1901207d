#include "load/row_load.hpp"

#include "load/locks.hpp"
#include "load/replacement.hpp"
#include "load/staging_table.hpp"
#include "load/triggers.hpp"
#include "timescale/routing.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace load {

using postgres::QualifiedName;
using queue::Loaded;

void RowLoad::insert_staged(const CopyShape& columns, const QualifiedName& staging,
                            const QualifiedName& to) {
    target_.execute(fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} "
                                "ON CONFLICT DO NOTHING",
                                to.quoted(), columns.columns, columns.columns, staging.quoted()));
}

void RowLoad::resolve_overlap(const Request& request, Prepared& prepared, bool as_replica,
                              const std::vector<QualifiedName>& replaced) {
    const auto where = request.hypercube_condition();
    for (const auto& chunk :
         timescale::find_place(target_, {request.task.target, request.task.slices}).overlapping) {
        if (std::ranges::find(replaced, chunk) == replaced.end()) {
            // Earlier batches in the range were decompressed and deleted.
            late_batches_.unpack_new(request, chunk, where, prepared.late);
            remove_duplicates(request, prepared, chunk, where);
        } else if (late_batches_.have_come(request, chunk, prepared.late)) {
            refuse_late_batches(chunk);
        }
        if (as_replica)
            check_foreign_keys(target_, request.target_hypertable, chunk, where);
        target_.execute("ANALYZE " + chunk.quoted());
    }
}

void RowLoad::remove_duplicates(const Request& request, const Prepared& prepared,
                                const QualifiedName& chunk, const std::string& where) {
    try {
        load::remove_duplicates(target_, chunk, request.target_hypertable.time.column, where,
                                prepared.late);
    } catch (const postgres::SqlError& error) {
        if (!publication_refuses(error))
            throw;
        // The next attempt finds these rows at its beginning, and does not load equal ones.
        throw postgres::ConcurrentChange(error.what());
    }
}

const QualifiedName& RowLoad::heap_of(const Request& request, const Prepared& prepared) const {
    const auto& plan = prepared.plan;
    // Statement triggers fire only for statements that name the hypertable.
    const bool names_hypertable =
        target_server_.routes_copy_into_chunks() || plan.triggers == Plan::Triggers::fired;
    return names_hypertable && !plan.names_chunk ? request.task.target : prepared.target->name;
}

Loaded RowLoad::load(const Request& request, Prepared& prepared) {
    const auto& target = prepared.target.value();
    const auto shape = copy_shape(request.chunk.columns, target.columns, encoding_);
    const auto loaded =
        prepared.plan.only_differences
            ? load_differences(request, prepared, shape, {target.name}, request.condition())
            : copy_rows(request, prepared, shape, request.rows(), heap_of(request, prepared));
    if (!prepared.plan.only_differences) {
        late_batches_.unpack_new(request, target.name, request.condition(), prepared.late);
        remove_duplicates(request, prepared, target.name, request.condition());
    } else if (late_batches_.have_come(request, target.name, prepared.late)) {
        refuse_late_batches(target.name);
    }
    if (prepared.plan.compress_after)
        chunks_.compress(target.name);
    return loaded;
}

Loaded RowLoad::copy_rows(const Request& request, const Prepared& prepared,
                          const CopyShape& columns, const std::string& from,
                          const QualifiedName& to) {
    // In a deadlock, in which a writer and this transaction wait for each other's keys, the server
    // must not cancel the writer.
    const bool may_wait_for_keys = !request.target_hypertable.key.empty();
    if (may_wait_for_keys)
        target_.execute(lock_briefly);
    set_direct_compress(target_, request.target_hypertable, false);
    RoleSearchPath path(target_, prepared.plan.triggers == Plan::Triggers::fired);
    const auto sorted = sorted_for(request.target_hypertable, columns);
    const auto loaded =
        prepared.has_late_rows
            ? load_around_late_rows(request, sorted, from,
                                    prepared.plan.names_chunk ? to : request.task.target)
            : copy_table(source_, sorted, from, target_, to, progress_);
    path.end();
    set_direct_compress(target_, request.target_hypertable, true);
    if (may_wait_for_keys)
        target_.execute(lock_patiently);
    return loaded;
}

/// Loads through a staging table, because COPY would fail if the source has a row with the same key
/// as a late row.
Loaded RowLoad::load_around_late_rows(const Request& request, const CopyShape& columns,
                                      const std::string& from, const QualifiedName& to) {
    const auto loaded = stage_rows(request, columns, from);
    insert_staged(columns, staging_name(request.task.id), to);
    drop_staging_table(target_, request.task.id);
    return loaded;
}

/// Loads into a staging table, which is in no publication and is dropped in the same transaction.
Loaded RowLoad::stage_rows(const Request& request, const CopyShape& columns,
                           const std::string& from) {
    const auto staging = staging_name(request.task.id);
    target_.execute(fmt::format("DROP TABLE IF EXISTS {0}; CREATE UNLOGGED TABLE {0} (LIKE {1})",
                                staging.quoted(), request.task.target.quoted()));
    return copy_table(source_, columns, from, target_, staging, progress_, ", FREEZE");
}

/// Changes only rows that differ, because deleting rows would fire the actions of foreign keys, or
/// is forbidden by a publication.
/// \param chunks the chunks whose rows are replaced.
/// \param where " WHERE ..." for these rows, or empty for all.
Loaded RowLoad::load_differences(const Request& request, const Prepared& prepared,
                                 const CopyShape& columns, const std::vector<QualifiedName>& chunks,
                                 const std::string& where) {
    RoleSearchPath path(target_, prepared.plan.triggers == Plan::Triggers::fired);
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

Loaded RowLoad::load_through_hypertable(const Request& request, Prepared& prepared) {
    const auto columns =
        copy_shape(request.chunk.columns, chunk_columns(request.target_hypertable), encoding_);
    Loaded loaded;
    std::vector<QualifiedName> replaced;
    if (prepared.plan.only_differences) {
        replaced =
            timescale::find_place(target_, {request.task.target, request.task.slices}).overlapping;
        loaded =
            load_differences(request, prepared, columns, replaced, request.hypercube_condition());
    } else {
        loaded = copy_rows(request, prepared, columns, request.rows(), request.task.target);
    }
    resume_triggers(target_, request, prepared);
    resolve_overlap(request, prepared, prepared.plan.triggers == Plan::Triggers::replica, replaced);
    for (const auto& chunk : prepared.decompressed)
        chunks_.compress(chunk);
    return loaded;
}

} // namespace load
