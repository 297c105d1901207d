#include "commands/verify_worker.hpp"

#include "commands/reading.hpp"
#include "tasks/queue.hpp"
#include "timescale/row_filter.hpp"
#include "workers/retry.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>

namespace commands {

namespace {

std::string reason_json(const std::string& reason) {
    return nlohmann::json{{"not_compared", reason}}.dump();
}

} // namespace

VerifyWorker::VerifyWorker(VerifyRun& run)
    : run_(run), source_(run.options.source, Role::source, "verify"),
      target_(run.options.target, Role::target, "verify"),
      queue_(run.options.target, Role::target, "verify") {
    run_.cancellation.add(source_.connection);
    run_.cancellation.add(target_.connection);
}

VerifyWorker::~VerifyWorker() {
    run_.cancellation.remove(target_.connection);
    run_.cancellation.remove(source_.connection);
}

void VerifyWorker::run() {
    while (!run_.stop.is_requested() && verify_next()) {
    }
}

bool VerifyWorker::verify_next() {
    postgres::Transaction claim(queue_.connection);
    const auto task = tasks::claim_comparison(queue_.connection, run_.started, run_.options.all);
    if (!task)
        return false;
    for (int attempts = 1; !attempt(*task, attempts >= workers::max_attempts); ++attempts)
        workers::wait_before_retry(run_.stop, attempts);
    claim.commit();
    return true;
}

bool VerifyWorker::attempt(const tasks::Task& task, bool last) {
    std::string reason;
    try {
        verify_claimed(task);
        return true;
    } catch (const TaskError& error) {
        reason = error.what();
    } catch (const postgres::SqlError& error) {
        run_.stop.check(); // a cancelled statement is how stopping at once looks from here
        if (error.remedy() == postgres::Remedy::stop)
            throw;
        if (error.remedy() == postgres::Remedy::retry && !last)
            return false;
        reason = error.what();
    }
    finish(task, reason_json(reason));
    run_.report.not_compared(task.chunk, reason);
    return true;
}

void VerifyWorker::verify_claimed(const tasks::Task& task) {
    const auto started = std::chrono::steady_clock::now();
    const auto reading_source = begin_reading(source_.connection, task);
    const auto chunk = open_chunk(source_.connection, task.chunk);
    if (!chunk)
        throw TaskError("it is gone from the source");
    // One snapshot here too: what is written to the target meanwhile is not half seen.
    const postgres::Transaction reading_target(target_.connection,
                                               begin_read_transaction(std::nullopt));
    const auto verdict = verify::compare(comparison(task, *chunk));
    if (!verdict.difference) {
        finish(task, std::nullopt);
        run_.report.equal(task.chunk, verdict.rows, std::chrono::steady_clock::now() - started);
        return;
    }
    const auto axis =
        timescale::axis_of(find_hypertable(run_.sources, task.hypertable, "source").time.type);
    finish(task, report::difference_json(*verdict.difference, axis));
    run_.report.differs(task.chunk, *verdict.difference, axis);
}

verify::Comparison VerifyWorker::comparison(const tasks::Task& task,
                                            const timescale::Chunk& chunk) {
    const auto& source = find_hypertable(run_.sources, task.hypertable, "source");
    find_hypertable(run_.targets, task.target, "target");
    const auto filter = task.whole ? "true" : timescale::row_filter(source.time, task.ranges);
    verify::Comparison comparison{
        .source = {source_.connection, chunk.name.quoted(), filter},
        // Rows that the target keeps in chunks of other slices.
        .target = {target_.connection, task.target.quoted(),
                   fmt::format("{} AND {}",
                               timescale::hypercube_filter(source.dimensions, task.slices),
                               filter)},
        .columns = {},
        .time = source.time,
        .key = source.key,
        .mode = run_.mode,
        .hashes_alike = run_.hashes_alike,
        .max_examples = run_.options.max_differences};

    const auto place = timescale::find_place(target_.connection, {task.target, task.slices});
    if (place.is_free())
        throw TaskError("it is gone from the target");
    auto target_columns = chunk.columns;
    if (place.same) {
        const auto target_chunk = open_chunk(target_.connection, *place.same);
        if (!target_chunk)
            throw TaskError("it is gone from the target");
        comparison.target.table = target_chunk->name.quoted();
        comparison.target.condition = filter;
        target_columns = target_chunk->columns;
    }
    comparison.columns = verify::compared_columns(chunk.columns, target_columns);
    return comparison;
}

void VerifyWorker::finish(const tasks::Task& task, const std::optional<std::string>& difference) {
    tasks::finish_comparison(queue_.connection, task, difference, run_.options.requeue);
}

} // namespace commands
