#include "commands/commands.hpp"
#include "commands/copy_worker.hpp"
#include "commands/explain.hpp"
#include "commands/privileges.hpp"
#include "commands/publisher.hpp"
#include "commands/trigger_states.hpp"
#include "load/skipping.hpp"
#include "report/copy_report.hpp"
#include "report/display.hpp"
#include "sql.hpp"
#include "tasks/queue.hpp"
#include "workers/pool.hpp"
#include "workers/stop_on_signal.hpp"
#include "workers/watchdog.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace commands {

namespace {

constexpr int most_failures = 20; ///< that are listed

std::string failure_list(const std::vector<tasks::Failure>& failures, std::int64_t failed) {
    auto text = fmt::format("{} could not be copied. The next copy tries again:",
                            report::format_count(failed, "chunk"));
    for (const auto& failure : failures)
        text += fmt::format("\n  {}: {}", tasks::title(failure.chunk, failure.part), failure.error);
    if (failed > most_failures)
        text +=
            fmt::format("\n  and {} more: SELECT * FROM __backfill.task WHERE failed IS NOT NULL",
                        failed - most_failures);
    return text;
}

/// Which compressed chunks there are shows only when they are copied: it is said once, before.
void warn_of_versions(const CopyRun& run) {
    const auto is_compressed = [](const auto& item) {
        return item.second.compression_enabled;
    };
    if (run.source_server.timescaledb_text != run.target_server.timescaledb_text &&
        std::ranges::any_of(run.sources, is_compressed))
        spdlog::warn("the source has TimescaleDB {} and the target {}: compressed chunks are "
                     "copied decompressed, and compressed again in the target where compression "
                     "is enabled",
                     run.source_server.timescaledb_text, run.target_server.timescaledb_text);
}

/// What those who overrule the choice of how chunks are loaded should know; empty for nothing.
std::string note_on(load::Strategy strategy, const timescale::Server& target) {
    if (strategy != load::Strategy::attach)
        return {};
    if (!target.community)
        return "Note: the target's Apache edition attaches no tables; all goes in place.";
    if (target.attaches_cleanly())
        return {};
    return fmt::format("Note: the target has TimescaleDB {}. Before 2.29.1, columns that are later "
                       "dropped from a hypertable stay in its attached chunks, and inserting into "
                       "those fails then.",
                       target.timescaledb_text);
}

/// Chunks that filters by some column miss would not be found when they are looked at after
/// loading, nor by the application. \param rows of sql/skipping_to_do.sql
void record_for_skipping(Endpoint& target, const postgres::Result& rows) {
    if (rows.empty())
        return;
    std::vector<postgres::QualifiedName> hypertables;
    for (int row = 0; row < rows.size(); ++row)
        hypertables.push_back({rows.string(row, "target_schema"), rows.string(row, "target_name")});
    for (const auto& one : load::read_unrecorded(target.connection, hypertables)) {
        load::record(target.connection, target.server, one);
        spdlog::warn("{} of {} {} not recorded for chunk skipping by {}, so that filters by it "
                     "missed their rows; they are now{}",
                     report::format_count(one.chunks, "chunk"), one.hypertable.quoted(),
                     one.chunks == 1 ? "was" : "were", postgres::quote_identifier(one.column),
                     one.may_record ? ""
                                    : ", and so are all others, anew: what was known of their "
                                      "values comes back as they are compressed again");
    }
}

/// How the run ended, and what is to be done next.
std::string conclusion(const tasks::Counts& after) {
    if (after.to_do > 0)
        return fmt::format("{} left, held by another copy.",
                           report::format_count(after.to_do, "chunk"));
    auto text = report::format_all(after.total, "staged chunk", "is", "are");
    text.front() = text.front() == 'a' ? 'A' : 'T';
    return text + " copied.\nNext: timescaledb-backfill refresh-caggs, for continuous aggregates, "
                  "then verify";
}

} // namespace

ExitStatus copy(const CopyOptions& options, report::Output& output) {
    using report::Weight;
    workers::Stop stop;
    workers::OpenConnections connections;
    const workers::StopOnSignal signals(stop, connections);

    auto ends = connect_both(options.source, options.target, "copy", Session::first);
    require_different(ends);
    tasks::require(ends.target.connection);
    const auto before = tasks::count(ends.target.connection);
    if (before.to_do == 0) {
        // An earlier run may have been ended before it came to that.
        if (!options.explain)
            settle_trigger_states(ends.target, read_targets(ends));
        report::CopyReport(output, 0).nothing_to_do(before.total);
        return exit_done;
    }

    if (options.explain) {
        explain(ends, options.wishes, output);
        return exit_done;
    }

    require_privileges_to_copy(ends);

    // A large chunk is work for several.
    const auto workers =
        before.largest_to_do >= load::least_to_share
            ? options.parallelism
            : static_cast<int>(std::min<std::int64_t>(options.parallelism, before.to_do));
    load::Crew crew(workers);
    report::CopyReport report(output, before.to_do);
    report::Board board(workers, before.to_do, before.bytes_to_do);
    workers::Throttle throttle;
    throttle.set(options.max_rate);
    workers::Pause pause;
    workers::Outage outage;
    Orphans orphans;
    load::Horizon horizon;
    const auto looked = ends.target.connection.pipeline(
        {load::snapshot_statement(), {std::string(sql::skipping_to_do)}});
    horizon.note(looked.front().string(0, "snapshot"));
    const auto targets = read_targets(ends);
    CopyRun run{.options = options,
                .started = before.now,
                .source_server = ends.source.server,
                .target_server = ends.target.server,
                .sources = read_sources(ends, targets),
                .targets = targets,
                .stop = stop,
                .connections = connections,
                .outage = outage,
                .orphans = orphans,
                .report = report,
                .board = board,
                .throttle = throttle,
                .pause = pause,
                .pool = nullptr,
                .crew = crew,
                .horizon = horizon,
                .id = 0};
    output.event("begun",
                 {{"command", "copy"},
                  {"chunks", before.to_do},
                  {"disk_bytes", before.bytes_to_do},
                  {"workers", workers},
                  {"source", ends.source.connection.name()},
                  {"target", ends.target.connection.name()}},
                 Weight::detail,
                 fmt::format("Copying {} ({} on disk) with {}, from the {} to the {}",
                             report::format_count(before.to_do, "chunk"),
                             report::format_bytes(before.bytes_to_do),
                             report::format_count(workers, "worker"), ends.source.connection.name(),
                             ends.target.connection.name()));
    if (const auto note = note_on(options.wishes.strategy, ends.target.server); !note.empty())
        output.say(Weight::detail, note);
    warn_of_versions(run);

    record_for_skipping(ends.target, looked.back());

    const workers::Watchdog watchdog(connections, options.retry.stall_timeout);
    bool interrupted = false;
    try {
        workers::Pool pool(stop, [&run](int number) {
            load::Crew::Member member(run.crew);
            CopyWorker(run, number).run(member);
        });
        run.pool = &pool;
        const Publisher publisher(
            {"copy", before.to_do, before.bytes_to_do, options.source, options.target},
            ends.target.connection, board, pause, output,
            [&](int wanted) { pool.resize(wanted, [&crew] { crew.expect_another(); }); });
        run.id = publisher.id();
        const report::Display display(output, board);
        pool.run(workers);
    } catch (const Interrupted&) {
        interrupted = true;
    } catch (const Error&) {
        report.summary();
        throw;
    }
    tasks::Counts after;
    std::vector<tasks::Failure> failures;
    conclude(ends.target, Role::target, "copy", connections, {options.retry, stop, outage},
             [&](Endpoint& target) {
                 tasks::make_durable(target.connection);
                 settle_trigger_states(target, run.targets);
                 after = tasks::count(target.connection);
                 if (after.failed > 0)
                     failures = tasks::failures(target.connection, most_failures);
             });
    connections.add(ends.source.entry());
    if (outage.has_happened())
        end_leftovers(ends, "copy");
    report.summary();
    if (after.failed > 0)
        output.say(Weight::result, failure_list(failures, after.failed));
    if ((interrupted || signals.has_come()) && after.to_do > 0) {
        output.say(Weight::result,
                   fmt::format("Interrupted with {} left to copy.\nNext: timescaledb-backfill copy "
                               "--source ... --target ...",
                               report::format_count(after.to_do, "chunk")));
        return exit_interrupted;
    }
    if (after.failed > 0)
        return exit_failed;
    output.say(Weight::detail, conclusion(after));
    return exit_done;
}

} // namespace commands
