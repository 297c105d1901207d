#include "commands/commands.hpp"
#include "copy/explain.hpp"
#include "postgres/sqlstate.hpp"
#include "postgres/transaction.hpp"
#include "queue/additions.hpp"
#include "queue/passes.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/privileges.hpp"
#include "run/selection.hpp"
#include "stage/gone_chunks.hpp"
#include "stage/plan.hpp"
#include "stage/report.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/triggers.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

namespace commands {

namespace {

struct StageOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::string until;
    std::optional<std::string> from;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    std::optional<std::string> snapshot;
    bool changed = false; ///< chunks that have changed since they were copied, too
    bool dry_run = false; ///< only print what would be staged, and how it would be loaded
};

/// \throws Error if another stage is running.
void prepare_queue(postgres::Connection& target) {
    try {
        queue::prepare(target);
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != postgres::sqlstate::lock_not_available)
            throw;
        throw Error("cannot stage: another stage is running", "try again when it has finished");
    }
}

ExitStatus stage(const StageOptions& options, output::Output& output) {
    auto ends = run::connect_both(options.source, options.target, "stage", run::Session::first);
    run::require_different(ends);
    auto& [source, target] = ends;
    run::require_finished_clone(target.connection, "stage");

    const auto reading = stage::begin_reading(source.connection, options.snapshot);
    const auto bounds = run::read_bounds(source.connection, options.from, options.until);
    const auto targets = timescale::read_hypertables(target.connection, std::nullopt);
    const auto hypertables =
        run::select_hypertables(source, targets, options.filter, options.cascade);
    if (hypertables.empty())
        throw run::nothing_selected(source, targets, options.filter);
    const auto ranges = stage::ranges_for(hypertables, bounds);
    const auto counterparts = stage::find_counterparts(hypertables, targets);
    run::require_privileges_to_stage(ends, hypertables, counterparts);
    stage::warn_of_tiered_chunks(hypertables);
    using KnownSlices = std::map<postgres::QualifiedName, std::vector<timescale::TimeRange>>;
    const auto plain_chunks = stage::read_plain_chunks(
        source.connection, hypertables, ranges, counterparts,
        options.changed ? queue::slices_of_plain_tables(target.connection) : KnownSlices{});

    std::int64_t chunks = 0;
    std::set<copy::ChunkPart> parts; // of a dry run
    std::vector<queue::Added> added;
    stage::GoneChunks gone;
    try {
        // Do not wait long for a task that a running copy holds.
        postgres::Transaction transaction(target.connection,
                                          "BEGIN; SET LOCAL lock_timeout = '5s'");
        prepare_queue(target.connection);
        queue::Additions additions(target.connection, options.changed);
        stage::plan_tasks(source, hypertables, ranges, counterparts, plain_chunks, options.snapshot,
                          [&](auto task) {
                              ++chunks;
                              if (options.dry_run)
                                  parts.emplace(task.chunk, task.part);
                              additions.add(std::move(task));
                          });
        added = additions.finish();
        if (options.changed) {
            gone = stage::find_gone_chunks(source.connection, target.connection, hypertables);
            queue::record(target.connection, queue::total_of(added), gone.count);
        }
        output.say(output::Importance::detail,
                   output.sentence(
                       {fmt::format("{} from the {}", options.dry_run ? "Would stage" : "Staging",
                                    source.connection.name()),
                        "to the " + target.connection.name()}));
        if (options.dry_run) {
            stage::report_staged(output, hypertables, ranges, chunks, added, gone, true);
            copy::explain_briefly(ends, parts, output);
            return exit_done; // the transaction is rolled back
        }
        transaction.commit();
    } catch (const postgres::SqlError& error) {
        if (const auto raised = timescale::event_trigger_error(target.connection, error))
            throw Error(fmt::format("cannot stage: {}", raised->problem()), raised->remedy());
        if (error.sqlstate() != postgres::sqlstate::lock_not_available)
            throw;
        throw Error("cannot stage: a running copy holds a chunk whose range would grow",
                    "stage again when that copy has finished");
    }
    stage::report_staged(output, hypertables, ranges, chunks, added, gone, false);
    return exit_done;
}

} // namespace

cli::Subcommand add_stage(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<StageOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "stage", help::stage);
    command.option("-u,--until", options.until, "completion point: copy rows before it (exclusive)")
        .required();
    command.option("-F,--from", options.from,
                   "copy rows at or after this bound; -infinity, the default, for all");
    cli::add_selection(command, options.filter, options.cascade);
    const auto snapshot =
        command.option("-s,--snapshot", options.snapshot,
                       "read all chunks under this snapshot, exported in the source "
                       "with pg_export_snapshot()");
    command
        .flag("--changed", options.changed,
              "also stage copied chunks that have changed in the source since, or may have")
        .excludes(snapshot);
    command.flag("--dry-run", options.dry_run,
                 "print what would be staged, and how it would be loaded; change nothing");
    return cli::end_command(command, parsed, stage);
}

} // namespace commands
