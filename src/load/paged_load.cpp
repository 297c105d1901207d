#include "load/paged_load.hpp"

#include "load/chunk_maker.hpp"
#include "load/locks.hpp"
#include "load/staging_table.hpp"
#include "load/triggers.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "timescale/plain_table.hpp"
#include "timescale/routing.hpp"
#include "timescale/row_filter.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace load {

using postgres::QualifiedName;
using queue::Loaded;
using queue::PageRange;
using timescale::TableFile;

namespace {

/// True if no bound cuts the slice.
bool is_whole(const Request& request, const timescale::TimeRange& slice) {
    return std::ranges::any_of(request.task.ranges, [&](const auto& range) {
        return range.from <= slice.from && slice.until <= range.until;
    });
}

/// The task must begin again. If only this transaction were run again, it would fail again.
struct MustBeginAgain : postgres::ConcurrentChange {
    using ConcurrentChange::ConcurrentChange;
};

queue::PageLoad read_page_load(postgres::Connection& target, const Request& request) {
    auto load = queue::find_page_load(target, request.task.id);
    if (!load)
        throw postgres::ConcurrentChange("the load of the table has been abandoned");
    return std::move(*load);
}

} // namespace

/// A range to load, and what it belongs to.
struct PagedLoad::Part {
    const Request& request;
    const Prepared& prepared;
    const PageRange& range;
    const std::string& snapshot; ///< exported by the source

    /// The FROM item that reads its rows. \param further a condition, preceded by AND, or empty.
    std::string rows(const std::string& further = {}) const {
        return fmt::format(
            "{} AND {}{}", rows_in_pages(range.table, range.from, range.until),
            timescale::row_filter(request.source_hypertable.time, request.task.ranges), further);
    }
};

HelperConnections PagedLoad::own_connections() const {
    return {.source = context_.source,
            .target = context_.builder(),
            .is_owner = true,
            .progress = context_.progress};
}

/// The context for work on a helper's connections.
Context PagedLoad::context_of(HelperConnections& connections) const {
    return {.source = connections.source,
            .source_server = context_.source_server,
            .target = connections.target,
            .target_server = context_.target_server,
            .builder = [&]() -> postgres::Connection& { return connections.target; },
            .connect_lean = context_.connect_lean,
            .helpers = context_.helpers,
            .horizon = context_.horizon,
            .progress = connections.progress};
}

bool PagedLoad::prepare(const Request& request, Prepared& prepared) {
    const auto files = timescale::read_table_files(context_.source, request.chunk.name);
    if (files.empty())
        return false;
    auto& builder = context_.builder();
    const auto begun = queue::find_page_load(builder, request.task.id);
    // Triggers do not fire for rows that are attached.
    const bool must_fire = prepared.plan.triggers == Plan::Triggers::fired;
    if (!begun || queue::are_outdated(begun->ranges, files) || !has_all_rows(request, *begun) ||
        (must_fire && !begun->slices.empty()))
        return begin(request, prepared, files);
    if (const auto added = queue::ranges_of(files, begun->ranges); !added.empty())
        queue::add_page_ranges(builder, request.task.id, added);
    prepared.late = LateRows(begun->snapshot);
    prepared.plan.gathers = prepared.plan.gathers && begun->gathers;
    return true;
}

/// False if a table with gathered rows is gone or is not what a new one would be, or if the target
/// has fewer rows than were loaded, for example after TRUNCATE.
bool PagedLoad::has_all_rows(const Request& request, const queue::PageLoad& begun) const {
    auto& builder = context_.builder();
    auto rows =
        builder
            .execute(fmt::format("SELECT count(*) AS rows FROM {}{}", request.task.target.quoted(),
                                 request.hypercube_condition()))
            .integer(0, "rows");
    for (const auto& slice : begun.slices) {
        if (slice.is_finished)
            continue;
        const auto table = staging_name(request.task.id, slice.number).quoted();
        const auto shape =
            StagingTable::shape(builder, context_.target_server, request.task, slice.number);
        if (!shape || shape->definition != slice.definition ||
            builder.query("SELECT WHERE to_regclass($1) IS NOT NULL", {table}).empty())
            return false;
        rows += builder.execute(fmt::format("SELECT count(*) AS rows FROM {}", table))
                    .integer(0, "rows");
    }
    return rows >= begun.loaded.rows;
}

bool PagedLoad::begin(const Request& request, Prepared& prepared,
                      const std::vector<TableFile>& files) {
    auto& plan = prepared.plan;
    reconsider_gathering(plan, request, context_.source, strategy_);
    auto own = own_connections();
    const auto context = context_of(own);
    const LateBatches late_batches(context);
    // If the program is killed afterwards, has_all_rows() is false.
    drop_gathered_tables(own.target, request.task.id, context_.progress);
    postgres::Transaction transaction(own.target, fmt::format("BEGIN; {}", lock_patiently));
    prepared.late.except(queue::forget_page_load(own.target, request.task.id));
    TargetChunks(context, late_batches).empty(request, prepared);
    if (plan.only_differences) {
        transaction.rollback();
        plan.only_differences = false; // decided again
        prepared.decompressed.clear();
        return false;
    }
    queue::begin_page_load(own.target, request.task.id, prepared.late.snapshot(), plan.gathers);
    queue::add_page_ranges(own.target, request.task.id, queue::ranges_of(files));
    transaction.commit();
    return true;
}

void PagedLoad::forget(const Request& request, LateRows& late) {
    drop_gathered_tables(context_.builder(), request.task.id, context_.progress);
    late.except(queue::forget_page_load(context_.target, request.task.id));
}

Loaded PagedLoad::load(const Request& request, Prepared& prepared) {
    // Now the tables are locked.
    const auto files = timescale::read_table_files(context_.source, request.chunk.name);
    const auto before = queue::find_page_load(context_.target, request.task.id);
    if (!before || queue::are_outdated(before->ranges, files) ||
        !queue::ranges_of(files, before->ranges).empty())
        throw postgres::ConcurrentChange("the table has just been changed in the source");
    const auto snapshot = postgres::export_snapshot(context_.source);
    places_.clear();
    attached_.clear();
    next_number_ = 1 + highest_gathered_number(context_.builder(), request.task.id);
    for (const auto& slice : before->slices) {
        places_[slice.slice] = slice.is_finished
                                   ? std::nullopt
                                   : std::optional(staging_name(request.task.id, slice.number));
        next_number_ = std::max(next_number_, slice.number + 1);
    }
    std::vector<WorkItem> items;
    for (const auto& range : before->ranges)
        if (!range.is_loaded && !queue::is_gone(range, files))
            items.emplace_back([&](HelperConnections& connections) {
                load_range({request, prepared, range, snapshot}, connections);
            });
    auto own = own_connections();
    context_.helpers.share(std::move(items), own);

    const auto read_progress = [&] {
        auto load = read_page_load(context_.target, request);
        prepared.late = LateRows(prepared.late.snapshot());
        prepared.late.except(load.writers);
        return load;
    };
    const auto slices = read_progress().slices;
    abandon_after_failure(request, [&] { attach_tables(request, prepared, slices); });
    const auto after = read_progress();
    abandon_after_failure(request, [&] { finish_chunks(request, prepared); });
    drop_tables(request);
    return after.loaded;
}

/// Runs the last part of the load. If it fails, the task begins again, because the ranges would
/// only lead to the same failure.
void PagedLoad::abandon_after_failure(const Request& request, const std::function<void()>& work) {
    const auto abandon = [&] {
        context_.progress.check(); // it may have failed because the program is stopping
        queue::abandon_page_load(context_.builder(), request.task.id);
        drop_tables(request);
    };
    try {
        work();
    } catch (const postgres::SqlError& error) {
        if (error.reaction() == postgres::Reaction::fail_task &&
            error.sqlstate() != postgres::sqlstate::query_canceled)
            abandon();
        throw;
    } catch (const MustBeginAgain&) {
        abandon();
        throw;
    } catch (const TaskError&) {
        abandon();
        throw;
    }
}

/// Drops what is left of gathered tables. If that fails, the next attempt or clean does it.
void PagedLoad::drop_tables(const Request& request) {
    try {
        drop_gathered_tables(context_.builder(), request.task.id, context_.progress);
    } catch (const postgres::TransactionError& error) {
        spdlog::debug("cannot drop a table: {}", error.what());
    }
}

/// Makes chunks of the tables in which rows were gathered, together with idle workers.
void PagedLoad::attach_tables(const Request& request, const Prepared& prepared,
                              const std::vector<queue::PageSlice>& slices) {
    std::vector<WorkItem> items;
    for (const auto& slice : slices)
        if (!slice.is_finished)
            items.emplace_back([&](HelperConnections& connections) {
                attach_table(request, prepared, slice, connections);
            });
    auto own = own_connections();
    context_.helpers.share(std::move(items), own);
}

void PagedLoad::attach_table(const Request& request, const Prepared& prepared,
                             const queue::PageSlice& slice, HelperConnections& connections) {
    auto& target = connections.target;
    auto& progress = connections.progress;
    const auto task = task_of_slice(request, slice.slice);
    auto shape = shape_of(task, slice.number, target);
    if (shape.definition != slice.definition)
        throw MustBeginAgain("the hypertable has just been changed");
    StagingTable table(target, context_.target_server, task, std::move(shape), slice.number);
    progress.now(Step::indexing);
    table.reopen(progress);
    table.build(/*processes=*/1, progress);
    const Request sliced{task, request.chunk, request.source_hypertable, request.target_hypertable};
    const auto context = context_of(connections);
    const LateBatches late_batches(context);
    TargetChunks chunks(context, late_batches);
    // It may not be attached, because the user or the hypertable has changed since the load began.
    if (!prepared.plan.gathers &&
        timescale::find_place(target, {task.target, task.slices}).takes_new_chunk())
        ChunkMaker(context).make(sliced, sliced.rows());
    progress.now(Step::attaching);
    postgres::Transaction writing(target, fmt::format("BEGIN; {}", lock_patiently));
    // It is finished if the connection was lost during the commit of an earlier attempt.
    if (!queue::claim_page_slice(target, task.id, slice.number))
        return;
    const bool attached = prepared.plan.gathers && table.attach(target, progress);
    // Duplicates of late rows are removed only once, when all rows are there. Then the table is
    // dropped, too.
    if (!attached)
        RowLoad(context, late_batches, chunks)
            .insert_instead(sliced, prepared, copy_shape(request, encoding_), table.name());
    queue::finish_page_slice(target, task.id, slice.number);
    writing.commit();
    table.committed(context_.connect_lean);
    const std::lock_guard lock(mutex_);
    if (attached)
        attached_.insert(table.chunk());
}

/// Runs ANALYZE, together with idle workers, and removes rows that equal late rows.
void PagedLoad::finish_chunks(const Request& request, Prepared& prepared) {
    const auto chunks =
        timescale::find_place(context_.target, {request.task.target, request.task.slices})
            .overlapping;
    const auto where = request.hypercube_condition();
    std::set<QualifiedName> with_late_rows;
    std::vector<WorkItem> items;
    for (const auto& chunk : chunks)
        items.emplace_back([&](HelperConnections& connections) {
            connections.progress.check();
            // They have statistics, and the application had written no rows there.
            if (attached_.contains(chunk))
                return;
            connections.target.execute("ANALYZE " + chunk.quoted());
            // A unique index has prevented duplicates.
            if (!request.target_hypertable.key.empty() ||
                !prepared.late.has_writers(connections.target, chunk, where))
                return;
            const std::lock_guard lock(mutex_);
            with_late_rows.insert(chunk);
        });
    auto own = own_connections();
    context_.helpers.share(std::move(items), own);
    if (request.target_hypertable.compression_enabled)
        require_no_new_batches(prepared.late, chunks);
    for (const auto& chunk : with_late_rows)
        try {
            rows_.remove_duplicates(request, prepared, chunk, where);
        } catch (const postgres::ConcurrentChange& change) {
            throw MustBeginAgain(change.what());
        }
}

/// \throws TaskError if batches were written since the load began: they may have our rows, too.
void PagedLoad::require_no_new_batches(const LateRows& late,
                                       const std::vector<QualifiedName>& chunks) {
    for (const auto& chunk :
         timescale::read_chunks(context_.target, context_.target_server, chunks))
        if (chunk && chunk->compressed && late.are_in(context_.target, chunk->compressed->name))
            throw TaskError(fmt::format("the target's chunk {} was compressed while the table was "
                                        "loaded",
                                        chunk->name.quoted()),
                            "turn off compression and direct compress for the hypertable, and copy "
                            "again");
}

/// Loads a range. Tries again if that may help, so that a whole attempt at the task does not end.
void PagedLoad::load_range(const Part& part, HelperConnections& connections) {
    connections.progress.begin_part();
    connections.progress.now(connections.is_owner ? Step::copying : Step::helping);
    constexpr int attempts = 5;
    bool around_late_rows = false;
    for (int attempt = 1;; ++attempt) {
        try {
            if (connections.is_owner)
                connections.source.execute("SAVEPOINT range");
            try_range(part, connections, around_late_rows);
            if (connections.is_owner)
                connections.source.execute("RELEASE SAVEPOINT range");
            return;
        } catch (const postgres::TransactionError& error) {
            const auto* refused = dynamic_cast<const postgres::SqlError*>(&error);
            // The application has written a row with the same key.
            const bool is_duplicate =
                refused != nullptr && refused->sqlstate() == postgres::sqlstate::unique_violation;
            if (!is_duplicate && error.reaction() != postgres::Reaction::retry)
                throw;
            if (attempt == attempts ||
                (is_duplicate && (around_late_rows || !have_late_rows(part, connections))))
                throw;
            around_late_rows = around_late_rows || is_duplicate;
        }
        if (connections.is_owner)
            connections.source.execute("ROLLBACK TO SAVEPOINT range; RELEASE SAVEPOINT range");
        pause(connections.progress);
    }
}

/// True if the application has written rows since the load began.
bool PagedLoad::have_late_rows(const Part& part, HelperConnections& connections) {
    const auto read_writers = [&] {
        return read_page_load(connections.target, part.request).writers;
    };
    for (auto writers = read_writers();;) {
        auto late = LateRows(part.prepared.late.snapshot());
        late.except(writers);
        const auto place = timescale::find_place(
            connections.target, {part.request.task.target, part.request.task.slices});
        if (std::ranges::none_of(place.overlapping, [&](const auto& chunk) {
                return late.has_writers(connections.target, chunk,
                                        part.request.hypercube_condition());
            }))
            return false;
        // They may be those of another range, which was committed meanwhile.
        auto now = read_writers();
        if (now == writers)
            return true;
        writers = std::move(now);
    }
}

/// \param around_late_rows leaves out rows whose keys the target has.
void PagedLoad::try_range(const Part& part, HelperConnections& connections, bool around_late_rows) {
    std::optional<postgres::Transaction> reading;
    if (!connections.is_owner)
        reading.emplace(connections.source, postgres::begin_read_transaction(part.snapshot));
    const auto& request = part.request;
    auto& target = connections.target;
    const auto context = context_of(connections);
    const LateBatches late_batches(context);
    TargetChunks chunks(context, late_batches);
    const auto& time = request.source_hypertable.time;
    std::vector<RowLoad::SlicePart> places;
    for (const auto& slice : timescale::slices_of_rows(connections.source, time, part.rows(),
                                                       request.target_hypertable.chunk_interval))
        places.push_back({slice, make_place(part, slice, connections)});
    RowLoad rows(context, late_batches, chunks);
    auto prepared = part.prepared;
    prepared.has_late_rows = around_late_rows;
    std::unique_lock staging(staging_, std::defer_lock);
    if (around_late_rows)
        staging.lock();
    postgres::Transaction writing(target, fmt::format("BEGIN; {}", lock_patiently));
    // It is loaded if the connection was lost during the commit of an earlier attempt.
    if (!queue::claim_page_range(target, part.range.id))
        return;
    suspend_triggers(target, request, prepared, connections.progress);
    timescale::route_exactly(target, request.target_hypertable);
    const auto columns = copy_shape(request, encoding_);
    // In this order, the hypertable inserts into one chunk at a time, which is faster than parts.
    const auto in_order =
        fmt::format("{} ORDER BY {}", part.rows(), timescale::axis_expression(time));
    const bool in_parts =
        std::ranges::any_of(places, [](const auto& place) { return place.table.has_value(); });
    const auto loaded =
        in_parts ? rows.copy_in_parts(request, prepared, columns, part.rows(), places)
                 : rows.copy_rows(request, prepared, columns, in_order, request.task.target);
    queue::finish_page_range(target, part.range.id, loaded);
    writing.commit();
}

/// Creates the slice's table or chunk if it has none, in a transaction of its own. Otherwise, the
/// range would create the chunk, and lock out others who create chunks until it is loaded.
/// \returns the table; nothing if the rows go through the hypertable.
std::optional<QualifiedName> PagedLoad::make_place(const Part& part,
                                                   const timescale::TimeRange& slice,
                                                   HelperConnections& connections) {
    const auto find = [&] {
        const std::lock_guard lock(mutex_);
        const auto found = places_.find(slice);
        return found == places_.end() ? nullptr : &found->second;
    };
    if (const auto* known = find())
        return *known;
    const std::lock_guard making(making_);
    if (const auto* known = find())
        return *known;
    const auto& request = part.request;
    const auto task = task_of_slice(request, slice);
    std::optional<QualifiedName> table;
    if (timescale::find_place(connections.target, {task.target, task.slices}).takes_new_chunk()) {
        if (part.prepared.plan.gathers && is_whole(request, slice))
            table = make_table(task, slice, connections.target);
        else
            ChunkMaker(context_of(connections))
                .make({task, request.chunk, request.source_hypertable, request.target_hypertable},
                      part.rows(" AND " +
                                timescale::row_filter(request.source_hypertable.time, {slice})));
    }
    const std::lock_guard lock(mutex_);
    places_.emplace(slice, table);
    return table;
}

timescale::StagingShape PagedLoad::shape_of(const queue::Task& task, std::int64_t number,
                                            postgres::Connection& target) const {
    auto shape = StagingTable::shape(target, context_.target_server, task, number);
    if (!shape)
        throw postgres::ConcurrentChange("the hypertable has just been dropped");
    return std::move(*shape);
}

/// Creates a table that gathers the rows of a slice.
QualifiedName PagedLoad::make_table(const queue::Task& task, const timescale::TimeRange& slice,
                                    postgres::Connection& target) {
    const auto number = next_number_++;
    auto shape = shape_of(task, number, target);
    const queue::PageSlice row{.number = number, .slice = slice, .definition = shape.definition};
    StagingTable table(target, context_.target_server, task, std::move(shape), number);
    postgres::Transaction transaction(target, fmt::format("BEGIN; {}", lock_patiently));
    queue::add_page_slice(target, task.id, row);
    table.create_to_keep();
    transaction.commit();
    return table.name();
}

} // namespace load
