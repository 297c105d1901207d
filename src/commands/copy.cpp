#include "commands/commands.hpp"
#include "copy/explain.hpp"
#include "copy/finish_chunks.hpp"
#include "copy/report.hpp"
#include "copy/worker.hpp"
#include "load/skipping.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"
#include "run/privileges.hpp"
#include "run/run.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace commands {

namespace {

constexpr int most_failures = 20; ///< that are listed

std::string failure_list(const std::vector<queue::Failure>& failures, std::int64_t failed) {
    auto text = fmt::format("{} could not be copied. The next copy tries again:",
                            output::format_count(failed, "chunk"));
    for (const auto& failure : failures)
        text += fmt::format("\n  {}: {}", queue::title(failure.chunk, failure.part), failure.error);
    if (failed > most_failures)
        text +=
            fmt::format("\n  and {} more: SELECT * FROM __backfill.task WHERE failed IS NOT NULL",
                        failed - most_failures);
    return text;
}

/// Which compressed chunks there are shows only when they are copied: it is said once, before.
void warn_of_versions(const run::Endpoints& ends, const run::HypertableMap& sources) {
    const auto is_compressed = [](const auto& item) {
        return item.second.compression_enabled;
    };
    const auto& source = ends.source.server.timescaledb_text;
    const auto& target = ends.target.server.timescaledb_text;
    if (source != target && std::ranges::any_of(sources, is_compressed))
        spdlog::warn("the source has TimescaleDB {} and the target {}: compressed chunks are "
                     "copied decompressed, and compressed again in the target where compression "
                     "is enabled",
                     source, target);
}

/// What those who overrule the choice of how chunks are loaded should know; empty for nothing.
std::string note_on(load::Strategy strategy, const timescale::Server& target) {
    if (strategy != load::Strategy::attach)
        return {};
    if (!target.community)
        return "Note: the target's Apache edition attaches no tables; all goes in place.";
    if (target.adopts_indexes())
        return {};
    return fmt::format("Note: the target has TimescaleDB {}. Before 2.22, indexes are built while "
                       "a chunk is attached, and the application cannot make chunks of its "
                       "hypertable meanwhile.",
                       target.timescaledb_text);
}

/// Chunks that filters by some column miss would not be found when they are looked at after
/// loading, nor by the application. \param rows of sql/load/skipping_to_do.sql
void record_for_skipping(run::Endpoint& target, const postgres::Result& rows) {
    if (rows.empty())
        return;
    std::vector<postgres::QualifiedName> hypertables;
    for (int row = 0; row < rows.size(); ++row)
        hypertables.push_back({rows.string(row, "target_schema"), rows.string(row, "target_name")});
    for (const auto& one : load::read_unrecorded(target.connection, hypertables)) {
        load::record(target.connection, target.server, one);
        spdlog::warn("{} of {} {} not recorded for chunk skipping by {}, so that filters by it "
                     "missed their rows; they are now{}",
                     output::format_count(one.chunks, "chunk"), one.hypertable.quoted(),
                     one.chunks == 1 ? "was" : "were", postgres::quote_identifier(one.column),
                     one.may_record ? ""
                                    : ", and so are all others, anew: what was known of their "
                                      "values comes back as they are compressed again");
    }
}

constexpr auto next_copy = "Next: timescaledb-backfill copy --source ... --target ...";

/// How the run ended, and what to do next.
std::string conclusion(const queue::Counts& after, const queue::Left& left) {
    if (left.free > 0)
        return fmt::format("{} left that no copy holds now, such as those that were staged "
                           "meanwhile.\n{}",
                           output::format_count(left.free, "chunk"), next_copy);
    if (left.held > 0)
        return fmt::format("{} left, held by another copy.",
                           output::format_count(left.held, "chunk"));
    auto text = output::format_all(after.total, "staged chunk", "is", "are");
    text.front() = text.front() == 'a' ? 'A' : 'T';
    return text + " copied.\nNext: timescaledb-backfill refresh-caggs, for continuous aggregates, "
                  "then verify";
}

ExitStatus copy(const copy::CopyOptions& options, output::Output& output) {
    using output::Importance;
    run::Run run({.command = "copy",
                  .source = options.source,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry},
                 output);

    // What is asked of either side in the round trip that looks who is there.
    run::StatementBatch in_target;
    const auto counts = in_target.add(queue::count_statement());
    const auto to_do = in_target.add(run::hypertables_to_do_statement());
    const auto target_privileges = in_target.add(run::all_privileges_statement());
    const auto target_hypertables = in_target.add(timescale::hypertables_statement());
    const auto snapshot = in_target.add(load::snapshot_statement());
    std::size_t run_number = 0;
    std::size_t unrecorded = 0;
    if (!options.explain) {
        run_number = in_target.add(queue::number_statement());
        for (auto& statement : copy::CopySession::using_statements())
            in_target.add(std::move(statement));
        unrecorded = in_target.add({std::string(sql::skipping_to_do)});
    }
    run::StatementBatch in_source;
    const auto source_hypertables = in_source.add(timescale::hypertables_statement());
    const auto source_privileges = in_source.add(run::all_privileges_statement());
    auto ends = run.connect(in_target, in_source);
    const auto& answers = ends.target.answers;
    const auto before = queue::counts_from(answers[counts]);
    if (before.to_do == 0) {
        // An earlier run may have been ended before it came to that.
        if (!options.explain)
            copy::finish_chunks(ends.target, run::read_targets(ends));
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

    // A large chunk is work for several.
    const bool is_shared = before.largest_to_do >= load::least_to_share;
    const auto workers =
        is_shared ? options.parallelism
                  : static_cast<int>(std::min<std::int64_t>(options.parallelism, before.to_do));
    load::HelperPool helpers;
    copy::CopyReport report(output, before.to_do);
    load::Horizon horizon;
    horizon.note(answers[snapshot].string(0, "snapshot"));
    const auto targets = run::targets_from(answers[target_hypertables], ends.target);
    const bool aggregates = ends.source.server.has_timescaledb;
    if (!aggregates)
        ends.target.connection.pipeline(copy::CopySession::using_statements(aggregates));
    copy::CopyRun copy{.run = run,
                       .options = options,
                       .started = before.now,
                       .sources = run::sources_from(ends, source_hypertables, targets),
                       .targets = targets,
                       .report = report,
                       .helpers = helpers,
                       .horizon = horizon};
    output.event("begun",
                 {{"command", "copy"},
                  {"chunks", before.to_do},
                  {"disk_bytes", before.bytes_to_do},
                  {"workers", workers},
                  {"source", ends.source.connection.name()},
                  {"target", ends.target.connection.name()}},
                 Importance::detail,
                 fmt::format("Copying {} ({} on disk) with up to {}, from the {} to the {}",
                             output::format_count(before.to_do, "chunk"),
                             output::format_bytes(before.bytes_to_do),
                             output::format_count(workers, "worker"), ends.source.connection.name(),
                             ends.target.connection.name()));
    if (const auto note = note_on(options.load.strategy, ends.target.server); !note.empty())
        output.say(Importance::detail, note);
    warn_of_versions(ends, copy.sources);
    record_for_skipping(ends.target, answers[unrecorded]);
    copy::remove_stand_ins(ends.target);

    run.throttle.set(options.max_rate);
    auto own_run = queue::own_run_from(answers[run_number]);
    run.begin(
        {.count = before.to_do, .bytes = before.bytes_to_do, .data_bytes = before.bytes_to_do},
        std::move(own_run), std::move(ends.source), std::move(ends.target),
        copy::CopySession::using_statements(aggregates));
    run.work({.worker =
                  [&copy](int number) {
                      load::HelperPool::Helper helper(copy.helpers);
                      copy::CopyWorker(copy, number).run(helper);
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
    queue::Counts after;
    queue::Left left;
    std::vector<queue::Failure> failures;
    run.conclude([&](run::Endpoint& target, std::vector<postgres::Statement> ended) {
        copy::finish_chunks(target, copy.targets);
        after = queue::conclude(target.connection, std::move(ended));
        left = queue::count_left(target.connection, copy.started);
        if (left.failed > 0)
            failures = queue::failures(target.connection, most_failures, copy.started);
    });
    if (left.failed > 0)
        output.say(Importance::result, failure_list(failures, left.failed));
    if (run.is_interrupted() && left.to_do() > 0) {
        output.say(Importance::result,
                   fmt::format("Interrupted with {} left to copy.\n{}",
                               output::format_count(left.to_do(), "chunk"), next_copy));
        return exit_interrupted;
    }
    if (left.failed > 0)
        return exit_failed;
    output.say(Importance::detail, conclusion(after, left));
    return exit_done;
}

} // namespace

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
    command
        .number(
            "--max-rate", [parsed](std::int64_t rate) { parsed->options.max_rate = rate; },
            "maximum amount of data per second, for all workers of this run together: 50MB/s")
        .value_is_called("RATE")
        .units({{"B", 1}, {"kB", 1000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}}, "/s")
        .between(1000, INT64_MAX);
    cli::add_retry(command, options.retry, "a chunk");
    return cli::end_command(command, parsed, copy);
}

} // namespace commands
