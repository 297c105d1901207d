#include "commands/commands.hpp"
#include "importing/plan.hpp"
#include "importing/report.hpp"
#include "importing/worker.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"
#include "run/run.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace commands {

namespace {

/// What there is to read, and how much of it.
struct Load {
    std::int64_t files = 0;
    std::int64_t bytes = 0;      ///< on disk; 0 when nobody knows
    std::int64_t data_bytes = 0; ///< decompressed, at most; 0 when nobody knows
    int workers = 1;             ///< that it is enough for
};

Load load_of(const std::vector<importing::PlannedFile>& files, int parallelism) {
    constexpr std::int64_t compression = 8; // as much as that, to be sure
    Load load;
    std::int64_t batches = 0;
    bool is_known = true;
    for (const auto& file : files) {
        if (file.is_finished)
            continue;
        ++load.files;
        is_known = is_known && file.facts.size.has_value();
        const auto bytes = file.facts.size.value_or(0);
        load.bytes += bytes;
        const auto data_bytes = bytes * (csv::is_compressed(file.path) ? compression : 1);
        load.data_bytes += data_bytes;
        batches += 1 + data_bytes / static_cast<std::int64_t>(importing::ImportReader::batch_bytes);
    }
    if (!is_known) {
        load.bytes = load.data_bytes = 0;
        batches = parallelism;
    }
    load.workers = static_cast<int>(std::min<std::int64_t>(parallelism, batches));
    return load;
}

void say_what_is_known(const std::vector<importing::PlannedFile>& files,
                       importing::ImportReport& report) {
    for (const auto& file : files) {
        if (file.is_finished)
            report.known(file.path, file.done_counts);
        else if (file.done_counts.records > 0)
            report.continued(file.path, file.done_counts);
    }
}

ExitStatus import_csv(const importing::ImportOptions& options, output::Output& output) {
    using output::Importance;
    run::Run run({.command = "import",
                  .source = std::nullopt,
                  .target = options.target,
                  .parallelism = options.parallelism,
                  .retry = options.retry},
                 output);
    run::Endpoint target(options.target, Side::target, "import", run::Session::first);
    std::optional<csv::Rejects> rejects;
    if (options.rejects)
        rejects.emplace(*options.rejects);
    auto plan = importing::plan_import(target, options, [&run] {
        if (run.stop.is_requested())
            throw Interrupted();
    });
    const auto count = static_cast<std::int64_t>(plan.files.size());
    importing::ImportReport report(output, count);
    say_what_is_known(plan.files, report);
    const auto load = load_of(plan.files, options.parallelism);
    if (load.files == 0) {
        report.summary();
        return exit_done;
    }
    output.event(
        "begun",
        {{"command", "import"},
         {"files", load.files},
         {"file_bytes", load.bytes},
         {"workers", load.workers},
         {"target", target.connection.name()},
         {"schema", plan.table.schema},
         {"name", plan.table.name}},
        Importance::detail,
        fmt::format("Importing {}{} into {} with up to {}, in the {}",
                    output::format_count(load.files, "file"),
                    load.bytes > 0 ? fmt::format(" ({})", output::format_bytes(load.bytes)) : "",
                    plan.table.quoted(), output::format_count(load.workers, "worker"),
                    target.connection.name()));

    importing::ImportReader reader(plan.files, options, run.stop);
    importing::ImportRun import_run{.run = run,
                                    .options = options,
                                    .owner = plan.owner,
                                    .table = plan.table,
                                    .hypertable = plan.hypertable,
                                    .triggers = plan.triggers,
                                    .reader = reader,
                                    .rejects = rejects ? &*rejects : nullptr,
                                    .report = report};
    auto begin = importing::ImportSession::using_statements();
    begin.push_back(queue::number_statement());
    auto own_run = queue::own_run_from(target.connection.pipeline(begin).back());
    run.begin({.count = load.files,
               .bytes = load.bytes,
               .data_bytes = load.data_bytes,
               .noun = "file",
               .is_of_the_queue = false},
              std::move(own_run), std::nullopt, std::move(target),
              importing::ImportSession::using_statements());
    run.work({.worker = [&](int number) { importing::ImportWorker(import_run, number).run(); },
              .unclaimed = [&](int working) -> std::int64_t {
                  return working == 0 ? load.workers : reader.ready();
              },
              .summary =
                  [&report] {
                      report.summary();
                  }});
    run.conclude([](run::Endpoint& end, std::vector<postgres::Statement> ended) {
        queue::conclude(end.connection, std::move(ended));
    });
    if (run.is_interrupted() && report.finished() < count) {
        output.say(Importance::result, "Interrupted; the same command goes on.");
        return exit_interrupted;
    }
    return exit_done;
}

/// Sets what depends on several options, and checks that they go together.
void complete(importing::ImportOptions& options, std::optional<char> escape) {
    options.format.escape = escape.value_or(options.format.quote);
    csv::check(options.format);
    if (options.skips_rejected != options.rejects.has_value())
        throw UsageError("--on-error skip and --rejects FILE go together: no record is left out "
                         "without being kept somewhere");
    const bool has_stream =
        std::ranges::find(options.files, csv::standard_input) != options.files.end();
    if (has_stream && !options.name)
        throw UsageError("standard input needs a --name, by which the next import knows how much "
                         "of it is loaded");
    if (options.name && options.files.size() > 1)
        throw UsageError("--name is for one file");
}

/// An option of one character. As in COPY's options, some are given with a backslash.
void add_character(cli::Command command, const std::string& name,
                   const std::function<void(char)>& set, const std::string& text) {
    command
        .word(
            name, [set](const std::string& value) { set(value == "\\t" ? '\t' : value.front()); },
            text)
        .value_is_called("CHARACTER")
        .check([](const std::string& value) {
            return value.size() == 1 || value == "\\t"
                       ? std::string()
                       : std::string("takes one character, or \\t for a tab");
        });
}

void add_format(cli::Command command, csv::Format& format, std::optional<char>& escape) {
    add_character(
        command, "--delimiter", [&](char c) { format.delimiter = c; },
        "character between values [,]");
    add_character(
        command, "--quote", [&](char c) { format.quote = c; }, "character around values [\"]");
    add_character(
        command, "--escape", [&](char c) { escape = c; },
        "character before a quote within a quoted value; by default, the quote");
    command.option("--null", format.null,
                   "unquoted text that stands for NULL; by default, the empty string");
    command
        .option("--encoding", format.encoding,
                "encoding of the files, as PostgreSQL names it; by default, UTF8")
        .check_value();
}

} // namespace

cli::Subcommand add_import(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<importing::ImportOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "import", help::import);
    command
        .option("FILE", options.files,
                "CSV file, decompressed if its name ends in .gz or .zst; - for standard input")
        .type_is_called("FILE")
        .required();
    command
        .option("-t,--table", options.table,
                "hypertable or plain table, as in SQL; if no schema is given, in public")
        .required()
        .check_value();
    const auto columns =
        command
            .option("--columns", options.columns,
                    "names of the files' columns, separated by commas, if they have no header")
            .check_value();
    command.flag("--header", options.header, "skip a header that the files have nevertheless")
        .needs(columns);
    const auto escape = std::make_shared<std::optional<char>>();
    add_format(command, options.format, *escape);
    command.option("-u,--until", options.until,
                   "load only rows before this time; the help of stage explains bounds");
    command.option("-F,--from", options.from, "load only rows at or after this time");
    command.choice("--on-error", options.skips_rejected, {{"skip", true}, {"stop", false}},
                   "what to do with records that the server rejects [stop]");
    command
        .option("--rejects", options.rejects,
                "append rejected records to this file, with file, line and reason")
        .value_is_called("FILE")
        .check_value();
    command
        .number("--max-rejects", options.max_rejects,
                "how many records to skip before the import gives up")
        .between(0, 1'000'000'000);
    command
        .option("--name", options.name,
                "name that identifies the file when import is run again, instead of its path")
        .check_value();
    cli::add_parallelism(command, options.parallelism,
                         "maximum number of batches loaded at a time");
    cli::add_retry(command, options.retry, "a batch");
    return cli::end_command<importing::ImportOptions>(
        command, parsed, import_csv,
        [escape](importing::ImportOptions& given) { complete(given, *escape); });
}

} // namespace commands
