#include "cli/command_line.hpp"

#include "commands/commands.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace cli {

namespace {

using postgres::ConnectionString;

constexpr auto description =
    R"(Copies time-series history from one TimescaleDB (source) to another (target), chunk by
chunk, while an application writes to both.

  stage          list the chunks to copy in a queue in the target
  copy           copy them; stop and start again as you like
  refresh-caggs  bring the target's continuous aggregates up to date
  verify         compare both sides
  clean          remove the queue)";

constexpr auto footer = R"(
Example:
  export BACKFILL_SOURCE=postgresql://me@old.example:5432/metrics
  export BACKFILL_TARGET=postgresql://me@new.example:5432/metrics
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

constexpr auto stage_footer = R"(
A bound is a timestamp, for hypertables whose time is a timestamptz, timestamp or date, or an
integer, for those with a smallint, integer or bigint; digits alone, such as 20160102, are an
integer. A timestamp without a zone is read as UTC,
whatever the servers' settings. What lies at or after --until, or before --from, is not touched.

Without --filter, all hypertables and the materialized data of all continuous aggregates are
staged. With it, those whose quoted schema.name matches: ^public\.conditions$, 'metrics_.*',
'"Mixed Case"'. Staging again adds to the queue; chunks that are in it already are skipped.

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

constexpr auto verify_footer = R"(
Compares what was staged and copied, within its bounds, reading both sides of a chunk at the same
time. Chunks that are equal are marked as verified, and left out the next time unless --all is
given. A differing chunk is shown with its first and last differing time and with example rows.
Floating-point sums, in the aggregates, count as equal within what the order of adding can make
of them: rows * 2^-52 * the sum of the absolute values.

The exit status is 3 when something differed or could not be compared.

Examples:
  timescaledb-backfill verify
  timescaledb-backfill verify --requeue && echo equal || timescaledb-backfill copy)";

constexpr auto refresh_footer = R"(
For each continuous aggregate, those that others read first, calls refresh_continuous_aggregate()
in the target, from its watermark there to its watermark in the source. Materialized rows that
were copied are kept: a refresh begins behind the last of them. One that fails is named, and the
others go on; then the exit status is 1.

Examples:
  timescaledb-backfill refresh-caggs
  timescaledb-backfill refresh-caggs --filter '^public\.daily_agg$' --cascade-up --cascade-down)";

constexpr auto clean_footer = R"(
The chunks stay. Says how many tasks were unfinished, if any.

Example:
  timescaledb-backfill clean --target "$TARGET")";

/// The texts that become connection strings once parsing is done. Each command has its own: CLI11
/// reads the environment for the options of all of them, whichever was named.
struct ConnectionTexts {
    std::string source;
    std::string target;
    bool telemetry_disabled = false;
};

/// Refuses what is the next option rather than a value.
std::string is_value(const std::string& text) {
    if (text.empty())
        return "needs a value";
    return text.starts_with("--") && text.size() > 2 ? "needs a value, not " + text : std::string();
}

/// Nothing that could be, or hold, a password: connection strings have other characters.
bool is_plain(const std::string& text) {
    return std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
    });
}

/// An argument that stands where none belongs, as a message may show it.
std::string shown(const std::string& argument) {
    auto name = argument.substr(0, argument.find('='));
    if (is_plain(argument) || (name.starts_with("--") && is_plain(name)))
        return name;
    return "an argument that is no option";
}

/// CLI11's message, which may quote arguments, with those of them left out that are not plain.
std::string shown_message(std::string message, int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        std::string argument = argv[i];
        if (argument.starts_with("-") && argument.find('=') != std::string::npos)
            argument.erase(0, argument.find('=') + 1);
        if (is_plain(argument))
            continue;
        for (auto at = message.find(argument); at != std::string::npos; at = message.find(argument))
            message.replace(at, argument.size(), 1, '\x01');
    }
    std::string result;
    for (const char c : message)
        result += c == '\x01' ? std::string("...") : std::string(1, c);
    return result;
}

/// What the program cannot make sense of, if there is something: that is told before what is
/// missing, for it may be what is missing, misspelt.
std::optional<std::string> unknown_argument(const CLI::App& app) {
    const auto arguments = app.remaining(/*recurse=*/true);
    if (arguments.empty())
        return std::nullopt;
    const auto option =
        std::ranges::find_if(arguments, [](const auto& text) { return text.starts_with("-"); });
    return option == arguments.end() ? arguments.front() : *option;
}

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

void add_source(CLI::App& command, ConnectionTexts& texts) {
    command.add_option("--source", texts.source, "connection string of the source database")
        ->envname("BACKFILL_SOURCE")
        ->check(is_value);
}

void add_target(CLI::App& command, ConnectionTexts& texts) {
    command.add_option("--target", texts.target, "connection string of the target database")
        ->envname("BACKFILL_TARGET")
        ->check(is_value);
    // The original phones home; its users' scripts say so.
    command.add_flag("--disable-telemetry", texts.telemetry_disabled,
                     "accepted and without effect: there is no telemetry");
}

void add_selection(CLI::App& command, std::optional<std::string>& filter,
                   timescale::Cascade& cascade) {
    command.add_option("-f,--filter", filter,
                       "POSIX regular expression, regardless of case, on the quoted schema.name of "
                       "hypertables and of continuous aggregates");
    command.add_flag("-U,--cascade-up", cascade.up,
                     "also the continuous aggregates that read what matches");
    command.add_flag("-D,--cascade-down", cascade.down,
                     "also what the matching continuous aggregates read");
}

} // namespace

ExitStatus run(int argc, const char* const* argv) {
    CLI::App app(description, "timescaledb-backfill");
    app.footer(footer);
    app.set_version_flag("-V,--version", "timescaledb-backfill " BACKFILL_VERSION);
    app.require_subcommand(1);

    ConnectionTexts stage_texts;
    commands::StageOptions stage;
    auto* stage_command = app.add_subcommand("stage", "List the chunks to copy in the target's "
                                                      "queue, the schema __backfill");
    add_source(*stage_command, stage_texts);
    add_target(*stage_command, stage_texts);
    stage_command
        ->add_option("-u,--until", stage.until,
                     "completion point: copy what is before it (exclusive)")
        ->required()
        ->check(is_value);
    stage_command->add_option("-F,--from", stage.from,
                              "copy what is at or after it; -infinity, the default, for all");
    add_selection(*stage_command, stage.filter, stage.cascade);
    stage_command
        ->add_option("-s,--snapshot", stage.snapshot,
                     "read all chunks under this snapshot, exported in the source with "
                     "pg_export_snapshot()")
        ->check(is_value);
    stage_command->footer(std::string(stage_footer) + "\n" + connection_footer);

    ConnectionTexts copy_texts;
    commands::CopyOptions copy;
    auto* copy_command = app.add_subcommand("copy", "Copy the staged chunks");
    add_source(*copy_command, copy_texts);
    add_target(*copy_command, copy_texts);
    copy_command
        ->add_option("-p,--parallelism", copy.parallelism,
                     "how many chunks to copy at a time, each with a connection to either side")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    const std::map<std::string, load::Strategy> strategies{{"auto", load::Strategy::automatic},
                                                           {"attach", load::Strategy::attach},
                                                           {"in-place", load::Strategy::in_place}};
    copy_command
        ->add_option("--load-strategy", copy.strategy,
                     "how chunks that are absent or empty in the target are loaded: attach, into a "
                     "table that then becomes the chunk; in-place, under its live indexes; auto, "
                     "what is safe and fast for each [auto]")
        ->transform(CLI::CheckedTransformer(strategies).description("auto|attach|in-place"));
    copy_command->add_flag("--explain", copy.explain,
                           "only print how each chunk would be loaded, and why; change nothing");
    copy_command->footer(std::string(copy_footer) + "\n" + connection_footer);

    ConnectionTexts verify_texts;
    commands::VerifyOptions verify;
    auto* verify_command = app.add_subcommand("verify", "Compare both sides of the copied chunks");
    add_source(*verify_command, verify_texts);
    add_target(*verify_command, verify_texts);
    verify_command
        ->add_option("-p,--parallelism", verify.parallelism, "how many chunks to compare at a time")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    const std::map<std::string, verify::Mode> modes{{"digest", verify::Mode::digest},
                                                    {"aggregate", verify::Mode::aggregate}};
    verify_command
        ->add_option("--mode", verify.mode,
                     "digest: row counts and a hash of whole rows; aggregate: row counts, and "
                     "count, min, max and sum of each column [digest]")
        ->transform(CLI::CheckedTransformer(modes).description("digest|aggregate"));
    verify_command->add_flag("--all", verify.all, "chunks that were verified before, too");
    verify_command->add_flag("--requeue", verify.requeue,
                             "let the next copy copy differing chunks again");
    verify_command
        ->add_option("--max-differences", verify.max_differences,
                     "how many example rows of each kind to show for a differing chunk")
        ->capture_default_str()
        ->check(CLI::Range(0, 1000));
    verify_command->footer(std::string(verify_footer) + "\n" + connection_footer);

    ConnectionTexts refresh_texts;
    commands::RefreshOptions refresh;
    auto* refresh_command = app.add_subcommand(
        "refresh-caggs", "Refresh the target's continuous aggregates up to where the source's are");
    add_source(*refresh_command, refresh_texts);
    add_target(*refresh_command, refresh_texts);
    add_selection(*refresh_command, refresh.filter, refresh.cascade);
    refresh_command->footer(std::string(refresh_footer) + "\n" + connection_footer);

    ConnectionTexts clean_texts;
    commands::CleanOptions clean;
    auto* clean_command =
        app.add_subcommand("clean", "Remove the queue, the schema __backfill, from the target");
    add_target(*clean_command, clean_texts);
    clean_command->footer(std::string(clean_footer) + "\n" + connection_footer);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
            app.exit(error); // --help or --version
            return exit_done;
        }
        const bool is_about_a_value = dynamic_cast<const CLI::ValidationError*>(&error) != nullptr;
        const auto unknown = is_about_a_value ? std::nullopt : unknown_argument(app);
        throw UsageError(fmt::format(
            "{}; see timescaledb-backfill {}--help",
            unknown ? fmt::format("cannot make sense of {}", shown(*unknown))
                    : shown_message(error.what(), argc, argv),
            app.get_subcommands().empty() ? "" : app.get_subcommands().front()->get_name() + " "));
    }

    if (stage_command->parsed()) {
        stage.source = source_of(stage_texts);
        stage.target = target_of(stage_texts);
        return commands::stage(stage);
    }
    if (copy_command->parsed()) {
        copy.source = source_of(copy_texts);
        copy.target = target_of(copy_texts);
        return commands::copy(copy);
    }
    if (verify_command->parsed()) {
        verify.source = source_of(verify_texts);
        verify.target = target_of(verify_texts);
        return commands::verify(verify);
    }
    if (refresh_command->parsed()) {
        refresh.source = source_of(refresh_texts);
        refresh.target = target_of(refresh_texts);
        return commands::refresh_caggs(refresh);
    }
    clean.target = target_of(clean_texts);
    return commands::clean(clean);
}

} // namespace cli
