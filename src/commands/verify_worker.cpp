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
    postgres::Transaction claim(queue_.connection,
                                std::vector<postgres::Statement>{
                                    {"BEGIN"}, tasks::claim_comparison_statement(run_.started)});
    const auto first = tasks::claimed(claim.results().back());
    if (!first)
        return false;
    std::vector<tasks::Task> tasks{*first};
    if (const auto more = tasks::companions_of(*first); more > 0) {
        for (auto& task : tasks::claim_more_comparisons(queue_.connection, run_.started, *first,
                                                        more, run_.options.parallelism))
            tasks.push_back(std::move(task));
        if (tasks.size() > 1)
            tasks = verify_together(tasks);
    }
    for (const auto& task : tasks)
        for (int attempts = 1; !attempt(task, attempts >= workers::max_attempts); ++attempts)
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
    const ChunkReading source(source_.connection, task.snapshot, {task.chunk});
    if (!source.chunk())
        throw TaskError("it is gone from the source");
    check_visible(*source.chunk());
    const auto place = timescale::find_place(target_.connection, {task.target, task.slices});
    if (place.is_free())
        throw TaskError("it is gone from the target");
    // One snapshot there too: what is written to the target meanwhile is not half seen.
    std::optional<ChunkReading> reading;
    std::optional<postgres::Transaction> transaction;
    std::optional<timescale::Chunk> target;
    if (place.same) {
        target =
            reading.emplace(target_.connection, std::nullopt, std::vector{*place.same}).chunk();
        if (!target)
            throw TaskError("it is gone from the target");
    } else {
        transaction.emplace(target_.connection, begin_read_transaction(std::nullopt));
    }
    const auto verdict = verify::compare(comparison(task, *source.chunk(), target));
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

std::vector<tasks::Task> VerifyWorker::verify_together(const std::vector<tasks::Task>& tasks) {
    try {
        return try_together(tasks);
    } catch (const TaskError&) {
        // One of them spoils it for all; one by one, it will be the only one.
    } catch (const postgres::SqlError& error) {
        run_.stop.check();
        if (error.remedy() == postgres::Remedy::stop)
            throw;
    }
    return tasks;
}

std::vector<tasks::Task> VerifyWorker::try_together(const std::vector<tasks::Task>& tasks) {
    const auto started = std::chrono::steady_clock::now();
    std::vector<postgres::QualifiedName> names;
    std::vector<timescale::Hypercube> hypercubes;
    for (const auto& task : tasks) {
        names.push_back(task.chunk);
        hypercubes.push_back({task.target, task.slices});
    }
    const ChunkReading source(source_.connection, tasks.front().snapshot, names);
    const auto places = timescale::find_places(target_.connection, hypercubes);
    std::vector<postgres::QualifiedName> target_names;
    for (const auto& place : places) {
        if (!place.same)
            return tasks;
        target_names.push_back(*place.same);
    }
    const ChunkReading target(target_.connection, std::nullopt, target_names);

    std::vector<verify::Comparison> comparisons;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const auto& chunk = source.chunks()[i];
        if (!chunk || !target.chunks()[i])
            return tasks;
        check_visible(*chunk);
        comparisons.push_back(comparison(tasks[i], *chunk, target.chunks()[i]));
    }
    const auto verdicts = verify::compare_briefly(comparisons);
    const report::Seconds each =
        report::Seconds(std::chrono::steady_clock::now() - started) / tasks.size();
    std::vector<tasks::Task> rest;
    std::vector<std::int64_t> equal;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (verdicts[i].difference)
            rest.push_back(tasks[i]);
        else
            equal.push_back(tasks[i].id);
    }
    tasks::finish_equal(queue_.connection, equal);
    for (std::size_t i = 0; i < tasks.size(); ++i)
        if (!verdicts[i].difference)
            run_.report.equal(tasks[i].chunk, verdicts[i].rows, each);
    return rest;
}

verify::Comparison VerifyWorker::comparison(const tasks::Task& task, const timescale::Chunk& source,
                                            const std::optional<timescale::Chunk>& target) {
    const auto& hypertable = find_hypertable(run_.sources, task.hypertable, "source");
    find_hypertable(run_.targets, task.target, "target");
    const auto filter = task.whole ? "true" : timescale::row_filter(hypertable.time, task.ranges);
    verify::Comparison comparison{
        .source = {source_.connection, source.name.quoted(), filter},
        // Rows that the target keeps in chunks of other slices.
        .target = {target_.connection, task.target.quoted(),
                   fmt::format("{} AND {}",
                               timescale::hypercube_filter(hypertable.dimensions, task.slices),
                               filter)},
        .columns = {},
        .time = hypertable.time,
        .key = hypertable.key,
        .mode = run_.mode,
        .hashes_alike = run_.hashes_alike,
        .max_examples = run_.options.max_differences};
    if (target) {
        comparison.target.table = target->name.quoted();
        comparison.target.condition = filter;
    }
    comparison.columns =
        verify::compared_columns(source.columns, target ? target->columns : source.columns);
    return comparison;
}

void VerifyWorker::finish(const tasks::Task& task, const std::optional<std::string>& difference) {
    tasks::finish_comparison(queue_.connection, task, difference, run_.options.requeue);
}

} // namespace commands
