#include "copy/session.hpp"

#include "load/locks.hpp"
#include "postgres/query_both.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "run/read_back.hpp"
#include "run/reading.hpp"
#include "run/worker.hpp"
#include "timescale/triggers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace copy {

namespace {

/// \throws TaskError if a chunk has changed since it was first read.
void check_unchanged(const std::vector<load::Request>& requests,
                     const std::vector<std::optional<timescale::Chunk>>& now) {
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (!now[i] || now[i]->rewritten || !timescale::is_unchanged(requests[i].chunk, *now[i]))
            throw TaskError("a chunk has just changed in the source");
}

/// The rows to read back, from the beginning of the first range to the end of the last. Other rows
/// between the ranges do no harm.
run::ToReadBack loaded_by(const queue::Task& task, const timescale::Hypertable& target_hypertable,
                          const queue::Loaded& loaded) {
    return {.target_hypertable = &target_hypertable,
            .slices = task.slices,
            .range = {task.ranges.front().from, task.ranges.back().until},
            .has_rows = loaded.rows + loaded.batches > 0,
            .rows = loaded.batches == 0 ? std::optional(loaded.rows) : std::nullopt};
}

/// What is unusual about how a chunk was loaded; none if nothing is.
std::optional<std::string> note_on(const load::Plan& plan, const timescale::Chunk& source) {
    if (plan.into == load::Plan::Into::hypertable)
        return plan.way() + ": " + plan.reason;
    if (source.compressed && plan.what == load::Plan::What::rows)
        return "decompressed: " + plan.reason;
    return std::nullopt;
}

/// The note on a chunk that was copied together with others.
std::optional<std::string> note_on(const queue::Task& task) {
    return task.mend ? std::optional(Mending{.obstacle = small_obstacle}.note({})) : std::nullopt;
}

/// The state of a chunk's rows before the snapshot that they are read under, as far as it is known.
/// \param request with the chunk as it was read before that snapshot was taken.
std::optional<std::string> state_before(const load::Request& request) {
    // An exported snapshot is older, and so are pages that an earlier attempt has loaded.
    if (request.task.snapshot || request.spans_chunks())
        return std::nullopt;
    return request.chunk.state;
}

} // namespace

CopySession::CopySession(CopyRun& copy, run::WorkerProgress& progress, WorkerTasks& tasks)
    : copy_(copy), progress_(progress), tasks_(tasks), session_(copy.run, progress),
      loader_(context(), copy.options.load), small_chunks_(context(), copy.options.load) {}

load::Context CopySession::context() {
    return {.source = source(),
            .source_server = copy_.run.server(Side::source),
            .target = target(),
            .target_server = copy_.run.server(Side::target),
            .builder = [this]() -> postgres::Connection& {
                return session_.second_target().connection;
            },
            .connect_lean =
                [this] {
                    auto session = copy_.run.connect_to_queue();
                    copy_.run.connections.add(session.entry());
                    return std::move(session.connection);
                },
            .helpers = copy_.helpers,
            .horizon = copy_.horizon,
            .progress = progress_};
}

std::vector<postgres::Statement> CopySession::using_statements(bool aggregates) {
    return {
        // If the server crashes before a commit is on its disk, the rows and the task's mark are
        // lost together. At the end, queue::conclude() waits for all commits.
        {"SET synchronous_commit = off"},
        // The source has aggregated these rows already, and its aggregates are copied, too.
        // Before TimescaleDB 2.28, this setting has no effect.
        {fmt::format("SET timescaledb.skip_cagg_invalidation = {}", aggregates ? "on" : "off")}};
}

load::HelperConnections CopySession::helper_connections() {
    return {.source = source(), .target = target(), .is_owner = false, .progress = progress_};
}

bool CopySession::copy_next() {
    if (copy_.chosen != nullptr && tasks_.pending.empty()) {
        const auto id = copy_.chosen->take();
        if (!id)
            return false;
        tasks_.pending.push_back({.id = *id});
    }
    const bool has_pending = !tasks_.pending.empty();
    const bool alone =
        has_pending && copy_.run.crashes.is_suspect(tasks_.pending.back().id, session_.servers());
    turn_.emplace(copy_.run.crashes, alone, [&] { progress_.check(); });
    // Including those of other workers, because this one may need locks that they hold.
    session_.end_abandoned();
    if (alone)
        session_.check_servers();
    PendingTask pending;
    if (has_pending) {
        // Keep the task in `tasks_`, so that it is not lost if an exception is thrown.
        pending = tasks_.pending.back();
        tasks_.in_hand.push_back(pending);
        tasks_.pending.pop_back();
    }
    const bool claimed = (has_pending || !std::exchange(nothing_left_, false)) && attempt(pending);
    for (const auto task : std::exchange(begun_, {}))
        copy_.run.crashes.end(task);
    turn_.reset();
    return claimed;
}

void CopySession::begin(const std::vector<queue::Task>& tasks) {
    for (const auto& task : tasks) {
        copy_.run.crashes.begin(task.id, session_.servers());
        begun_.push_back(task.id);
    }
    progress_.begin(tasks);
}

bool CopySession::attempt(const PendingTask& pending) {
    // Cleans up after the claim's transaction has ended, with or without a commit.
    const load::Loader::Cleanup cleanup(loader_);
    done_.clear();
    const bool claimed = claim_and_copy(pending);
    progress_.end(done_);
    return claimed;
}

/// \param pending the task to claim; id 0 for any task.
bool CopySession::claim_and_copy(const PendingTask& pending) {
    const auto id = pending.id == 0 ? std::nullopt : std::optional(pending.id);
    postgres::Transaction claim(
        target(), std::vector<postgres::Statement>{{"BEGIN"},
                                                   {load::lock_patiently},
                                                   queue::claim_statement(copy_.started, id),
                                                   load::snapshot_statement(),
                                                   {"SAVEPOINT loading"}});
    const auto task = queue::claimed(claim.results()[2]);
    copy_.horizon.note(claim.results()[3].string(0, "snapshot"));
    if (!task) {
        claim.rollback();
        if (pending.in_doubt)
            report_if_done(pending); // still in `in_hand`, because it may be asked again
        tasks_.in_hand.clear();
        // If this was a pending task, another worker has it now, and there may be others.
        return id.has_value();
    }
    tasks_.in_hand = {{.id = task->id, .attempts = pending.attempts}};
    if (const auto refusal = copy_.run.crashes.refusal(task->id, session_.servers());
        refusal || pending.hopeless) {
        fail(claim, *task, refusal ? refusal->what() : *pending.hopeless);
        return true;
    }
    if (!id && copy_.run.crashes.is_suspect(task->id, session_.servers())) {
        defer(claim);
        return true;
    }
    begin({*task});
    if (!id && copy_together(claim, *task))
        return true;
    std::string reason;
    try {
        copy_claimed(claim, *task, pending.attempts > 1);
        return true;
    } catch (const TaskError& error) {
        fail(claim, *task, error.what());
        return true;
    } catch (const postgres::ConnectionError& error) {
        if (broken_connection())
            throw;
        // The lost connection is that of a helping worker.
        copy_.run.outage.announce(fmt::format("{}; trying again", error.what()));
        if (pending.attempts >= copy_.options.retry.max_retries) {
            fail(claim, *task, error.what());
            return true;
        }
        reason = error.what();
        progress_.note_retry(error);
    } catch (const postgres::TransactionError& error) {
        run::rethrow_unless_of_task(error, copy_.run.stop);
        const auto* refused = dynamic_cast<const postgres::SqlError*>(&error);
        // The application may have written a row with the same key (unique_violation), or the chunk
        // may have been dropped. The next attempt takes that into account.
        const bool may_succeed =
            error.reaction() == postgres::Reaction::retry ||
            (refused != nullptr && pending.attempts == 0 &&
             (refused->sqlstate() == postgres::sqlstate::unique_violation || refused->says_gone()));
        if (!may_succeed || pending.attempts >= copy_.options.retry.max_retries) {
            fail(claim, *task, error.what(), refused);
            return true;
        }
        reason = error.what();
        progress_.note_retry(error);
    }
    copy_.report.retried(*task, reason, pending.attempts + 2);
    tasks_.pending.push_back({.id = task->id, .attempts = pending.attempts + 1});
    tasks_.in_hand.clear();
    claim.rollback();
    progress_.now(output::Activity::waiting, "before another attempt");
    run::wait_before_retry(copy_.run.stop, pending.attempts + 1);
    return true;
}

void CopySession::copy_claimed(postgres::Transaction& claim, const queue::Task& task, bool alone) {
    run::require_sound({task});
    const auto chunk = timescale::read_chunk(source(), copy_.run.server(Side::source), task.chunk);
    if (!chunk) {
        skip(claim, task, "it is gone from the source");
        return;
    }
    const auto started = std::chrono::steady_clock::now();
    copy_.report.started(task, progress_.worker());
    const auto& source_hypertable = run::find_hypertable(copy_.sources, task.hypertable, "source");
    const auto& target_hypertable = run::find_hypertable(copy_.targets, task.target, "target");
    const auto late = copy_.horizon.late_rows();
    std::optional<run::ChunkReading> reading;
    const auto begin_reading = [&] {
        reading.emplace(source(), copy_.run.server(Side::source), task.snapshot,
                        std::vector{task.chunk}, chunk->is_compressed());
        const auto& now = reading->chunk();
        if (now)
            run::check_visible(*now);
        if (!now || !timescale::is_unchanged(*chunk, *now))
            throw postgres::ConcurrentChange("the chunk has just changed in the source");
    };
    auto part = task; // what is loaded
    std::optional<Mending> mending;
    if (task.mend)
        mending.emplace().obstacle =
            obstacle_in_source({task, *chunk, source_hypertable, target_hypertable});
    if (mending && mending->obstacle.empty()) {
        copy_.horizon.let_writers_finish(progress_);
        begin_reading();
        mending =
            find_mending({task, *reading->chunk(), source_hypertable, target_hypertable, alone});
        if (mending->obstacle.empty()) {
            part.whole = false;
            part.ranges = mending->ranges;
        } else {
            reading.reset();
        }
    }
    const bool is_mended = mending && mending->obstacle.empty();
    queue::Loaded loaded;
    std::optional<std::string> note;
    if (!is_mended || !mending->ranges.empty()) {
        auto prepared =
            loader_.prepare({part, *chunk, source_hypertable, target_hypertable, alone}, late);
        // Otherwise, only the ranges would be loaded into an empty chunk.
        if (is_mended && (!prepared.target || prepared.target->name != mending->target))
            throw postgres::ConcurrentChange("the target's chunk has just changed");
        if (!reading)
            begin_reading();
        const auto& now = *reading->chunk();
        if ((prepared.plan.into == load::Plan::Into::attached_table || prepared.plan.gathers) &&
            !copy_.run.server(Side::target).attaches_cleanly())
            copy_.has_used_stand_ins = true;
        progress_.now(load::Step::copying);
        loaded = loader_.load({part, now, source_hypertable, target_hypertable}, prepared);
        note = note_on(prepared.plan, now);
    }
    if (mending)
        note = mending->note(loaded) + (note ? "; " + *note : "");
    const output::Seconds duration = std::chrono::steady_clock::now() - started;
    auto in_queue = loaded;
    if (is_mended)
        in_queue.rows = mending->rows;
    std::vector<run::ToReadBack> to_read_back;
    if (!part.ranges.empty())
        to_read_back.push_back(loaded_by(part, target_hypertable, loaded));
    if (is_mended && !to_read_back.empty())
        to_read_back.front().rows.reset(); // there are others between the ranges
    finish(claim,
           {{.id = task.id,
             .loaded = in_queue,
             .seconds = duration.count(),
             .run = copy_.run.id(),
             .worker = progress_.worker() + 1,
             .message = note,
             .state = state_before({task, *chunk, source_hypertable, target_hypertable})}},
           to_read_back);
    loader_.committed();
    done_.push_back(task);
    copy_.report.copied(task, loaded, duration, note);
}

/// Compares a chunk to mend, unless it must be copied as a whole. The locks that this takes in the
/// target are released: another connection may need to drop an empty chunk, and whoever compresses
/// a chunk must not wait for them.
Mending CopySession::find_mending(const load::Request& request) {
    const auto place = timescale::find_place(target(), {request.task.target, request.task.slices});
    std::optional<timescale::Chunk> chunk;
    if (place.same &&
        timescale::have_same_dimensions(request.source_hypertable, request.target_hypertable))
        chunk = timescale::read_chunk(target(), copy_.run.server(Side::target), *place.same);
    Mending mending{.obstacle = obstacle_in_target(chunk)};
    if (mending.obstacle.empty()) {
        progress_.now(output::Activity::comparing);
        try {
            mending = compare_to_mend(request, chunk, source(), target());
        } catch (const TaskError& error) {
            mending.obstacle = error.what(); // such as a generated column of another type
        }
    }
    target().execute("ROLLBACK TO SAVEPOINT loading");
    return mending;
}

bool CopySession::copy_together(postgres::Transaction& claim, const queue::Task& first) {
    const auto most = queue::maximum_group_size(first) - 1;
    if (most == 0 || copy_.options.load.strategy == load::Strategy::attach)
        return false;
    std::vector<queue::Task> tasks;
    if (copy_.run.board().unclaimed() > 0)
        tasks = queue::claim_more(target(), copy_.started, first, most, copy_.run.pool().size());
    for (const auto& task : tasks)
        tasks_.in_hand.push_back({.id = task.id});
    if (std::ranges::any_of(tasks, [&](const auto& task) {
            return copy_.run.crashes.is_suspect(task.id, session_.servers());
        })) {
        defer(claim);
        return true;
    }
    tasks.insert(tasks.begin(), first);
    if (tasks.size() > 1)
        begin(tasks);
    try {
        return try_together(claim, tasks);
    } catch (const TaskError&) {
        // One task makes the whole group fail. Copied one by one, only that task fails.
    } catch (const postgres::TransactionError& error) {
        run::rethrow_unless_of_task(error, copy_.run.stop);
    }
    defer(claim);
    return true;
}

/// Rolls back. The tasks in progress are claimed again later, and copied one by one.
void CopySession::defer(postgres::Transaction& claim) {
    claim.rollback();
    std::ranges::move(tasks_.in_hand, std::back_inserter(tasks_.pending));
    tasks_.in_hand.clear();
}

/// Reads the tasks' chunks in the source, and their places in the target, in one round trip to
/// both.
CopySession::ChunksAndPlaces
CopySession::read_chunks_and_places(const std::vector<queue::Task>& tasks) {
    std::vector<postgres::QualifiedName> names;
    std::vector<timescale::Hypercube> hypercubes;
    for (const auto& task : tasks) {
        names.push_back(task.chunk);
        hypercubes.push_back({task.target, task.slices});
    }
    timescale::ChunkQuery query(copy_.run.server(Side::source), names);
    const auto results = postgres::pipeline_both(source(), query.statements(), target(),
                                                 {places_statement(hypercubes)});
    return {query.finish(source(), results.first),
            timescale::places_from(results.second.front(), tasks.size())};
}

/// The statements that are sent to the source with the COPYs of a group: they begin the
/// transaction, and read the chunks again after locking them (see run::ChunkReading).
load::SmallChunkLoader::Reading
CopySession::reading_of(const std::vector<load::Request>& requests) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& request : requests)
        names.push_back(request.chunk.name);
    const timescale::ChunkQuery query(copy_.run.server(Side::source), names);
    return {.begin = {postgres::begin_read_transaction(std::nullopt), load::lock_patiently,
                      postgres::lock_statement(
                          names, "ACCESS SHARE",
                          /*with_children=*/!copy_.run.server(Side::source).has_timescaledb),
                      source().text_of(query.statements().front())},
            .check =
                [&requests](const std::vector<postgres::Result>& results) {
                    check_unchanged(
                        requests, timescale::ChunkQuery::briefly(results.back(), requests.size()));
                },
            .end = {"COMMIT"}};
}

/// \returns false, with nothing done, for a single task that is not simple.
bool CopySession::try_together(postgres::Transaction& claim,
                               const std::vector<queue::Task>& tasks) {
    run::require_sound(tasks);
    const auto started = std::chrono::steady_clock::now();
    const auto [chunks, all_places] = read_chunks_and_places(tasks);
    std::vector<std::int64_t> left;
    std::vector<load::Request> requests;
    std::vector<timescale::Place> places;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (!chunks[i]) {
            left.push_back(tasks[i].id);
            continue;
        }
        places.push_back(all_places[i]);
        requests.push_back({tasks[i], *chunks[i],
                            run::find_hypertable(copy_.sources, tasks[i].hypertable, "source"),
                            run::find_hypertable(copy_.targets, tasks[i].target, "target")});
    }
    const bool is_single = tasks.size() == 1;
    if (is_single &&
        (requests.empty() || !requests.front().task.whole || requests.front().chunk.compressed))
        return false;
    if (requests.empty())
        throw TaskError("they are gone from the source");
    const auto prepared = small_chunks_.prepare(requests, places);
    if (is_single && !load::SmallChunkLoader::is_simple(requests.front(), prepared.front()))
        return false;
    progress_.now(load::Step::copying);
    for (const auto& request : requests)
        copy_.report.started(request.task, progress_.worker());
    const auto loaded = [&] {
        const auto& snapshot = tasks.front().snapshot;
        // The tables of compressed chunks must be locked, too, which takes a ChunkReading.
        const bool goes_with_copies =
            !snapshot &&
            !load::converts_text(copy_.run.server(Side::source), copy_.run.server(Side::target)) &&
            std::ranges::none_of(
                requests, [](const auto& request) { return request.chunk.compressed.has_value(); });
        if (goes_with_copies) {
            postgres::Transaction transaction(source(), postgres::Transaction::BegunElsewhere{});
            auto result = small_chunks_.load(requests, prepared, reading_of(requests));
            transaction.ended();
            return result;
        }
        std::vector<postgres::QualifiedName> names;
        for (const auto& request : requests)
            names.push_back(request.chunk.name);
        const run::ChunkReading reading(source(), copy_.run.server(Side::source), snapshot, names);
        check_unchanged(requests, reading.chunks());
        return small_chunks_.load(requests, prepared, {});
    }();

    std::vector<queue::Finished> finished;
    std::vector<run::ToReadBack> to_read_back;
    const auto count = static_cast<double>(
        std::ranges::count_if(loaded, [](const auto& one) { return one.has_value(); }));
    const output::Seconds each =
        output::Seconds(std::chrono::steady_clock::now() - started) / std::max(count, 1.0);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (!loaded[i]) {
            left.push_back(requests[i].task.id);
            continue;
        }
        finished.push_back({.id = requests[i].task.id,
                            .loaded = *loaded[i],
                            .seconds = each.count(),
                            .run = copy_.run.id(),
                            .worker = progress_.worker() + 1,
                            .message = note_on(requests[i].task),
                            .state = state_before(requests[i])});
        to_read_back.push_back(
            loaded_by(requests[i].task, requests[i].target_hypertable, *loaded[i]));
    }
    finish(claim, finished, to_read_back);
    for (const auto id : left)
        tasks_.pending.push_back({.id = id});
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (loaded[i]) {
            done_.push_back(requests[i].task);
            copy_.report.copied(requests[i].task, *loaded[i], each, note_on(requests[i].task));
        }
    return true;
}

std::vector<postgres::Result> CopySession::commit(postgres::Transaction& claim,
                                                  std::vector<postgres::Statement> last) {
    tasks_.committing = true;
    try {
        auto results = claim.commit_with(std::move(last));
        tasks_.committing = false;
        tasks_.in_hand.clear();
        return results;
    } catch (const postgres::SqlError&) {
        tasks_.committing = false; // the outcome is known
        throw;
    }
}

void CopySession::finish(postgres::Transaction& claim, const std::vector<queue::Finished>& finished,
                         const std::vector<run::ToReadBack>& loaded) {
    // Check deferred constraints and read back the rows now, while the claim's savepoint still
    // exists.
    std::vector<postgres::Statement> last{{"SET CONSTRAINTS ALL IMMEDIATE"},
                                          run::read_back_statement(loaded),
                                          queue::finish_statement(finished)};
    // If no unclaimed task seems to be left, check in the same round trip.
    const bool asks = copy_.run.board().unclaimed() == 0;
    if (asks)
        last.push_back(queue::left_statement(copy_.started));
    try {
        const auto results = commit(claim, std::move(last));
        nothing_left_ = asks && results[3].empty();
    } catch (const postgres::SqlError& error) {
        if (const auto failure = run::read_back_failure(error))
            throw TaskError(*failure);
        throw;
    }
}

void CopySession::skip(postgres::Transaction& claim, const queue::Task& task,
                       const std::string& reason) {
    commit(claim, {queue::skip_statement(task, reason, own_id())});
    done_.push_back(task);
    copy_.report.skipped(task, reason);
}

void CopySession::fail(postgres::Transaction& claim, const queue::Task& task, std::string error,
                       const postgres::SqlError* cause) {
    // Keep the claim, so that no other worker tries the chunk before it is marked as failed.
    target().execute("ROLLBACK TO SAVEPOINT loading");
    // If the extension was updated or removed, every chunk would fail. This is reported once, and
    // no chunk is marked.
    session_.require_servers_unchanged();
    if (cause != nullptr)
        if (const auto raised = timescale::event_trigger_error(target(), *cause))
            error = raised->what();
    commit(claim, {queue::fail_statement(task, error, own_id())});
    done_.push_back(task);
    copy_.report.failed(task, error);
}

/// Reports a task that was being committed when the connection was lost, if this worker's commit
/// succeeded. If it did not, another worker may have copied the chunk since.
void CopySession::report_if_done(const PendingTask& pending) {
    const auto outcome = queue::find_outcome(target(), pending.id, own_id());
    if (!outcome)
        return;
    load::drop_staging_table(target(), pending.id);
    done_.push_back(outcome->task);
    if (outcome->error)
        copy_.report.failed(outcome->task, *outcome->error);
    else if (outcome->skipped)
        copy_.report.skipped(outcome->task, outcome->message.value_or(""));
    else
        copy_.report.copied(outcome->task, outcome->loaded, output::Seconds(outcome->seconds),
                            outcome->message);
}

} // namespace copy
