#include "verify/session.hpp"

#include "json/value.hpp"
#include "postgres/transaction.hpp"
#include "queue/claims.hpp"
#include "run/reading.hpp"
#include "run/worker.hpp"
#include "verify/batches.hpp"
#include "verify/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

namespace verify {

namespace {

std::string reason_json(const std::string& reason) {
    return json::dump(json::Object{{"not_compared", reason}});
}

} // namespace

VerifySession::VerifySession(VerifyRun& verify, run::WorkerProgress& progress,
                             std::vector<Verdict>& in_doubt)
    : verify_(verify), progress_(progress), session_(verify.run, progress), in_doubt_(in_doubt) {
    session_.queue();
    report_committed_verdicts();
}

/// Reports the verdicts in doubt that were committed.
/// \pre the backends of those commits have ended.
void VerifySession::report_committed_verdicts() {
    if (in_doubt_.empty())
        return;
    std::map<std::int64_t, std::string> compared;
    for (const auto& verdict : in_doubt_)
        compared[verdict.task.id] = verdict.compared;
    const auto committed = queue::committed_verdicts(queue(), compared);
    std::erase_if(in_doubt_,
                  [&](const auto& verdict) { return !committed.contains(verdict.task.id); });
    std::vector<queue::Task> done;
    for (const auto& verdict : in_doubt_) {
        verdict.report(verify_.report, verdict.task);
        done.push_back(verdict.task);
    }
    progress_.end(done);
    in_doubt_.clear();
}

bool VerifySession::verify_next() {
    const auto check = [&] {
        progress_.check();
    };
    turn_.emplace(verify_.run.crashes, /*alone=*/false, check);
    verdicts_.clear();
    in_hand_.clear();
    claimed_ = 0;
    postgres::Transaction claim(queue(),
                                std::vector<postgres::Statement>{
                                    {"BEGIN"}, queue::claim_comparison_statement(verify_.started)});
    const auto first = queue::claimed(claim.results().back());
    if (!first) {
        turn_.reset();
        return false;
    }
    std::vector<queue::Task> tasks{*first};
    if (const auto more = queue::maximum_group_size(*first) - 1; more > 0)
        for (auto& task : queue::claim_more_comparisons(queue(), verify_.started, *first, more,
                                                        verify_.run.pool().size()))
            tasks.push_back(std::move(task));
    claimed_ = tasks.size();
    progress_.begin(tasks);
    progress_.now(output::Activity::comparing);
    const bool is_suspect = std::ranges::any_of(tasks, [&](const auto& task) {
        return verify_.run.crashes.is_suspect(task.id, session_.servers());
    });
    if (is_suspect) {
        turn_->become_alone(check);
        session_.end_abandoned();
        session_.check_servers();
    }
    for (const auto& task : tasks.size() > 1 && !is_suspect ? verify_together(tasks) : tasks)
        compare(task);
    end();
    in_doubt_ = std::move(verdicts_);
    claim.commit();
    progress_.end(tasks);
    for (const auto& verdict : in_doubt_)
        verdict.report(verify_.report, verdict.task);
    in_doubt_.clear();
    turn_.reset();
    return true;
}

void VerifySession::begin(std::int64_t task) {
    verify_.run.crashes.begin(task, session_.servers());
    in_hand_.push_back(task);
}

void VerifySession::end() {
    for (const auto task : std::exchange(in_hand_, {}))
        verify_.run.crashes.end(task);
}

void VerifySession::compare(const queue::Task& task) {
    end();
    if (const auto refusal = verify_.run.crashes.refusal(task.id, session_.servers())) {
        give_up(task, refusal->what());
        return;
    }
    begin(task.id);
    for (int attempts = 1; !attempt(task, attempts > verify_.options.retry.max_retries); ++attempts)
        run::wait_before_retry(verify_.run.stop, attempts);
}

void VerifySession::give_up(const queue::Task& task, const std::string& reason) {
    finish(
        task, reason_json(reason),
        [reason](auto& report, const auto& of) { report.not_compared(of, reason); },
        queue::Requeue::to_copy, std::nullopt);
}

bool VerifySession::attempt(const queue::Task& task, bool last) {
    std::string reason;
    try {
        verify_claimed(task);
        return true;
    } catch (const TaskError& error) {
        reason = error.what();
    } catch (const postgres::TransactionError& error) {
        run::rethrow_unless_of_task(error, verify_.run.stop);
        if (error.reaction() == postgres::Reaction::retry && !last) {
            progress_.note_retry(error);
            return false;
        }
        reason = error.what();
    }
    give_up(task, reason);
    return true;
}

void VerifySession::verify_claimed(const queue::Task& task) {
    const auto started = std::chrono::steady_clock::now();
    run::require_sound({task});
    const run::ChunkReading source(session_.source().connection, verify_.run.server(Side::source),
                                   task.snapshot, {task.chunk});
    if (!source.chunk())
        throw TaskError("it is gone from the source");
    run::check_visible(*source.chunk());
    const auto place =
        timescale::find_place(session_.target().connection, {task.target, task.slices});
    // One snapshot for the target, too, so that concurrent writes are not partly visible.
    std::optional<run::ChunkReading> reading;
    std::optional<postgres::Transaction> transaction;
    std::optional<timescale::Chunk> target;
    if (place.same && have_same_chunks(task)) {
        target = reading
                     .emplace(session_.target().connection, verify_.run.server(Side::target),
                              std::nullopt, std::vector{*place.same})
                     .chunk();
        if (!target)
            throw TaskError("it is gone from the target");
    } else {
        transaction.emplace(session_.target().connection,
                            postgres::begin_read_transaction(std::nullopt));
    }
    const auto both = comparison(task, *source.chunk(), target);
    auto verdict = compare_chunks({task}, {both}, source.chunks(), {target}).front();
    // A missing chunk is a difference only if there were rows to copy.
    if (verdict.difference && place.is_free())
        throw TaskError("it is gone from the target");
    if (!verdict.difference) {
        const auto duration = std::chrono::steady_clock::now() - started;
        finish(
            task, std::nullopt,
            [verdict, duration](auto& report, const auto& of) {
                report.equal(of, verdict, duration);
            },
            queue::Requeue::no, verdict.way(verify_.mode));
        return;
    }
    explain(both, *verdict.difference);
    const auto axis = timescale::axis_of(
        run::find_hypertable(verify_.sources, task.hypertable, "source").time.type);
    finish(
        task, difference_json(*verdict.difference, axis),
        [difference = *verdict.difference, axis](auto& report, const auto& of) {
            report.differs(of, difference, axis);
        },
        verdict.difference->is_generated() ? queue::Requeue::no : queue::Requeue::to_mend,
        verdict.way(verify_.mode));
}

std::vector<queue::Task> VerifySession::verify_together(const std::vector<queue::Task>& tasks) {
    for (const auto& task : tasks)
        begin(task.id);
    try {
        return try_together(tasks);
    } catch (const TaskError&) {
        // One task makes the whole group fail. Compared one by one, only that task fails.
    } catch (const postgres::TransactionError& error) {
        run::rethrow_unless_of_task(error, verify_.run.stop);
    }
    return tasks;
}

std::vector<queue::Task> VerifySession::try_together(const std::vector<queue::Task>& tasks) {
    run::require_sound(tasks);
    const auto started = std::chrono::steady_clock::now();
    std::vector<postgres::QualifiedName> names;
    std::vector<timescale::Hypercube> hypercubes;
    for (const auto& task : tasks) {
        names.push_back(task.chunk);
        hypercubes.push_back({task.target, task.slices});
    }
    const run::ChunkReading source(session_.source().connection, verify_.run.server(Side::source),
                                   tasks.front().snapshot, names);
    if (!have_same_chunks(tasks.front()))
        return tasks;
    const auto places = timescale::find_places(session_.target().connection, hypercubes);
    std::vector<postgres::QualifiedName> target_names;
    for (const auto& place : places) {
        if (!place.same)
            return tasks;
        target_names.push_back(*place.same);
    }
    const run::ChunkReading target(session_.target().connection, verify_.run.server(Side::target),
                                   std::nullopt, target_names);

    std::vector<Comparison> comparisons;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const auto& chunk = source.chunks()[i];
        if (!chunk || !target.chunks()[i])
            return tasks;
        run::check_visible(*chunk);
        comparisons.push_back(comparison(tasks[i], *chunk, target.chunks()[i]));
    }
    const auto verdicts = compare_chunks(tasks, comparisons, source.chunks(), target.chunks());
    const output::Seconds each =
        output::Seconds(std::chrono::steady_clock::now() - started) / tasks.size();
    std::vector<queue::Task> rest;
    std::map<std::string, std::vector<std::int64_t>> equal; // by what was compared
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (verdicts[i].difference)
            rest.push_back(tasks[i]);
        else
            equal[verdicts[i].way(verify_.mode)].push_back(tasks[i].id);
    }
    std::map<std::string, std::string> compared;
    for (const auto& [way, ids] : equal)
        compared[way] =
            queue::finish_comparison(queue(), ids, std::nullopt, queue::Requeue::no, way);
    for (std::size_t i = 0; i < tasks.size(); ++i)
        if (!verdicts[i].difference)
            verdicts_.push_back({tasks[i], compared[verdicts[i].way(verify_.mode)],
                                 [verdict = verdicts[i], each](auto& report, const auto& of) {
                                     report.equal(of, verdict, each);
                                 }});
    return rest;
}

bool VerifySession::may_compare_batches(const queue::Task& task, const timescale::Chunk& source,
                                        const std::optional<timescale::Chunk>& target) const {
    return verify_.mode == Mode::digest && task.whole && target &&
           have_comparable_batches(verify_.run.server(Side::source),
                                   verify_.run.server(Side::target), source, *target);
}

std::vector<ComparisonResult>
VerifySession::compare_chunks(const std::vector<queue::Task>& tasks,
                              const std::vector<Comparison>& comparisons,
                              const std::vector<std::optional<timescale::Chunk>>& sources,
                              const std::vector<std::optional<timescale::Chunk>>& targets) const {
    std::vector<BatchComparison> batches;
    std::vector<std::size_t> places; // of these comparisons among all
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (!may_compare_batches(tasks[i], *sources[i], targets[i]))
            continue;
        batches.push_back({comparisons[i], *sources[i], *targets[i]});
        places.push_back(i);
    }
    std::vector<std::optional<ComparisonResult>> results(tasks.size());
    const auto equal = compare_batches(batches);
    for (std::size_t i = 0; i < equal.size(); ++i)
        results[places[i]] = equal[i];
    std::vector<Comparison> rest;
    for (std::size_t i = 0; i < tasks.size(); ++i)
        if (!results[i])
            rest.push_back(comparisons[i]);
    auto compared = compare_rows(rest);
    auto next = compared.begin();
    std::vector<ComparisonResult> all;
    for (auto& result : results)
        all.push_back(result ? std::move(*result) : std::move(*next++));
    return all;
}

/// True if chunks of the same slices have the same rows on both sides.
bool VerifySession::have_same_chunks(const queue::Task& task) const {
    return timescale::have_same_dimensions(
        run::find_hypertable(verify_.sources, task.hypertable, "source"),
        run::find_hypertable(verify_.targets, task.target, "target"));
}

Comparison VerifySession::comparison(const queue::Task& task, const timescale::Chunk& source,
                                     const std::optional<timescale::Chunk>& target) {
    const auto& hypertable = run::find_hypertable(verify_.sources, task.hypertable, "source");
    const auto& in_target = run::find_hypertable(verify_.targets, task.target, "target");
    Comparison comparison{
        .sides = comparison::sides_of({task, hypertable, in_target, source, target},
                                      session_.source().connection, session_.target().connection,
                                      verify_.hashes_alike),
        .key = hypertable.key,
        .time = hypertable.time.column,
        .generated = {},
        .mode = verify_.mode,
        .max_examples = verify_.options.max_differences};
    for (const auto& column : in_target.columns)
        if (column.generated)
            comparison.generated.push_back(column.name);
    return comparison;
}

void VerifySession::finish(const queue::Task& task, const std::optional<std::string>& difference,
                           ReportFunction report, queue::Requeue wanted,
                           const std::optional<std::string>& way) {
    const auto& options = verify_.options;
    const bool takes = options.requeue || (options.repair && wanted == queue::Requeue::to_mend);
    const auto requeue = takes ? wanted : queue::Requeue::no;
    auto compared = queue::finish_comparison(queue(), {task.id}, difference, requeue, way);
    verdicts_.push_back({task, std::move(compared), std::move(report)});
}

} // namespace verify
