#include "commands/commands.hpp"
#include "commands/csv_format.hpp"
#include "importing/check.hpp"
#include "importing/guess_files.hpp"
#include "importing/plan.hpp"
#include "importing/report.hpp"
#include "importing/worker.hpp"
#include "importing/workload.hpp"
#include "queue/counts.hpp"
#include "queue/imports.hpp"
#include "queue/runs.hpp"
#include "run/run.hpp"
#include "run/throttle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace commands {

namespace {

/// \throws UsageError if rejects would be appended to one of the files to import.
void require_apart(const std::string& rejects, const std::vector<std::string>& files) {
    for (const auto& file : files) {
        std::error_code none; // one of them does not exist
        if (std::filesystem::equivalent(rejects, file, none))
            throw UsageError(fmt::format("--rejects {} is one of the files to import", rejects),
                             "name another file");
    }
}

ExitStatus import_csv(const importing::ImportOptions& options, output::Output& output) {
    run::Run run({.command = "import",
                  .source = std::nullopt,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry,
                  .throttle = options.throttle},
                 output);
    // Reads them first, so that there is one connection at a time.
    const auto reading = importing::read_settings(options);
    run::Endpoint target(options.target, Side::target, "import", run::Session::first);
    const auto check = [&run] {
        if (run.stop.is_requested())
            throw Interrupted();
    };
    if (options.only_guesses)
        return importing::guess_files(target, options, reading, check, output) ? exit_done
                                                                               : exit_failed;
    if (options.only_checks) {
        const auto plan = importing::plan_import(target, options, reading, check);
        return importing::check_files(target, plan, options, check, output) ? exit_done
                                                                            : exit_failed;
    }
    std::optional<csv::Rejects> rejects;
    if (options.rejects) {
        require_apart(*options.rejects, options.files);
        rejects.emplace(*options.rejects);
    }
    auto plan = importing::plan_import(target, options, reading, check);
    run::Throttle::require(options.throttle, nullptr, target, "import");
    importing::enter(target, plan, options);
    const auto count = static_cast<std::int64_t>(plan.files.size());
    importing::ImportReport report(output, count);
    importing::report_known_files(plan.files, report);
    const auto batch_bytes = options.compresses ? importing::ImportReader::compressed_batch_bytes
                                                : importing::ImportReader::batch_bytes;
    const auto workload = importing::workload_of(plan.files, static_cast<std::int64_t>(batch_bytes),
                                                 options.parallelism);
    if (workload.files == 0) {
        report.summary();
        report.require_no_failures();
        return exit_done;
    }
    report.begun(workload, plan.table.name, target.connection.name());
    if (!plan.columns_of_time.empty())
        report.reads(plan.columns_of_time, plan.reading);

    const bool keeps_order = options.on_conflict == importing::OnConflict::update;
    importing::ImportReader reader(plan.files, batch_bytes, keeps_order, run.stop);
    importing::ImportRun import_run{.run = run,
                                    .options = options,
                                    .owner = plan.owner,
                                    .reading = plan.reading,
                                    .table = plan.table.name,
                                    .hypertable = plan.table.hypertable,
                                    .triggers = plan.triggers,
                                    .reader = reader,
                                    .rejects = rejects ? &*rejects : nullptr,
                                    .report = report};
    auto begin = importing::ImportSession::using_statements();
    begin.push_back(queue::number_statement());
    auto own_run = queue::own_run_from(target.connection.pipeline(begin).back());
    run.begin({.count = workload.files,
               .bytes = workload.bytes,
               .data_bytes = workload.data_bytes,
               .noun = "file",
               .is_in_queue = false},
              std::move(own_run), std::nullopt, std::move(target),
              importing::ImportSession::using_statements());
    run.work({.worker = [&](int number) { importing::ImportWorker(import_run, number).run(); },
              .unclaimed = [&](int working) -> std::int64_t {
                  if (working == 0)
                      return workload.workers;
                  return keeps_order ? 0 : reader.ready();
              },
              .summary =
                  [&report] {
                      report.summary();
                  }});
    run.conclude([&](run::Endpoint& end, std::vector<postgres::Statement> ended) {
        queue::conclude(end.connection, std::move(ended));
        const auto unfinished = queue::unfinished_imports(end.connection, plan.owner);
        for (const auto& file : plan.files)
            if (std::ranges::find(unfinished, file.id) != unfinished.end())
                report.lost(file.path);
    });
    if (run.is_interrupted() && report.ended() < count) {
        output.say(output::Importance::result, "Interrupted; the same command continues.");
        return exit_interrupted;
    }
    report.require_no_failures();
    return exit_done;
}

} // namespace

cli::Subcommand add_import(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<importing::ImportOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "import", help::import);
    command.option("FILE", options.files, "CSV file, perhaps compressed; - for standard input")
        .type_is_called("FILE")
        .required();
    command
        .option("-t,--table", options.table,
                "hypertable or plain table, as in SQL; if no schema is given, in public")
        .required();
    const auto columns =
        command.option("--columns", options.columns,
                       "names of the files' columns, separated by commas, if they have no header");
    command
        .flag("--header", options.header,
              "the files have a header nevertheless, which must have the same names")
        .needs(columns);
    command.option(
        "--map", options.map,
        "columns for names in the files that the table does not have: 'name=column,...'");
    command.option("--ignore-columns", options.ignore_columns,
                   "names in the files, separated by commas, whose values are left out");
    const auto given = std::make_shared<importing::GivenFormat>();
    add_format(command, options.format, *given);
    command.option(
        "--force-null", options.force_null,
        "columns, separated by commas, in which --null means NULL even in quotes; or all");
    command
        .option("--time-format", options.time_formats,
                "how times are written: epoch, epoch-ms, epoch-us, epoch-ns, excel, or a pattern "
                "such as '%d.%m.%Y %H:%M'; for the time column, or as 'column=format'; may be "
                "repeated")
        .one_at_a_time()
        .check_value();
    command.option("--time-zone", options.time_zone,
                   "time zone of times without one; by default, as in psql");
    command.option("--date-style", options.date_style,
                   "order of year, month and day: YMD, DMY or MDY; by default, as in psql");
    command.option("-u,--until", options.until,
                   "load only rows before this time; the help of stage explains bounds");
    command.option("-F,--from", options.from, "load only rows at or after this time");
    command.choice("--on-conflict", options.on_conflict,
                   {{"fail", importing::OnConflict::fail},
                    {"skip", importing::OnConflict::skip},
                    {"update", importing::OnConflict::update}},
                   "what to do with records whose unique key the table has already [fail]");
    command.choice("--on-error", options.skips_rejected, {{"skip", true}, {"stop", false}},
                   "what to do with records that the server rejects [stop]");
    command
        .option("--rejects", options.rejects,
                "append rejected records to this file, with file, line and reason")
        .value_is_called("FILE");
    command
        .number("--max-rejects", options.max_rejects,
                "how many records to skip before the import gives up")
        .between(0, 1'000'000'000);
    const auto check =
        command.flag("--check", options.only_checks,
                     "read the files, try some of their records, and report; load nothing");
    command
        .flag("--guess", options.only_guesses,
              "propose options that describe the files, and say why; load nothing")
        .excludes(check);
    command.option("--name", options.name,
                   "name that identifies the file when import is run again, instead of its path");
    command.flag("--compress", options.compresses,
                 "compress rows while they are loaded, from TimescaleDB 2.24 on");
    cli::add_parallelism(command, options.parallelism,
                         "maximum number of batches loaded at a time");
    cli::add_throttle(command, options.throttle);
    cli::add_monitoring(command, parsed->output);
    cli::add_retry(command, options.retry, "a batch");
    return cli::end_command<importing::ImportOptions>(
        command, parsed, import_csv, [given](importing::ImportOptions& parsed_options) {
            importing::complete(parsed_options, *given);
        });
}

} // namespace commands
