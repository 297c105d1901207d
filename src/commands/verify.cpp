#include "commands/commands.hpp"
#include "commands/copy.hpp"
#include "queue/comparisons.hpp"
#include "queue/counts.hpp"
#include "queue/runs.hpp"
#include "run/run.hpp"
#include "run/throttle.hpp"
#include "sql.hpp"
#include "tables/sync.hpp"
#include "verify/quick.hpp"
#include "verify/report.hpp"
#include "verify/sequences.hpp"
#include "verify/worker.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace commands {

namespace {

postgres::Statement hash_statement() {
    return {std::string(sql::hash_sample)};
}

/// What a run of verify has found.
struct Findings {
    ExitStatus status = exit_done;
    bool is_interrupted = false;
    queue::TasksToMend to_mend{}; ///< with --repair
    std::int64_t others = 0;      ///< chunks that differ or could not be compared, of the others
};

/// \param mended the chunks to compare, which were mended; null to compare all.
Findings compare(const verify::VerifyOptions& options, output::Output& output,
                 const queue::TasksToMend* mended = nullptr) {
    using output::Importance;
    run::Run run({.command = "verify",
                  .source = options.source,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry,
                  .throttle = options.throttle},
                 output);

    // Statements for the round trip that identifies the servers.
    run::StatementList in_target;
    const auto counts = in_target.add(queue::count_statement());
    const auto target_hypertables = in_target.add(timescale::hypertables_statement());
    const auto target_hash = in_target.add(hash_statement());
    const auto run_number = in_target.add(queue::number_statement());
    run::StatementList in_source;
    const auto source_hash = in_source.add(hash_statement());
    const auto source_hypertables = in_source.add(timescale::hypertables_statement());
    auto ends = run.connect(in_target, in_source);
    const auto& answers = ends.target.answers;
    if (options.all)
        queue::forget_verdicts(ends.target.connection);
    const auto before =
        options.all ? queue::count(ends.target.connection) : queue::counts_from(answers[counts]);
    const auto to_do =
        mended != nullptr ? static_cast<std::int64_t>(mended->ids.size()) : before.unverified;
    if (options.repair && to_do == 0)
        if (auto left = queue::tasks_to_mend(ends.target.connection); !left.ids.empty())
            return {.to_mend = std::move(left)};
    if (before.to_do > 0 && mended == nullptr)
        output.say(Importance::result, fmt::format("{} still to copy, and not verified.",
                                                   output::format_count(before.to_do, "chunk")));
    if (mended == nullptr && verify::report_nothing_copied(ends.target.connection, before, output))
        return {.status = exit_failed};
    if (to_do == 0) {
        verify::VerifyReport(output, 0).nothing_to_do(before.copied);
        verify::report_lagging_sequences(
            postgres::lagging_sequences(ends.source.connection, ends.target.connection), output);
        return {};
    }
    const bool has_asked_source = !ends.source.answers.empty();
    const auto hash_of_source =
        has_asked_source ? ends.source.answers[source_hash].string(0, "hash")
                         : ends.source.connection.query(sql::hash_sample).string(0, "hash");
    const bool alike = hash_of_source == answers[target_hash].string(0, "hash");
    if (options.mode != verify::Mode::aggregate && !alike)
        spdlog::warn("the two servers hash differently; comparing aggregates instead of digests");

    const auto workers = static_cast<int>(std::min<std::int64_t>(options.parallelism, to_do));
    run::Throttle::require(options.throttle, &ends.source, ends.target, "verify");
    verify::VerifyReport report(output, to_do);
    const auto targets = run::targets_from(answers[target_hypertables], ends.target);
    verify::VerifyRun verify_run{.run = run,
                                 .options = options,
                                 // A mended chunk has no verdict.
                                 .started = mended != nullptr ? "-infinity" : before.now,
                                 .mode = alike ? options.mode : verify::Mode::aggregate,
                                 .hashes_alike = alike,
                                 .sources = run::sources_from(ends, source_hypertables, targets),
                                 .targets = targets,
                                 .report = report};
    report.begun(verify_run.mode, workers, ends);

    auto own_run = queue::own_run_from(answers[run_number]);
    run.begin(
        {.count = to_do, .bytes = before.bytes_unverified, .data_bytes = before.bytes_unverified},
        std::move(own_run), std::move(ends.source), std::move(ends.target));
    run.work(
        {.worker = [&verify_run](int number) { verify::VerifyWorker(verify_run, number).run(); },
         .unclaimed = [&run](int /*working*/) { return run.board().unclaimed(); },
         .summary =
             [&report] {
                 report.summary();
             }});
    queue::Counts after;
    std::int64_t unverified = 0; // of the mended ones
    queue::TasksToMend to_mend;
    run.conclude([&](run::Endpoint& target, std::vector<postgres::Statement> ended) {
        after = queue::conclude(target.connection, std::move(ended));
        if (mended != nullptr)
            unverified = queue::count_unverified(target.connection, mended->ids);
        if (options.repair)
            to_mend = queue::tasks_to_mend(target.connection);
    });
    if (run.is_interrupted() && report.done() < to_do) {
        output.say(Importance::result,
                   fmt::format("Interrupted with {} left to verify.",
                               output::format_count(to_do - report.done(), "chunk")));
        // Also those that are to be mended: the next copy does it.
        if ((options.requeue || options.repair) && report.differing() > 0)
            output.say(Importance::result, report.next_step(after, /*requeued=*/true));
        return {.status = exit_interrupted, .is_interrupted = true};
    }
    if (mended != nullptr) {
        if (unverified > report.unequal())
            output.say(Importance::result,
                       fmt::format("{} not compared again: another process holds them, copying "
                                   "them has failed, or they are gone from the source.",
                                   output::format_count(unverified - report.unequal(), "chunk")));
        output.say(Importance::detail, report.next_step(after, /*requeued=*/unverified > 0));
        return {.status = unverified > 0 ? exit_differences : exit_done};
    }
    try {
        verify::report_lagging_sequences(
            postgres::lagging_sequences(run.endpoint(Side::source).connection,
                                        run.endpoint(Side::target).connection),
            output);
    } catch (const postgres::ConnectionError& error) {
        spdlog::warn("cannot compare the sequences: {}", error.what());
    }
    if (to_mend.ids.empty())
        output.say(Importance::detail, report.next_step(after, options.requeue));
    const auto to_copy = report.differing() - report.generated();
    return {.status = report.unequal() > 0 ? exit_differences : exit_done,
            .is_interrupted = run.is_interrupted(),
            .to_mend = std::move(to_mend),
            .others = report.unequal() - to_copy};
}

/// Mends the chunks that were found to differ, now or by an earlier run that did not get so far,
/// and compares them again.
ExitStatus repair(const verify::VerifyOptions& options, const Findings& found,
                  output::Output& output) {
    const auto copied = run_copy({.source = options.source,
                                  .target = options.target,
                                  .parallelism = options.parallelism,
                                  .load = {},
                                  .dual_write_delay = options.dual_write_delay,
                                  .retry = options.retry,
                                  .throttle = options.throttle,
                                  .chosen = found.to_mend},
                                 output);
    if (copied == exit_interrupted)
        return copied;
    auto again = options;
    again.all = again.repair = false;
    const auto status = compare(again, output, &found.to_mend).status;
    return status == exit_done && found.others > 0 ? exit_differences : status;
}

ExitStatus run_verify(const verify::VerifyOptions& options, output::Output& output) {
    if (options.tables)
        return tables::sync_tables({.command = "verify",
                                    .source = options.source,
                                    .target = options.target,
                                    .filter = options.filter,
                                    .only_compares = true,
                                    .parallelism = options.parallelism,
                                    .watch = std::nullopt,
                                    .examples = options.max_differences,
                                    .retry = options.retry,
                                    .throttle = options.throttle},
                                   output);
    if (options.quick)
        return verify::verify_quick(options, output);
    const auto found = compare(options, output);
    if (found.to_mend.ids.empty())
        return found.status;
    return found.is_interrupted ? exit_interrupted : repair(options, found, output);
}

} // namespace

cli::Subcommand add_verify(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<verify::VerifyOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "verify", help::verify);
    cli::add_parallelism(command, options.parallelism,
                         "maximum number of chunks compared at a time");
    const auto quick =
        command.flag("--quick", options.quick,
                     "compare only the numbers of rows that both catalogs estimate, as of the last "
                     "ANALYZE; reads no rows and proves nothing");
    const auto tables =
        command
            .flag("--tables", options.tables,
                  "compare the plain tables and sequences instead of the copied chunks")
            .excludes(quick);
    cli::add_filter(command, options.filter, "with --tables: tables whose schema.name")
        .needs(tables);
    command
        .choice("--mode", options.mode,
                {{"aggregate", verify::Mode::aggregate},
                 {"digest", verify::Mode::digest},
                 {"digest-rows", verify::Mode::digest_rows}},
                "digest: row counts and a hash of whole rows, or of compressed batches that are "
                "the same on both sides; digest-rows: of rows only; aggregate: row counts, and "
                "count, min, max and sum of each column [digest]")
        .excludes(quick)
        .excludes(tables);
    command.flag("--all", options.all, "also compare chunks that are already verified")
        .excludes(quick)
        .excludes(tables);
    const auto requeue =
        command.flag("--requeue", options.requeue, "queue differing chunks for the next copy")
            .excludes(quick)
            .excludes(tables);
    const auto repair = command
                            .flag("--repair", options.repair,
                                  "copy the rows of differing chunks that differ, and compare "
                                  "these chunks again")
                            .excludes(quick)
                            .excludes(tables)
                            .excludes(requeue);
    cli::add_dual_write_delay(command, options.dual_write_delay).needs(repair);
    cli::add_throttle(command, options.throttle).needs(repair);
    cli::add_monitoring(command, parsed->output);
    command
        .number("--max-differences", options.max_differences,
                "number of example rows of each kind to show for a differing chunk")
        .between(0, 1000)
        .excludes(quick);
    cli::add_retry(command, options.retry, "a chunk");
    return cli::end_command<verify::VerifyOptions>(
        command, parsed, run_verify, [](verify::VerifyOptions& given) {
            if (given.quick && given.throttle.asks())
                throw UsageError("--quick reads no rows",
                                 "leave out the options that make it wait");
        });
}

} // namespace commands
