#include "commands/copy.hpp"

#include "commands/commands.hpp"
#include "copy/conclusion.hpp"
#include "copy/explain.hpp"
#include "copy/finish_chunks.hpp"
#include "copy/notes.hpp"
#include "copy/report.hpp"
#include "copy/worker.hpp"
#include "queue/counts.hpp"
#include "queue/runs.hpp"
#include "run/privileges.hpp"
#include "run/run.hpp"
#include "run/throttle.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace commands {

ExitStatus run_copy(const copy::CopyOptions& options, output::Output& output) {
    run::Run run({.command = "copy",
                  .source = options.source,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry,
                  .throttle = options.throttle},
                 output);

    // What is asked of either side in the round trip that looks who is there.
    run::StatementList in_target;
    const auto counts = in_target.add(queue::count_statement());
    const auto to_do = in_target.add(run::hypertables_to_do_statement());
    const auto target_privileges = in_target.add(run::all_privileges_statement());
    const auto target_hypertables = in_target.add(timescale::hypertables_statement());
    const auto snapshot = in_target.add(load::snapshot_statement());
    std::size_t run_number = 0, unrecorded = 0, stand_ins = 0;
    if (!options.explain) {
        run_number = in_target.add(queue::number_statement());
        for (auto& statement : copy::CopySession::using_statements())
            in_target.add(std::move(statement));
        unrecorded = in_target.add({std::string(sql::skipping_to_do)});
        stand_ins = in_target.add(load::stand_ins_statement());
    }
    run::StatementList in_source;
    const auto source_hypertables = in_source.add(timescale::hypertables_statement());
    const auto source_privileges = in_source.add(run::all_privileges_statement());
    auto ends = run.connect(in_target, in_source);
    const auto& answers = ends.target.answers;
    auto before = queue::counts_from(answers[counts]);
    std::optional<copy::TaskList> chosen;
    if (options.chosen) {
        chosen.emplace(options.chosen->ids);
        before.to_do = static_cast<std::int64_t>(options.chosen->ids.size());
        before.bytes_to_do = options.chosen->bytes;
        before.largest_to_do = options.chosen->largest;
    }
    if (before.to_do == 0) {
        // An earlier run may have been ended before it came to that.
        if (!options.explain)
            copy::finish_chunks(ends.target, run::read_targets(ends),
                                load::stand_ins_from(answers[stand_ins]));
        copy::CopyReport(output, 0).nothing_to_do(before.total);
        return exit_done;
    }
    if (options.explain) {
        copy::explain(ends, options.load, output);
        return exit_done;
    }
    const bool has_asked_source = !ends.source.answers.empty();
    run::require_privileges_to_copy(ends, answers[to_do], answers[target_privileges],
                                    has_asked_source ? &ends.source.answers[source_privileges]
                                                     : nullptr);
    run::Throttle::require(options.throttle, &ends.source, ends.target, "copy");

    // A large chunk is work for several.
    const bool is_shared = before.largest_to_do >= load::least_to_share;
    const auto workers =
        is_shared ? options.parallelism
                  : static_cast<int>(std::min<std::int64_t>(options.parallelism, before.to_do));
    load::HelperPool helpers;
    copy::CopyReport report(output, before.to_do);
    load::Horizon horizon(options.dual_write_delay);
    horizon.note(answers[snapshot].string(0, "snapshot"));
    const auto targets = run::targets_from(answers[target_hypertables], ends.target);
    const bool aggregates = ends.source.server.has_timescaledb;
    if (!aggregates)
        ends.target.connection.pipeline(copy::CopySession::using_statements(aggregates));
    copy::CopyRun copy_run{.run = run,
                           .options = options,
                           .started = before.now,
                           .sources = run::sources_from(ends, source_hypertables, targets),
                           .targets = targets,
                           .report = report,
                           .helpers = helpers,
                           .horizon = horizon,
                           .chosen = chosen ? &*chosen : nullptr};
    report.begun(before, workers, ends);
    if (const auto note = copy::note_on(options.load.strategy, ends.target.server); !note.empty())
        output.say(output::Importance::detail, note);
    copy::warn_of_versions(ends, copy_run.sources);
    copy::record_for_skipping(ends.target, answers[unrecorded]);
    copy::remove_stand_ins(ends.target, load::stand_ins_from(answers[stand_ins]));
    auto own_run = queue::own_run_from(answers[run_number]);
    run.begin({.count = before.to_do,
               .bytes = before.bytes_to_do,
               .data_bytes = before.bytes_to_do,
               .is_in_queue = !chosen},
              std::move(own_run), std::move(ends.source), std::move(ends.target),
              copy::CopySession::using_statements(aggregates));
    run.work({.worker =
                  [&copy_run](int number) {
                      load::HelperPool::Helper helper(copy_run.helpers);
                      copy::CopyWorker(copy_run, number).run(helper);
                  },
              // A worker that finds nothing to claim helps with a large chunk.
              .unclaimed = [&](int working) -> std::int64_t {
                  return is_shared && working == 0 ? options.parallelism : run.board().unclaimed();
              },
              .joins = [&helpers] { helpers.expect_another(); },
              .summary =
                  [&report] {
                      report.summary();
                  }});
    return copy::conclude(copy_run, output);
}

cli::Subcommand add_copy(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<copy::CopyOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "copy", help::copy);
    cli::add_parallelism(command, options.parallelism,
                         "maximum number of chunks copied at a time, each with a connection to "
                         "either side; small runs use fewer");
    command.choice("--load-strategy", options.load.strategy,
                   {{"attach", load::Strategy::attach},
                    {"auto", load::Strategy::automatic},
                    {"in-place", load::Strategy::in_place}},
                   "how to load chunks that are missing or empty in the target: attach, into a "
                   "table that is then attached as the chunk; in-place, into the chunk and its "
                   "indexes; auto, what is safe and fast for each chunk [auto]");
    command.flag("--fire-triggers", options.load.fire_triggers,
                 "fire the target's own triggers for copied rows; by default, none fires");
    command.flag("--explain", options.explain,
                 "print how each chunk would be loaded, and why; change nothing");
    cli::add_dual_write_delay(command, options.dual_write_delay);
    cli::add_throttle(command, options.throttle);
    cli::add_monitoring(command, parsed->output);
    cli::add_retry(command, options.retry, "a chunk");
    return cli::end_command(command, parsed, run_copy);
}

} // namespace commands
