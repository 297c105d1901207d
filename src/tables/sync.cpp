#include "tables/sync.hpp"

#include "comparison/sides.hpp"
#include "queue/counts.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"
#include "run/lock_waits.hpp"
#include "run/throttle.hpp"
#include "tables/sequences.hpp"
#include "tables/worker.hpp"

#include <fmt/format.h>

#include <optional>
#include <thread>
#include <utility>

namespace tables {

namespace {

using output::Importance;

/// Waits between two passes. \returns false if the user has stopped the program.
bool wait_for_next(const run::Run& run, std::chrono::seconds pause) {
    const auto until = std::chrono::steady_clock::now() + pause;
    while (std::chrono::steady_clock::now() < until && !run.is_interrupted())
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return !run.is_interrupted();
}

ExitStatus status_of(const SyncReport& report, const SyncOptions& options) {
    if (report.found_failures())
        return options.command == "verify" ? exit_differences : exit_failed;
    const bool differ =
        report.found_differences() || (options.only_compares && report.found_sequences());
    return differ ? exit_differences : exit_done;
}

/// \param goes_on set to true if another pass must follow.
ExitStatus pass(const SyncOptions& options, output::Output& output, bool& goes_on) {
    run::Run run({.command = options.command,
                  .source = options.source,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry,
                  .throttle = options.throttle},
                 output);
    auto ends =
        run::connect_both(options.source, options.target, options.command, run::Session::first);
    run::require_different(ends);
    std::optional<run::LockWatch> lock_watch(std::in_place, ends, options.command, output);
    if (!options.only_compares)
        run::require_finished_clone(ends.target.connection, options.command);
    run::Throttle::require(options.throttle, &ends.source, ends.target, options.command);
    const bool alike = comparison::hash_alike(ends.source.connection, ends.target.connection);
    const auto plan = make_plan(ends.source, ends.target, options);
    lock_watch.reset();
    SyncReport report(output, options);
    const auto count = static_cast<std::int64_t>(plan.units.size());
    std::int64_t tables = 0;
    std::int64_t bytes = 0;
    for (const auto& unit : plan.units) {
        tables += static_cast<std::int64_t>(unit.tables.size());
        bytes += unit.bytes();
    }
    report.begun(tables, ends);
    for (const auto& refusal : plan.refusals)
        report.refused(refusal.name, refusal.text());
    Schedule schedule(plan);
    Pass shared{.run = run,
                .options = options,
                .plan = plan,
                .bytes = bytes,
                .hashes_alike = alike,
                .schedule = schedule,
                .report = report};
    queue::OwnRun own;
    if (queue::is_known(ends.target.connection))
        own = queue::own_run_from(
            ends.target.connection.pipeline({queue::number_statement()}).front());
    run.begin(
        {.count = count, .bytes = 0, .data_bytes = bytes, .noun = "table", .is_in_queue = false},
        std::move(own), std::move(ends.source), std::move(ends.target));
    run.work({.worker = [&](int number) { TableWorker(shared, number).run(); },
              .unclaimed = [&](int /*working*/) { return schedule.ready(); },
              .summary =
                  [] {
                  }});
    const bool is_complete = schedule.is_done();
    run.conclude([&](run::Endpoint& target, std::vector<postgres::Statement> ended) {
        if (ended.empty())
            return;
        if (!options.only_compares)
            ended.push_back(queue::note_synced_statement(report.synced_tables()));
        queue::conclude(target.connection, std::move(ended));
    });
    if (is_complete)
        sync_sequences(run.endpoint(Side::source), run.endpoint(Side::target), options, report);
    report.summary();
    if (!is_complete) {
        output.say(Importance::result, "Interrupted; the same command continues.");
        return options.watch ? exit_done : exit_interrupted;
    }
    if (options.watch) {
        goes_on = wait_for_next(run, *options.watch);
        return exit_done;
    }
    return status_of(report, options);
}

} // namespace

ExitStatus sync_tables(const SyncOptions& options, output::Output& output) {
    for (;;) {
        bool goes_on = false;
        const auto status = pass(options, output, goes_on);
        if (!goes_on)
            return status;
    }
}

} // namespace tables
