#include "cli/command_line.hpp"

#include "cli/parser.hpp"
#include "commands/commands.hpp"
#include "csv/input.hpp"
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

constexpr auto description =
    R"(Copies time-series history from one TimescaleDB (source) to another (target), chunk by
chunk, while an application writes to both.

  clone-schema   make the target like the source, but for the rows of hypertables
  check          say what would go wrong, before it does
  completion-point
                 suggest from when on both sides have all rows
  stage          list the chunks to copy in a queue in the target
  copy           copy them; stop and start again as you like
  status         tell how far it is, from any machine
  pause, resume, set-parallelism
                 steer what runs
  refresh-caggs  bring the target's continuous aggregates up to date
  verify         compare both sides
  jobs           turn the target's background jobs off, and on again
  report         write a page on how it went
  clean          remove the queue

  import         load CSV files into a table of the target)";

constexpr auto footer = R"(
Example:
  export BACKFILL_SOURCE=postgresql://me@old.example:5432/metrics
  export BACKFILL_TARGET=postgresql://me@new.example:5432/metrics
  timescaledb-backfill check --until '2016-01-02T00:00:00'
  timescaledb-backfill stage --until '2016-01-02T00:00:00'
  timescaledb-backfill copy --parallelism 8
  timescaledb-backfill refresh-caggs
  timescaledb-backfill verify
  timescaledb-backfill clean

Exit status: 0 done, 1 failed, 2 wrong usage (nothing changed), 3 differences found by verify,
130 interrupted.
Each command has its own help: timescaledb-backfill stage --help)";

constexpr auto connection_footer = R"(
Exit status: 0 done, 1 failed, 2 wrong usage (nothing changed), 3 differences found by verify,
130 interrupted.

Connection strings are libpq's: postgresql://user@host:5432/database?sslmode=verify-full, or
"host=... dbname=... user=...", or "service=..."; a password file (~/.pgpass), PGPASSWORD and the
other environment variables of libpq apply. Give them in BACKFILL_SOURCE and BACKFILL_TARGET to
keep a password off the command line, where other users of the machine see it.)";

constexpr auto clone_footer = R"(
Runs the pg_dump of PostgreSQL in the source, and psql in the target, as one transaction: what fails, or
is interrupted, leaves the target as it was. Hypertables and continuous aggregates come without rows
and chunks, plain tables with their rows. Background jobs are turned off in the target, as by jobs
disable; jobs enable turns them on again. The target has to be empty, and of the same version of
TimescaleDB, which is created when it is absent.

The source may be a PostgreSQL without TimescaleDB: --create-hypertable makes a hypertable of a table,
natively partitioned or not, with chunks of that interval.

Examples:
  timescaledb-backfill clone-schema --dry-run
  timescaledb-backfill clone-schema --roles
  timescaledb-backfill clone-schema --create-hypertable 'metrics.cpu.time:1 day' \
    --create-hypertable counters.tick:1000000)";

constexpr auto check_footer = R"(
Reads both sides and changes neither. Each finding is ok, a warning or an error, the last of which
make the exit status 1; warnings and errors come with a remedy. Without --until, everything is taken
to be in the range. What only reading all rows would show is not looked at; findings say where they
are estimates. Bounds and --filter are those of stage, whose help explains them.

Example:
  timescaledb-backfill check --until '2016-01-02T00:00:00' --parallelism 16)";

constexpr auto stage_footer = R"(
A bound is a timestamp, for hypertables whose time is a timestamptz, timestamp or date, or an
integer, for those with a smallint, integer or bigint; digits alone, such as 20160102, are an
integer. A timestamp without a zone is read as UTC,
whatever the servers' settings. What lies at or after --until, or before --from, is not touched.

Without --filter, all hypertables and the materialized data of all continuous aggregates are
staged. With it, those whose schema.name matches, quoted or not: ^public\.conditions$,
'metrics_.*', '^public\.MixedCase$'. Staging again adds to the queue; chunks that are in it already are skipped.

Examples:
  timescaledb-backfill stage --until '2016-01-02T00:00:00'
  timescaledb-backfill stage --until '2016-01-02T00:00:00+02' --from 2015-01-01 --filter '^public\.'
  timescaledb-backfill stage --until 91827364 --filter '^schema1\.table_with_time_as_bigint$'
  timescaledb-backfill stage --until 2016-01-02 --filter '^public\.daily_agg$' -U -D)";

constexpr auto copy_footer = R"(
Rows that the target already has in the staged range are replaced. Ctrl-C (SIGINT, SIGTERM) once:
the chunks in hand are finished first. Twice: they are rolled back at once. Either way the exit
status is 130 and the next copy goes on. Several copy processes, on several machines, may work on
one target at a time.

From TimescaleDB 2.29.1 (Community edition) on, chunks that are absent or empty in the target are
loaded into tables that then become the chunks. Others are loaded in place, under the target's live
indexes. --load-strategy attach does the former on older versions, too, where columns that are later
dropped from the hypertable stay in such chunks, after which inserting into them fails.

Example:
  timescaledb-backfill copy --source "$SOURCE" --target "$TARGET" --parallelism 4)";

constexpr auto completion_point_footer = R"(
For each hypertable, counts rows by time on both sides, from where the target's begin, which the
application writes to both sides; shows where they differ; looks closer at the last such step; and
suggests what comes behind it for --until of stage. It does not decide: a gap may come later, and a
completion point that is later than necessary does no harm. Run it some minutes after the last
process that writes to one side only has ended, and again a while later.

The exit status is 1 when none can be suggested for a hypertable.

Example:
  timescaledb-backfill completion-point --filter '^public\.conditions$')";

constexpr auto status_footer = R"(
Shows, for each hypertable, how many of its chunks are copied, in flight, failed, verified and
differing, and what every copy and verify that runs is doing, on whichever machine it runs.

Examples:
  timescaledb-backfill status --watch
  timescaledb-backfill status --json | jq .total)";

constexpr auto report_footer = R"(
The page shows totals, throughput, which worker loaded which chunk when, hypertables, what verify
found for each chunk, and which chunks failed or were slow. It is one file that loads nothing from
anywhere. It can be written while a copy runs, and not any more after clean. With a source, report also
lists the sequences of the target that are behind the source's, and how to set them.

Example:
  timescaledb-backfill report --html migration.html)";

constexpr auto jobs_footer = R"(
Policies and other background jobs of the target would get in the way of copying: refreshing reads
rows that are not there yet, retention drops what was just copied. TimescaleDB's own jobs, whose
numbers are below 1000, are left alone. The queue remembers which jobs were turned off, so that those
which their owner had turned off stay off.

Examples:
  timescaledb-backfill jobs list
  timescaledb-backfill jobs disable
  timescaledb-backfill jobs enable --filter '^public\.conditions'
  timescaledb-backfill jobs enable)";

constexpr auto pause_footer = R"(
All copy and verify processes that work on the target's queue heed it within a second, also those
that begin later. Chunks in hand are finished first.

Example:
  timescaledb-backfill pause; sleep 3600; timescaledb-backfill resume)";

constexpr auto parallelism_footer = R"(
The copy and verify processes that run now heed it within a second. Workers that are to go finish
their chunks first. Those that begin later have their own --parallelism.

Example:
  timescaledb-backfill set-parallelism 2)";

constexpr auto verify_footer = R"(
Compares what was staged and copied, within its bounds, reading both sides of a chunk at the same
time. Chunks that are equal are marked as verified, and left out the next time unless --all is
given. A differing chunk is shown with its first and last differing time and with example rows.
Floating-point sums, in the aggregates, count as equal within what the order of adding can make
of them: rows * 2^-52 * the sum of the absolute values.

With --quick, takes seconds: compares estimates of the numbers of rows, chunk by chunk, which may be
5% apart. Chunks that the catalog has no estimate for want an ANALYZE first, as is said then.

The exit status is 3 when something differed or could not be compared.

Examples:
  timescaledb-backfill verify
  timescaledb-backfill verify --quick
  timescaledb-backfill verify --requeue && echo equal || timescaledb-backfill copy)";

constexpr auto refresh_footer = R"(
For each continuous aggregate, those that others read first, calls refresh_continuous_aggregate()
in the target, from its watermark there to its watermark in the source. Materialized rows that
were copied are kept: a refresh begins behind the last of them. One that fails is named, and the
others go on; then the exit status is 1.

Examples:
  timescaledb-backfill refresh-caggs
  timescaledb-backfill refresh-caggs --filter '^public\.daily_agg$' --cascade-up --cascade-down)";

constexpr auto import_footer = R"(
Loads files as COPY ... (FORMAT csv) would, in batches of whole records, several at a time. A batch
is one transaction, with a record of it in the queue (the schema __backfill): the same command run
again, after whatever happened, goes on where it stopped, and loads nothing twice. A file is known
by its path, or by --name, which standard input needs. Files whose names end in .gz and .zst are
decompressed.

The first record of each file is its header, which names the columns. --columns is for files without
one; with --header, too, their first records are left out.

The first record that the server does not take ends the import, and is named with its file and line.
With --on-error skip and --rejects, such records are left out and written to a file. Triggers of the
table fire, as for COPY by psql.

Examples:
  timescaledb-backfill import --table metrics.cpu cpu-2024-*.csv.gz
  timescaledb-backfill import --table readings --until 2024-06-01 --on-error skip \
    --rejects rejects.csv readings.csv
  zcat old.csv.gz | timescaledb-backfill import --table readings --columns time,device,value \
    --name old.csv -)";

constexpr auto clean_footer = R"(
The chunks stay, and so do imported rows. Says how many tasks were unfinished, if any.

Example:
  timescaledb-backfill clean --target "$TARGET")";

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
Command begin_command(Parser& parser, Parsed<Options>& parsed, const char* name, const char* text) {
    auto command = parser.add_command(name, text);
    if constexpr (has_source<Options>)
        add_source(command, parsed.texts);
    add_target(command, parsed.texts);
    return command;
}

/// Adds the options that all have in the end.
/// \param run gets the options when all are parsed.
template <typename Options>
Runnable end_command(Command command, const std::shared_ptr<Parsed<Options>>& parsed,
                     ExitStatus (*run)(const Options&, output::Output&), const char* own_footer) {
    add_speech(command, parsed->speech);
    command.footer(std::string(own_footer) + "\n" + connection_footer);
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
    auto command = begin_command(parser, *parsed, "completion-point",
                                 "Suggest a completion point; change nothing");
    add_filter(command, options.filter, "hypertables");
    command
        .option("--since", options.since,
                "compare from then on; without it, from the target's first row on")
        .check_value();
    return end_command(command, parsed, commands::completion_point, completion_point_footer);
}

Runnable add_check(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::CheckOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "check",
                                 "Say what would go wrong, before it does; change nothing");
    command.option("-u,--until", options.until, "completion point, as for stage").check_value();
    command.option("-F,--from", options.from, "as for stage");
    add_selection(command, options.filter, options.cascade);
    add_parallelism(command, options.parallelism,
                    "that copy will be run with, for the connections that it needs");
    return end_command(command, parsed, commands::check, check_footer);
}

Runnable add_clone_schema(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::CloneOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "clone-schema",
                                 "Make the target like the source, but for the rows of "
                                 "hypertables");
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
    return end_command(command, parsed, commands::clone_schema, clone_footer);
}

Runnable add_stage(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::StageOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "stage",
                                 "List the chunks to copy in the target's queue, "
                                 "the schema __backfill");
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
    return end_command(command, parsed, commands::stage, stage_footer);
}

Runnable add_copy(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<copy::CopyOptions>>();
    auto& options = parsed->options;
    auto command = begin_command(parser, *parsed, "copy", "Copy the staged chunks");
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
    return end_command(command, parsed, commands::copy, copy_footer);
}

Runnable add_verify(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<verify::VerifyOptions>>();
    auto& options = parsed->options;
    auto command =
        begin_command(parser, *parsed, "verify", "Compare both sides of the copied chunks");
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
    return end_command(command, parsed, commands::verify, verify_footer);
}

Runnable add_refresh_caggs(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::RefreshOptions>>();
    auto command =
        begin_command(parser, *parsed, "refresh-caggs",
                      "Refresh the target's continuous aggregates up to where the source's are");
    add_selection(command, parsed->options.filter, parsed->options.cascade);
    add_retry(command, parsed->options.retry);
    return end_command(command, parsed, commands::refresh_caggs, refresh_footer);
}

Runnable add_status(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::StatusOptions>>();
    auto command =
        begin_command(parser, *parsed, "status", "Tell how far the queue is, and who works on it");
    command.flag("-w,--watch", parsed->options.watch,
                 "again each second, until all is done; Ctrl-C ends it");
    command.flag("--failed", parsed->options.failed, "list the chunks that failed, and why");
    command.flag(
        "--json", [parsed] { parsed->speech.output.format = output::Format::json; },
        "the same as --output json");
    return end_command(command, parsed, commands::status, status_footer);
}

Runnable add_report(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ReportOptions>>();
    auto command = begin_command(parser, *parsed, "report", "Write a page on the migration");
    command
        .option("--html", parsed->options.html,
                "the page, with all that it needs; an older one is replaced")
        .required()
        .value_is_called("FILE");
    return end_command(command, parsed, commands::report, report_footer);
}

Runnable add_pause(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ControlOptions>>();
    auto command = begin_command(parser, *parsed, "pause",
                                 "Have all that copy or verify begin no further chunk for now");
    return end_command(command, parsed, commands::pause, pause_footer);
}

Runnable add_resume(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ControlOptions>>();
    auto command = begin_command(parser, *parsed, "resume", "Have them go on");
    return end_command(command, parsed, commands::resume, pause_footer);
}

Runnable add_set_parallelism(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::ControlOptions>>();
    auto command = begin_command(parser, *parsed, "set-parallelism",
                                 "Have each that copies or verifies use more or fewer workers");
    command
        .number(
            "N",
            [parsed](std::int64_t count) { parsed->options.parallelism = static_cast<int>(count); },
            "how many chunks at a time")
        .required()
        .between(1, 1000);
    return end_command(command, parsed, commands::set_parallelism, parallelism_footer);
}

Runnable add_jobs(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::JobsOptions>>();
    auto command = begin_command(parser, *parsed, "jobs",
                                 "List the target's background jobs, or turn them off and on");
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
    return end_command(command, parsed, commands::jobs, jobs_footer);
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
    auto command =
        begin_command(parser, *parsed, "import", "Load CSV files into a table of the target");
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
    const auto result = end_command(command, parsed, commands::import_csv, import_footer);
    return {result.command, [parsed, escape, run = result.run] {
                auto& given = parsed->options;
                given.format.escape = escape->value_or(given.format.quote);
                check_import(given);
                return run();
            }};
}

Runnable add_clean(Parser& parser) {
    const auto parsed = std::make_shared<Parsed<commands::CleanOptions>>();
    auto command = begin_command(parser, *parsed, "clean",
                                 "Remove the queue, the schema __backfill, from the target");
    return end_command(command, parsed, commands::clean, clean_footer);
}

} // namespace

ExitStatus run(int argc, const char* const* argv) {
    Parser parser("timescaledb-backfill", BACKFILL_VERSION, description, footer);
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
