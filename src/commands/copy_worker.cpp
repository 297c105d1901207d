#include "commands/copy_worker.hpp"

#include "commands/reading.hpp"
#include "tasks/queue.hpp"
#include "workers/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace commands {

CopyWorker::CopyWorker(CopyRun& run)
    : run_(run), source_(run.options.source, Role::source, "copy"),
      target_(run.options.target, Role::target, "copy"),
      loader_(ends(), run.options.strategy, [&run] { run.stop.check(); }),
      batch_loader_(ends(), run.options.strategy, [&run] { run.stop.check(); }) {
    run_.cancellation.add(source_.connection);
    add_target(target_);
}

load::Ends CopyWorker::ends() {
    return {.source = source_.connection,
            .source_server = source_.server,
            .target = target_.connection,
            .target_server = target_.server,
            .builder = [this]() -> postgres::Connection& { return builder(); },
            .crew = run_.crew};
}

CopyWorker::~CopyWorker() {
    if (builder_)
        run_.cancellation.remove(builder_->connection);
    run_.cancellation.remove(target_.connection);
    run_.cancellation.remove(source_.connection);
}

void CopyWorker::add_target(Endpoint& target) {
    // What is loaded has been aggregated in the source already, and its aggregates are loaded too.
    if (target.server.can_skip_invalidations())
        target.connection.execute("SET timescaledb.skip_cagg_invalidation = on");
    // Rows and mark are lost together, if the server crashes before they are on its disk;
    // tasks::make_durable() waits for all of them in the end.
    target.connection.execute("SET synchronous_commit = off");
    run_.cancellation.add(target.connection);
}

postgres::Connection& CopyWorker::builder() {
    if (!builder_)
        add_target(builder_.emplace(run_.options.target, Role::target, "copy"));
    return builder_->connection;
}

void CopyWorker::run(load::Crew::Member& member) {
    while (!run_.stop.is_requested() && copy_next()) {
    }
    load::Hands hands{.source = source_.connection,
                      .target = target_.connection,
                      .is_owner = false,
                      .check = [this] {
                          run_.stop.check();
                      }};
    while (member.help(hands)) {
    }
}

bool CopyWorker::copy_next() {
    if (one_by_one_.empty())
        return copy_one(std::nullopt);
    const auto id = one_by_one_.back();
    one_by_one_.pop_back();
    return copy_one(id);
}

bool CopyWorker::copy_one(std::optional<std::int64_t> id) {
    for (int attempts = 0;;) {
        switch (attempt(id, attempts + 1 >= workers::max_attempts)) {
        case Outcome::nothing_to_claim:
            // When it was one of ours, another worker has it now, and there may be more.
            return id.has_value();
        case Outcome::done:
            return true;
        case Outcome::wait_and_claim_again:
            id = task_->id;
            workers::wait_before_retry(run_.stop, ++attempts);
            break;
        }
    }
}

CopyWorker::Outcome CopyWorker::attempt(std::optional<std::int64_t> id, bool last) {
    // When the claim's transaction has ended, whichever way.
    const load::Loader::Cleanup cleanup(loader_);
    return claim_and_copy(id, last);
}

CopyWorker::Outcome CopyWorker::claim_and_copy(std::optional<std::int64_t> id, bool last) {
    postgres::Transaction claim(target_.connection, std::vector<postgres::Statement>{
                                                        {"BEGIN"},
                                                        {set_lock_timeout},
                                                        tasks::claim_statement(run_.started, id),
                                                        {"SAVEPOINT loading"}});
    task_ = tasks::claimed(claim.results()[2]);
    if (!task_)
        return Outcome::nothing_to_claim;
    if (!id && copy_together(claim, *task_))
        return Outcome::done;
    try {
        return copy_claimed(claim, *task_);
    } catch (const TaskError& error) {
        return fail(claim, *task_, error.what());
    } catch (const postgres::SqlError& error) {
        run_.stop.check(); // a cancelled statement is how stopping at once looks from here
        if (error.remedy() == postgres::Remedy::stop)
            throw;
        if (error.remedy() == postgres::Remedy::retry && !last)
            return Outcome::wait_and_claim_again;
        return fail(claim, *task_, error.what());
    }
}

CopyWorker::Outcome CopyWorker::copy_claimed(postgres::Transaction& claim,
                                             const tasks::Task& task) {
    const auto chunk = timescale::read_chunk(source_.connection, task.chunk);
    if (!chunk)
        return skip(claim, task, "it is gone from the source");
    const auto started = std::chrono::steady_clock::now();
    const auto& source_hypertable = find_hypertable(run_.sources, task.hypertable, "source");
    const auto& target_hypertable = find_hypertable(run_.targets, task.target, "target");
    auto prepared = loader_.prepare({task, *chunk, source_hypertable, target_hypertable});
    const ChunkReading reading(source_.connection, task.snapshot, {task.chunk});
    const auto& now = reading.chunk();
    if (now)
        check_visible(*now);
    if (!now || !timescale::is_unchanged(*chunk, *now))
        throw postgres::SqlError("40001", "the chunk has just changed in the source");

    const auto loaded = loader_.load({task, *now, source_hypertable, target_hypertable}, prepared);
    const report::Seconds duration = std::chrono::steady_clock::now() - started;
    std::optional<std::string> note;
    if (prepared.plan.into == load::Plan::Into::hypertable)
        note = "through the hypertable: " + prepared.plan.reason;
    else if (now->compressed && prepared.plan.what == load::Plan::What::rows)
        note = "decompressed: " + prepared.plan.reason;
    claim.commit_with({tasks::finish_statement(
        {{.id = task.id, .loaded = loaded, .seconds = duration.count(), .message = note}})});
    loader_.committed();
    run_.report.copied(task.chunk, loaded, duration, note);
    return Outcome::done;
}

bool CopyWorker::copy_together(postgres::Transaction& claim, const tasks::Task& first) {
    const auto most = tasks::companions_of(first);
    if (most == 0 || run_.options.strategy == load::Strategy::attach)
        return false;
    auto tasks =
        tasks::claim_more(target_.connection, run_.started, first, most, run_.options.parallelism);
    if (tasks.empty())
        return false;
    tasks.insert(tasks.begin(), first);
    try {
        copy_batch(claim, tasks);
        return true;
    } catch (const TaskError&) {
        // One of them spoils it for all; one by one, it will be the only one.
    } catch (const postgres::SqlError& error) {
        run_.stop.check();
        if (error.remedy() == postgres::Remedy::stop)
            throw;
    }
    if (claim.is_open())
        claim.rollback();
    for (const auto& task : tasks)
        one_by_one_.push_back(task.id);
    return true;
}

void CopyWorker::copy_batch(postgres::Transaction& claim, const std::vector<tasks::Task>& tasks) {
    const auto started = std::chrono::steady_clock::now();
    std::vector<postgres::QualifiedName> names;
    names.reserve(tasks.size());
    for (const auto& task : tasks)
        names.push_back(task.chunk);
    const auto chunks = timescale::read_chunks(source_.connection, names);
    std::vector<std::int64_t> left;
    std::vector<load::Job> jobs;
    names.clear();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (!chunks[i]) {
            left.push_back(tasks[i].id);
            continue;
        }
        names.push_back(tasks[i].chunk);
        jobs.push_back({tasks[i], *chunks[i],
                        find_hypertable(run_.sources, tasks[i].hypertable, "source"),
                        find_hypertable(run_.targets, tasks[i].target, "target")});
    }
    if (jobs.empty())
        throw TaskError("they are gone from the source");
    const auto prepared = batch_loader_.prepare(jobs);
    const ChunkReading reading(source_.connection, tasks.front().snapshot, names);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto& now = reading.chunks()[i];
        if (!now || now->rewritten || !timescale::is_unchanged(jobs[i].chunk, *now))
            throw TaskError("a chunk has just changed in the source");
    }
    const auto loaded = batch_loader_.load(jobs, prepared);

    std::vector<tasks::Finished> finished;
    const auto count = static_cast<double>(
        std::ranges::count_if(loaded, [](const auto& one) { return one.has_value(); }));
    const report::Seconds each =
        report::Seconds(std::chrono::steady_clock::now() - started) / std::max(count, 1.0);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (loaded[i])
            finished.push_back(
                {.id = jobs[i].task.id, .loaded = *loaded[i], .seconds = each.count()});
        else
            left.push_back(jobs[i].task.id);
    }
    claim.commit_with({tasks::finish_statement(finished)});
    one_by_one_.insert(one_by_one_.end(), left.begin(), left.end());
    for (std::size_t i = 0; i < jobs.size(); ++i)
        if (loaded[i])
            run_.report.copied(jobs[i].task.chunk, *loaded[i], each, std::nullopt);
}

CopyWorker::Outcome CopyWorker::skip(postgres::Transaction& claim, const tasks::Task& task,
                                     const std::string& reason) {
    tasks::skip(target_.connection, task, reason);
    claim.commit();
    run_.report.skipped(task.chunk, reason);
    return Outcome::done;
}

CopyWorker::Outcome CopyWorker::fail(postgres::Transaction& claim, const tasks::Task& task,
                                     const std::string& error) {
    // The claim outlives what failed, so that no other worker tries the chunk before it is marked.
    if (claim.is_open())
        target_.connection.execute("ROLLBACK TO SAVEPOINT loading");
    tasks::fail(target_.connection, task, error);
    if (claim.is_open())
        claim.commit();
    run_.report.failed(task.chunk, error);
    return Outcome::done;
}

} // namespace commands
