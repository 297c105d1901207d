#include "cli/command_line.hpp"

#include "cli/parser.hpp"
#include "commands/commands.hpp"
#include "csv/input.hpp"
#include "help.hpp"
#include "output/log.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

namespace cli {

namespace {

using postgres::ConnectionString;

/// The texts that become connection strings once parsing is done. Each command has its own: CLI11
/// reads the environment for the options of all of them, whichever was named.
struct ConnectionTexts {
    std::string source;
    std::string target;
    bool telemetry_disabled = false;
};

ConnectionString connection_string(const std::string& text, const std::string& option,
                                   const std::string& variable) {
    if (text.empty())
        throw UsageError(fmt::format("{} is required; give a connection string such as "
                                     "postgresql://user@host:5432/database, or set {}",
                                     option, variable));
    return {text, option};
}

ConnectionString source_of(const ConnectionTexts& texts) {
    return connection_string(texts.source, "--source", "BACKFILL_SOURCE");
}

ConnectionString target_of(const ConnectionTexts& texts) {
    return connection_string(texts.target, "--target", "BACKFILL_TARGET");
}

void add_source(Command command, ConnectionTexts& texts) {
    command.option("--source", texts.source, "connection string of the source database")
        .variable("BACKFILL_SOURCE")
        .check_value();
}

void add_target(Command command, ConnectionTexts& texts) {
    command.option("--target", texts.target, "connection string of the target database")
        .variable("BACKFILL_TARGET")
        .check_value();
    // The original phones home; its users' scripts say so.
    command.flag("--disable-telemetry", texts.telemetry_disabled,
                 "accepted and without effect: there is no telemetry");
}

/// \param what it is matched with.
void add_filter(Command command, std::optional<std::string>& filter, const std::string& what) {
    command.option(
        "-f,--filter", filter,
        "POSIX regular expression, regardless of case, on the schema.name, quoted or not, of " +
            what);
}

void add_selection(Command command, std::optional<std::string>& filter,
                   timescale::Cascade& cascade) {
    add_filter(command, filter, "hypertables and of continuous aggregates");
    command.flag("-U,--cascade-up", cascade.up,
                 "also the continuous aggregates that read what matches");
    command.flag("-D,--cascade-down", cascade.down,
                 "also what the matching continuous aggregates read");
}

void add_duration(Command command, const std::string& name, std::chrono::seconds& value,
                  const std::string& text) {
    command
        .number(
            name, [&value](std::int64_t seconds) { value = std::chrono::seconds(seconds); }, text)
        .value_is_called(fmt::format("DURATION={}s", value.count()))
        .units({{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}})
        .between(1, 10'000'000);
}

/// How failures are borne.
/// \param what is attempted again.
void add_retry(Command command, run::RetryOptions& retry, const std::string& what = "a chunk") {
    command
        .number("--max-retries", retry.max_retries,
                fmt::format("further attempts at {}, after a deadlock, a lost connection and "
                            "the like",
                            what))
        .between(0, 1000);
    add_duration(command, "--retry-timeout", retry.retry_timeout,
                 "how long a server may be out of reach, or out of space, before the run ends: "
                 "90s, 15m, 2h");
    add_duration(command, "--stall-timeout", retry.stall_timeout,
                 "how long nothing may come over a connection before the server is asked whether "
                 "it is at work, and the connection replaced if not");
}

/// How a command speaks.
struct Speech {
    output::Output::Options output;
    output::LogOptions log;
    bool quiet = false;
    bool verbose = false;
    bool no_progress = false;

    output::Output::Options output_options() const {
        auto options = output;
        if (quiet)
            options.verbosity = output::Verbosity::quiet;
        else if (verbose)
            options.verbosity = output::Verbosity::verbose;
        options.may_draw = !no_progress;
        return options;
    }
};

void add_speech(Command command, Speech& speech) {
    const auto format = [&](const std::string& name, output::Format& value,
                            const std::string& text) {
        command.choice(name, value,
                       {{"json", output::Format::json}, {"text", output::Format::text}}, text);
    };
    format("--output", speech.output.format,
           "results on standard output, as lines for people or as JSON objects of a line each "
           "[text]");
    const auto quiet =
        command.flag("-q,--quiet", speech.quiet, "only what failed, and a summary at the end");
    command.flag("-v,--verbose", speech.verbose, "more, such as each attempt that failed")
        .excludes(quiet);
    command.flag("--no-progress", speech.no_progress,
                 "no lines that change in place, on a terminal either");
    format("--log-format", speech.log.format, "warnings and errors, on standard error [text]");
    command.option("--log-file", speech.log.file, "append warnings and errors to this file instead")
        .check_value();
}

/// Runs a command, and says why if it fails.
ExitStatus speak(const Speech& speech, const std::function<ExitStatus(output::Output&)>& command) {
    output::Output output(speech.output_options());
    const output::Log log(output, speech.log);
    try {
        return command(output);
    } catch (const UsageError& error) {
        spdlog::error("{}", error.what());
        return exit_usage;
    } catch (const Interrupted& error) {
        spdlog::error("{}", error.what());
        return exit_interrupted;
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return exit_failed;
    }
}

/// A command, and what is to be done when it was given.
struct Runnable {
    Command command;
    std::function<ExitStatus()> run;
};

/// What a command's options are parsed into.
template <typename Options>
struct Parsed {
    Options options;
    ConnectionTexts texts;
    Speech speech;
};

template <typename Options>
constexpr bool has_source = requires(Options options) {
    options.source;
};

/// Whether the option for it has to be given.
template <typename Options>
constexpr bool needs_source = requires(Options options) {
    { options.source } -> std::same_as<ConnectionString&>;
};

/// A subcommand with the options for its connections.
template <typename Options>
Command begin_command(Parser& parser, Parsed<Options>& parsed, const char* name,
                      std::string_view help) {
    auto command = parser.add_command(name, help);
    if constexpr (has_source<Options>)
        add_source(command, parsed.texts);
    add_target(command, parsed.texts);
    return command;
}

/// Adds the options that all have in the end.
/// \param run gets the options when all are parsed.
template <typename Options>
Runnable end_command(Command command, const std::shared_ptr<Parsed<Options>>& parsed,
                     ExitStatus (*run)(const Options&, output::Output&)) {
    add_speech(command, parsed->speech);
    return {command, [parsed, run] {
                auto& options = parsed->options;
                if constexpr (has_source<Options>)
                    if (needs_source<Options> || !parsed->texts.source.empty())
                        options.source = source_of(parsed->texts);
                options.target = target_of(parsed->texts);
                return speak(parsed->speech,
                             [&](output::Output& output) { return run(options, output); });
            }};
}

void add_parallelism(Command command, int& parallelism, const std::string& text) {
    command.number("-p,--parallelism", parallelism, text).between(1, 1000);
}

Runnable add_completion_point(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::CompletionPointOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "completion-point", help::completion_point);
    add_filter(command, options.filter, "hypertables");
    command
        .option("--since", options.since,
                "compare from then on; without it, from the target's first row on")
        .check_value();
    return end_command(command, parsed, commands::completion_point);
}

Runnable add_check(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::CheckOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "check", help::check);
    command.option("-u,--until", options.until, "completion point, as for stage").check_value();
    command.option("-F,--from", options.from, "as for stage");
    add_selection(command, options.filter, options.cascade);
    add_parallelism(command, options.parallelism,
                    "that copy will be run with, for the connections that it needs");
    return end_command(command, parsed, commands::check);
}

Runnable add_clone_schema(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::CloneOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "clone-schema", help::clone_schema);
    command.flag("--roles", options.roles,
                 "the roles of the source's cluster, too, as far as the target takes them");
    command.flag(
        "--no-relational-data", [&options] { options.relational_data = false; },
        "plain tables without their rows");
    command
        .word(
            "--hypertable-data", [](const std::string&) {},
            "of hypertables, none is copied: that is what stage and copy are for [none]")
        .one_of({"none"});
    command
        .option("--create-hypertable", options.create_hypertables,
                "make a hypertable of a plain table, without its rows; an integer column needs "
                "an interval")
        .value_is_called("[[SCHEMA.]TABLE.]COLUMN[:INTERVAL]")
        .one_at_a_time()
        .check_value();
    command.flag("--allow-non-empty", options.allow_non_empty,
                 "also into a target that has something already");
    command
        .option("--programs", options.programs,
                "folder with pg_dump, pg_dumpall and psql; without it, they are looked for "
                "where packages put them, and in PATH")
        .value_is_called("DIR")
        .check_value();
    add_duration(command, "--retry-timeout", options.retry.retry_timeout,
                 "when the target was lost while it was committing, how long it may be out of "
                 "reach before its answer is given up: 90s, 15m, 2h");
    command.flag("--dry-run", options.dry_run, "say what would be done, and change nothing");
    return end_command(command, parsed, commands::clone_schema);
}

Runnable add_stage(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::StageOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "stage", help::stage);
    command
        .option("-u,--until", options.until, "completion point: copy what is before it (exclusive)")
        .required()
        .check_value();
    command.option("-F,--from", options.from,
                   "copy what is at or after it; -infinity, the default, for all");
    add_selection(command, options.filter, options.cascade);
    command
        .option("-s,--snapshot", options.snapshot,
                "read all chunks under this snapshot, exported in the source with "
                "pg_export_snapshot()")
        .check_value();
    command.flag("--dry-run", options.dry_run,
                 "only say what would be staged, and how it would be loaded; change nothing");
    return end_command(command, parsed, commands::stage);
}

Runnable add_copy(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<copy::CopyOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "copy", help::copy);
    add_parallelism(command, options.parallelism,
                    "how many chunks to copy at a time at most, each with a connection to either "
                    "side; small runs have fewer workers");
    command.choice("--load-strategy", options.load.strategy,
                   {{"attach", load::Strategy::attach},
                    {"auto", load::Strategy::automatic},
                    {"in-place", load::Strategy::in_place}},
                   "how chunks that are absent or empty in the target are loaded: attach, into a "
                   "table that then becomes the chunk; in-place, under its live indexes; auto, "
                   "what is safe and fast for each [auto]");
    command.flag("--fire-triggers", options.load.fire_triggers,
                 "have the target's own triggers fire for the rows that are copied; without it, "
                 "none does");
    command.flag("--explain", options.explain,
                 "only print how each chunk would be loaded, and why; change nothing");
    command
        .number(
            "--max-rate", [&options](std::int64_t rate) { options.max_rate = rate; },
            "at most so much a second, over all workers of this run: 50MB/s")
        .value_is_called("RATE")
        .units({{"B", 1}, {"kB", 1000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}}, "/s")
        .between(1000, std::numeric_limits<std::int64_t>::max());
    add_retry(command, options.retry);
    return end_command(command, parsed, commands::copy);
}

Runnable add_verify(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<verify::VerifyOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "verify", help::verify);
    add_parallelism(command, options.parallelism, "how many chunks to compare at a time at most");
    const auto quick = command.flag("--quick", options.quick,
                                    "only compare how many rows the two catalogs think that chunks "
                                    "have, as of the last ANALYZE; reads no rows, proves nothing");
    command
        .choice("--mode", options.mode,
                {{"aggregate", verify::Mode::aggregate}, {"digest", verify::Mode::digest}},
                "digest: row counts and a hash of whole rows; aggregate: row counts, and "
                "count, min, max and sum of each column [digest]")
        .excludes(quick);
    command.flag("--all", options.all, "chunks that were verified before, too").excludes(quick);
    command.flag("--requeue", options.requeue, "let the next copy copy differing chunks again")
        .excludes(quick);
    command
        .number("--max-differences", options.max_differences,
                "how many example rows of each kind to show for a differing chunk")
        .between(0, 1000)
        .excludes(quick);
    add_retry(command, options.retry);
    return end_command(command, parsed, commands::verify);
}

Runnable add_refresh_caggs(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::RefreshOptions>>();
    auto command = begin_command(parser, *parsed, "refresh-caggs", help::refresh_caggs);
    add_selection(command, parsed->options.filter, parsed->options.cascade);
    add_retry(command, parsed->options.retry);
    return end_command(command, parsed, commands::refresh_caggs);
}

Runnable add_status(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::StatusOptions>>();
    auto command = begin_command(parser, *parsed, "status", help::status);
    command.flag("-w,--watch", parsed->options.watch,
                 "again each second, until all is done; Ctrl-C ends it");
    command.flag("--failed", parsed->options.failed, "list the chunks that failed, and why");
    command.flag(
        "--json", [parsed] { parsed->speech.output.format = output::Format::json; },
        "the same as --output json");
    return end_command(command, parsed, commands::status);
}

Runnable add_report(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ReportOptions>>();
    auto command = begin_command(parser, *parsed, "report", help::report);
    command
        .option("--html", parsed->options.html,
                "the page, with all that it needs; an older one is replaced")
        .required()
        .value_is_called("FILE");
    return end_command(command, parsed, commands::report);
}

Runnable add_pause(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ControlOptions>>();
    auto command = begin_command(parser, *parsed, "pause", help::pause);
    return end_command(command, parsed, commands::pause);
}

Runnable add_resume(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ControlOptions>>();
    auto command = begin_command(parser, *parsed, "resume", help::resume);
    return end_command(command, parsed, commands::resume);
}

Runnable add_set_parallelism(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ControlOptions>>();
    auto command = begin_command(parser, *parsed, "set-parallelism", help::set_parallelism);
    command
        .number(
            "N",
            [parsed](std::int64_t count) { parsed->options.parallelism = static_cast<int>(count); },
            "how many chunks at a time")
        .required()
        .between(1, 1000);
    return end_command(command, parsed, commands::set_parallelism);
}

Runnable add_jobs(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::JobsOptions>>();
    auto command = begin_command(parser, *parsed, "jobs", help::jobs);
    using commands::JobsAction;
    command
        .choice(
            "ACTION", parsed->options.action,
            {{"disable", JobsAction::disable},
             {"enable", JobsAction::enable},
             {"list", JobsAction::list}},
            "list: all jobs of users; disable: turn off those that are on; enable: turn on those "
            "that disable has turned off")
        .required();
    add_filter(command, parsed->options.filter,
               "what a policy works on, or else of the job's procedure");
    command.flag("--dry-run", parsed->options.dry_run,
                 "say what would be done, and change nothing");
    return end_command(command, parsed, commands::jobs);
}

/// What is wrong about options together.
void check_import(const importing::ImportOptions& options) {
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

/// An option of one character, of which COPY tells some by a backslash.
void add_character(Command command, const std::string& name, const std::function<void(char)>& set,
                   const std::string& text) {
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

void add_format(Command command, csv::Format& format, std::optional<char>& escape) {
    add_character(
        command, "--delimiter", [&](char c) { format.delimiter = c; }, "between values [,]");
    add_character(
        command, "--quote", [&](char c) { format.quote = c; }, "around values [\"]");
    add_character(
        command, "--escape", [&](char c) { escape = c; },
        "before a quote within quotes; the quote itself, if not given");
    command.option("--null", format.null,
                   "what stands for NULL where it is not quoted; nothing, if not given");
    command
        .option("--encoding", format.encoding,
                "of the files, as PostgreSQL names it; UTF8, if not given")
        .check_value();
}

Runnable add_import(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<importing::ImportOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "import", help::import);
    command
        .option("FILE", options.files,
                "CSV, compressed if the name ends in .gz or .zst; - for standard input")
        .type_is_called("FILE")
        .required();
    command
        .option("-t,--table", options.table,
                "hypertable or plain table, as SQL names it; of the schema public, if it names "
                "none")
        .required()
        .check_value();
    const auto columns = command
                             .option("--columns", options.columns,
                                     "the files' columns, with commas between: they have no "
                                     "header")
                             .check_value();
    command.flag("--header", options.header, "the files have a header even so, which is left out")
        .needs(columns);
    const auto escape = std::make_shared<std::optional<char>>();
    add_format(command, options.format, *escape);
    command.option("-u,--until", options.until,
                   "only rows whose time is before it; see stage, also for --from");
    command.option("-F,--from", options.from, "only rows whose time is at or after it");
    command.choice("--on-error", options.skips_rejected, {{"skip", true}, {"stop", false}},
                   "what to do about records that the server does not take [stop]");
    command
        .option("--rejects", options.rejects,
                "append such records to this file, with file, line and reason")
        .value_is_called("FILE")
        .check_value();
    command
        .number("--max-rejects", options.max_rejects,
                "how many records to leave out before giving up")
        .between(0, 1'000'000'000);
    command
        .option("--name", options.name,
                "what the file is known by when import is run again, instead of its path")
        .check_value();
    add_parallelism(command, options.parallelism, "how many batches to load at a time at most");
    add_retry(command, options.retry, "a batch");
    const auto result = end_command(command, parsed, commands::import_csv);
    return {result.command, [parsed, escape, run = result.run] {
                auto& given = parsed->options;
                given.format.escape = escape->value_or(given.format.quote);
                check_import(given);
                return run();
            }};
}

Runnable add_clean(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::CleanOptions>>();
    auto command = begin_command(parser, *parsed, "clean", help::clean);
    return end_command(command, parsed, commands::clean);
}

} // namespace

ExitStatus run(int argc, const char* const* argv) {
    Parser parser("timescaledb-backfill", BACKFILL_VERSION, help::timescaledb_backfill);
    std::vector<Runnable> commands;
    for (const auto add : {add_clone_schema, add_check, add_completion_point, add_stage, add_copy,
                           add_status, add_report, add_pause, add_resume, add_set_parallelism,
                           add_jobs, add_refresh_caggs, add_verify, add_clean, add_import})
        commands.push_back(add(parser));
    if (!parser.parse(argc, argv))
        return exit_done;
    return std::ranges::find_if(commands, [](const auto& one) { return one.command.was_given(); })
        ->run();
}

} // namespace cli
