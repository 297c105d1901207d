#include "load/row_load.hpp"

#include "load/locks.hpp"
#include "load/replacement.hpp"
#include "load/staging_table.hpp"
#include "load/triggers.hpp"
#include "timescale/bound.hpp"
#include "timescale/routing.hpp"
#include "timescale/row_filter.hpp"

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

/// Runs a function that copies rows into the hypertable or a chunk.
template <typename Copy>
Loaded RowLoad::insert(const Request& request, const Prepared& prepared, const Copy& copy) {
    // In a deadlock, in which a writer and this transaction wait for each other's keys, the server
    // must not cancel the writer.
    const bool may_wait_for_keys = !request.target_hypertable.key.empty();
    if (may_wait_for_keys)
        target_.execute(lock_briefly);
    set_direct_compress(target_, request.target_hypertable, false);
    RoleSearchPath path(target_, prepared.plan.triggers == Plan::Triggers::fired);
    const Loaded loaded = copy();
    path.end();
    set_direct_compress(target_, request.target_hypertable, true);
    if (may_wait_for_keys)
        target_.execute(lock_patiently);
    return loaded;
}

bool RowLoad::insert_instead(const Request& request, const Prepared& prepared,
                             const CopyShape& columns, const QualifiedName& staging) {
    const auto& triggers = request.target_hypertable.triggers;
    const bool as_replica = triggers.has_any() && triggers.can_be_replica();
    // The next attempt finds that chunk, and suspends its triggers.
    if (triggers.has_any() && !as_replica)
        throw postgres::ConcurrentChange("a row of the application has just created the chunk");
    if (as_replica)
        be_replica(target_);
    timescale::route_exactly(target_, request.target_hypertable);
    insert(request, prepared, [&] {
        insert_staged(columns, staging, request.task.target);
        return Loaded{};
    });
    if (as_replica)
        be_origin(target_);
    return as_replica;
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
    const auto sorted = sorted_for(request.target_hypertable, columns);
    return insert(request, prepared, [&] {
        if (!prepared.has_late_rows)
            return copy_table(source_, sorted, from, target_, to, progress_);
        // COPY would fail if the source has a row with the same key as a late row.
        const auto loaded = stage_rows(request, sorted, from);
        unstage_rows(request, columns, prepared.plan.names_chunk ? to : request.task.target);
        return loaded;
    });
}

Loaded RowLoad::copy_in_parts(const Request& request, const Prepared& prepared,
                              const CopyShape& columns, const std::string& from,
                              const std::vector<SlicePart>& parts) {
    const auto& time = request.source_hypertable.time;
    const auto axis = timescale::axis_of(time.type);
    const auto sorted = sorted_for(request.target_hypertable, columns);
    return insert(request, prepared, [&] {
        // as copy_rows()
        if (prepared.has_late_rows)
            make_staging(request);
        const postgres::CopyPart through_hypertable{
            copy_from_stdin(sorted, prepared.has_late_rows ? staging_name(request.task.id)
                                                           : request.task.target),
            sorted.sort_fields};
        std::vector<postgres::CopyPart> copies;
        for (const auto& part : parts)
            copies.push_back(part.table ? postgres::CopyPart{copy_from_stdin(columns, *part.table)}
                                        : through_hypertable);
        copies.push_back(through_hypertable); // rows of other slices
        const auto count = postgres::copy_in_parts(
            source_, copy_to_stdout(columns, from, timescale::axis_expression(time)),
            [&](auto field) {
                const auto value = timescale::internal_time(axis, field);
                const auto next =
                    std::ranges::upper_bound(parts, value.value_or(timescale::minus_infinity), {},
                                             [](const auto& part) { return part.slice.from; });
                if (!value || next == parts.begin() || *value >= std::prev(next)->slice.until)
                    return parts.size();
                return static_cast<std::size_t>(std::prev(next) - parts.begin());
            },
            target_, copies, [&](auto bytes) { progress_.moved(bytes); });
        if (prepared.has_late_rows)
            unstage_rows(request, columns, request.task.target);
        return Loaded{.rows = count.rows, .batches = 0, .bytes = count.bytes};
    });
}

/// Creates an empty staging table, which is in no publication and is dropped in the same
/// transaction.
void RowLoad::make_staging(const Request& request) {
    target_.execute(fmt::format("DROP TABLE IF EXISTS {0}; CREATE UNLOGGED TABLE {0} (LIKE {1})",
                                staging_name(request.task.id).quoted(),
                                request.task.target.quoted()));
}

/// Copies rows into a new staging table.
Loaded RowLoad::stage_rows(const Request& request, const CopyShape& columns,
                           const std::string& from) {
    make_staging(request);
    return copy_table(source_, columns, from, target_, staging_name(request.task.id), progress_,
                      ", FREEZE");
}

/// Inserts the rows of the staging table, except those whose keys exist, and drops it.
void RowLoad::unstage_rows(const Request& request, const CopyShape& columns,
                           const QualifiedName& to) {
    insert_staged(columns, staging_name(request.task.id), to);
    drop_staging_table(target_, request.task.id);
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
    const auto columns = copy_shape(request, encoding_);
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
