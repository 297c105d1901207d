#include "commands/copy_worker.hpp"

#include "commands/reading.hpp"
#include "tasks/queue.hpp"
#include "workers/retry.hpp"

#include <fmt/format.h>

#include <chrono>

namespace commands {

CopyWorker::CopyWorker(CopyRun& run)
    : run_(run), source_(run.options.source, Role::source, "copy"),
      target_(run.options.target, Role::target, "copy"),
      loader_({.source = source_.connection,
               .source_server = source_.server,
               .target = target_.connection,
               .target_server = target_.server,
               .builder = [this]() -> postgres::Connection& {
                   return builder();
               }},
              run.options.strategy, [&run] { run.stop.check(); }) {
    run_.cancellation.add(source_.connection);
    add_target(target_);
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
    run_.cancellation.add(target.connection);
}

postgres::Connection& CopyWorker::builder() {
    if (!builder_)
        add_target(builder_.emplace(run_.options.target, Role::target, "copy"));
    return builder_->connection;
}

void CopyWorker::run() {
    while (!run_.stop.is_requested() && copy_next()) {
    }
}

bool CopyWorker::copy_next() {
    std::optional<std::int64_t> id;
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
    postgres::Transaction claim(target_.connection, fmt::format("BEGIN; {}", set_lock_timeout));
    task_ = tasks::claim(target_.connection, run_.started, id);
    if (!task_)
        return Outcome::nothing_to_claim;
    target_.connection.execute("SAVEPOINT loading");
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
    const auto reading = begin_reading(source_.connection, task);
    const auto chunk = open_chunk(source_.connection, task.chunk);
    if (!chunk)
        return skip(claim, task, "it is gone from the source");
    return load_claimed(claim, task, *chunk);
}

CopyWorker::Outcome CopyWorker::load_claimed(postgres::Transaction& claim, const tasks::Task& task,
                                             const timescale::Chunk& chunk) {
    const load::Job job{task, chunk, find_hypertable(run_.sources, task.hypertable, "source"),
                        find_hypertable(run_.targets, task.target, "target")};

    const auto started = std::chrono::steady_clock::now();
    auto prepared = loader_.prepare(job);
    const auto loaded = loader_.load(job, prepared);
    const report::Seconds duration = std::chrono::steady_clock::now() - started;
    std::optional<std::string> note;
    if (prepared.plan.into == load::Plan::Into::hypertable)
        note = "through the hypertable: " + prepared.plan.reason;
    else if (chunk.compressed && prepared.plan.what == load::Plan::What::rows)
        note = "decompressed: " + prepared.plan.reason;
    tasks::finish(
        target_.connection,
        {{.id = task.id, .loaded = loaded, .seconds = duration.count(), .message = note}});
    claim.commit();
    loader_.committed();
    run_.report.copied(task.chunk, loaded, duration, note);
    return Outcome::done;
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
