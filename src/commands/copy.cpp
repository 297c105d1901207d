#include "commands/commands.hpp"
#include "commands/copy_worker.hpp"
#include "commands/explain.hpp"
#include "report/copy_report.hpp"
#include "tasks/queue.hpp"
#include "workers/stop_on_signal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace commands {

namespace {

void list_failures(postgres::Connection& target, std::int64_t failed) {
    constexpr int most = 20;
    fmt::print("{} could not be copied; they stay in the queue, and the next copy tries them "
               "again:\n",
               report::format_count(failed, "chunk"));
    for (const auto& failure : tasks::failures(target, most))
        fmt::print("  {}: {}\n", failure.chunk.quoted(), failure.error);
    if (failed > most)
        fmt::print("  and {} more: SELECT * FROM __backfill.task WHERE failed IS NOT NULL\n",
                   failed - most);
}

/// What those who overrule the choice of how chunks are loaded should know.
void print_strategy(load::Strategy strategy, const timescale::Server& target) {
    if (strategy != load::Strategy::attach)
        return;
    if (!target.community)
        fmt::print("Note: the target's Apache edition attaches no tables; all goes in place.\n");
    else if (!target.attaches_cleanly())
        fmt::print("Note: the target has TimescaleDB {}. Before 2.29.1, columns that are later "
                   "dropped from a hypertable stay in its attached chunks, and inserting into "
                   "those fails then.\n",
                   target.timescaledb_text);
}

} // namespace

ExitStatus copy(const CopyOptions& options) {
    workers::Stop stop;
    workers::Cancellation cancellation;
    const workers::StopOnSignal signals(stop, cancellation);

    Endpoint source(options.source, Role::source, "copy");
    Endpoint target(options.target, Role::target, "copy");
    require_different(source, target);
    tasks::require(target.connection);
    const auto before = tasks::count(target.connection);
    if (before.to_do == 0) {
        fmt::print("Nothing to copy: {} staged, all of them finished.\n",
                   report::format_count(before.total, "chunk"));
        return exit_done;
    }

    if (options.explain) {
        explain(source, target, options.strategy);
        return exit_done;
    }

    // A large chunk is work for several.
    const auto workers =
        before.largest_to_do >= load::least_to_share
            ? options.parallelism
            : static_cast<int>(std::min<std::int64_t>(options.parallelism, before.to_do));
    load::Crew crew(workers);
    report::CopyReport report(before.to_do);
    CopyRun run{.options = options,
                .started = before.now,
                .sources = read_hypertable_map(source.connection),
                .targets = read_hypertable_map(target.connection),
                .stop = stop,
                .cancellation = cancellation,
                .report = report,
                .crew = crew};
    fmt::print("Copying {} ({} on disk) with {}, from the {} to the {}\n",
               report::format_count(before.to_do, "chunk"),
               report::format_bytes(before.bytes_to_do), report::format_count(workers, "worker"),
               source.connection.name(), target.connection.name());
    print_strategy(options.strategy, target.server);
    report::flush_output();

    bool interrupted = false;
    try {
        workers::run(workers, stop, [&run](int /*number*/) {
            load::Crew::Member member(run.crew);
            CopyWorker(run).run(member);
        });
    } catch (const Interrupted&) {
        interrupted = true;
    }
    tasks::make_durable(target.connection);
    report.summary();
    const auto after = tasks::count(target.connection);
    if (after.failed > 0)
        list_failures(target.connection, after.failed);
    if ((interrupted || signals.has_come()) && after.to_do > 0) {
        fmt::print("Interrupted with {} left to copy.\nNext: timescaledb-backfill copy "
                   "--source ... --target ...\n",
                   report::format_count(after.to_do, "chunk"));
        return exit_interrupted;
    }
    if (after.failed > 0)
        return exit_failed;
    if (after.to_do > 0)
        fmt::print("{} left, held by another copy.\n", report::format_count(after.to_do, "chunk"));
    else
        fmt::print("All {} are copied.\nNext: timescaledb-backfill refresh-caggs, for continuous "
                   "aggregates, then verify\n",
                   report::format_count(after.total, "staged chunk"));
    return exit_done;
}

} // namespace commands
