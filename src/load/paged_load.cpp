#include "load/paged_load.hpp"

#include "load/locks.hpp"
#include "load/triggers.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "timescale/plain_table.hpp"
#include "timescale/routing.hpp"
#include "timescale/row_filter.hpp"
#include "timescale/table_files.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace load {

using postgres::QualifiedName;
using queue::Loaded;
using queue::PageRange;
using timescale::TableFile;

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
    if (!begun || queue::are_outdated(begun->ranges, files) || lacks_rows(request, *begun))
        return begin(request, prepared, queue::ranges_of(files));
    if (const auto added = queue::ranges_of(files, begun->ranges); !added.empty())
        queue::add_page_ranges(builder, request.task.id, added);
    prepared.late = LateRows(begun->snapshot);
    return true;
}

/// True if the target has fewer rows than were loaded, for example after TRUNCATE.
bool PagedLoad::lacks_rows(const Request& request, const queue::PageLoad& begun) const {
    return context_.target
               .execute(fmt::format("SELECT count(*) AS rows FROM {}{}",
                                    request.task.target.quoted(), request.hypercube_condition()))
               .integer(0, "rows") < begun.loaded.rows;
}

bool PagedLoad::begin(const Request& request, Prepared& prepared,
                      const std::vector<PageRange>& ranges) {
    auto own = own_connections();
    const auto context = context_of(own);
    const LateBatches late_batches(context);
    postgres::Transaction transaction(own.target, fmt::format("BEGIN; {}", lock_patiently));
    prepared.late.except(queue::forget_page_load(own.target, request.task.id));
    TargetChunks(context, late_batches).empty(request, prepared);
    if (prepared.plan.only_differences) {
        transaction.rollback();
        prepared.plan.only_differences = false; // decided again
        prepared.decompressed.clear();
        return false;
    }
    queue::begin_page_load(own.target, request.task.id, prepared.late.snapshot());
    queue::add_page_ranges(own.target, request.task.id, ranges);
    transaction.commit();
    return true;
}

Loaded PagedLoad::load(const Request& request, Prepared& prepared) {
    // Now the tables are locked.
    const auto files = timescale::read_table_files(context_.source, request.chunk.name);
    const auto before = queue::find_page_load(context_.target, request.task.id);
    if (!before || queue::are_outdated(before->ranges, files) ||
        !queue::ranges_of(files, before->ranges).empty())
        throw postgres::ConcurrentChange("the table has just been changed in the source");
    const auto snapshot = postgres::export_snapshot(context_.source);
    known_slices_.clear();
    std::vector<WorkItem> items;
    for (const auto& range : before->ranges)
        if (!range.is_loaded && !queue::is_gone(range, files))
            items.emplace_back([&](HelperConnections& connections) {
                load_range({request, prepared, range, snapshot}, connections);
            });
    auto own = own_connections();
    context_.helpers.share(std::move(items), own);

    const auto after = queue::find_page_load(context_.target, request.task.id).value();
    prepared.late.except(after.writers);
    finish(request, prepared);
    return after.loaded;
}

/// Finishes the chunks in the claim's transaction. If that fails, the task begins again, because
/// the ranges would only lead to the same failure.
void PagedLoad::finish(const Request& request, Prepared& prepared) {
    try {
        finish_chunks(request, prepared);
    } catch (const postgres::ConcurrentChange&) {
        queue::forget_page_load(context_.builder(), request.task.id);
        throw;
    } catch (const TaskError&) {
        queue::forget_page_load(context_.builder(), request.task.id);
        throw;
    }
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
        rows_.remove_duplicates(request, prepared, chunk, where);
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
        return queue::find_page_load(connections.target, part.request.task.id).value().writers;
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
    make_chunks(part, connections, chunks);
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
    const auto columns = copy_shape(request.chunk.columns, chunk_columns(request.target_hypertable),
                                    copy_encoding(context_.source_server, context_.target_server));
    // In this order, the target inserts into one chunk at a time.
    const auto in_order = fmt::format("{} ORDER BY {}", part.rows(),
                                      timescale::axis_expression(request.source_hypertable.time));
    const auto loaded = rows.copy_rows(request, prepared, columns, in_order, request.task.target);
    queue::finish_page_range(target, part.range.id, loaded);
    writing.commit();
}

/// Creates the chunks that the range needs, in transactions of their own. Otherwise, the range
/// would create them, and lock out others who create chunks until it is loaded.
void PagedLoad::make_chunks(const Part& part, HelperConnections& connections,
                            TargetChunks& chunks) {
    const auto& request = part.request;
    const auto& time = request.source_hypertable.time;
    for (const auto& slice : timescale::slices_of_rows(connections.source, time, part.rows(),
                                                       request.target_hypertable.chunk_interval)) {
        {
            const std::lock_guard lock(mutex_);
            if (known_slices_.contains(slice))
                continue;
        }
        auto task = request.task;
        task.slices = {time.column, slice};
        if (timescale::find_place(connections.target, {task.target, task.slices}).takes_new_chunk())
            chunks.make_chunk(
                {task, request.chunk, request.source_hypertable, request.target_hypertable},
                part.rows(" AND " + timescale::row_filter(time, {slice})));
        const std::lock_guard lock(mutex_);
        known_slices_.insert(slice);
    }
}

} // namespace load
