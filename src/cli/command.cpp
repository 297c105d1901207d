#include "cli/command.hpp"

#include "base/error.hpp"
#include "load/late_rows.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <stdexcept>

namespace cli {

namespace {

postgres::ConnectionString connection_string(const std::string& text, const std::string& option,
                                             const std::string& variable) {
    if (text.empty())
        throw UsageError(fmt::format("{} is required", option),
                         fmt::format("give a connection string such as "
                                     "postgresql://user@host:5432/database, or set {}",
                                     variable));
    return {text, option};
}

output::Output::Options output_options(const OutputOptions& given) {
    auto options = given.output;
    if (given.quiet)
        options.verbosity = output::Verbosity::quiet;
    else if (given.verbose)
        options.verbosity = output::Verbosity::verbose;
    options.may_draw = !given.no_progress;
    return options;
}

/// The number in "active=40"; nothing if that is not what the text is.
std::optional<int> active_of(std::string_view text) {
    constexpr std::string_view name = "active=";
    int number = 0;
    const auto digits = text.substr(std::min(name.size(), text.size()));
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
    const bool is_number = error == std::errc() && end == digits.end() && number >= 0;
    return text.starts_with(name) && is_number ? std::optional(number) : std::nullopt;
}

/// Adds an option for a time whose --help shows its present value as the default.
Option add_duration(Command command, const std::string& name, std::chrono::seconds& value,
                    const std::string& text, const Amount& amount) {
    return command
        .number(
            name, [&value](std::int64_t seconds) { value = std::chrono::seconds(seconds); }, text)
        .value_is_called(fmt::format("DURATION={}s", value.count()))
        .amount(amount);
}

} // namespace

void add_source(Command command, ConnectionTexts& texts) {
    command.option("--source", texts.source, "connection string of the source database")
        .variable("BACKFILL_SOURCE");
}

void add_target(Command command, ConnectionTexts& texts) {
    command.option("--target", texts.target, "connection string of the target database")
        .variable("BACKFILL_TARGET");
    // Scripts for the original program, which sends telemetry, may pass this.
    command.flag("--disable-telemetry", texts.telemetry_disabled,
                 "accepted for compatibility; there is no telemetry");
}

void add_output(Command command, OutputOptions& options) {
    const auto format = [&](const std::string& name, output::OutputFormat& value,
                            const std::string& text) {
        command.choice(name, value,
                       {{"json", output::OutputFormat::json}, {"text", output::OutputFormat::text}},
                       text);
    };
    format("--output", options.output.format,
           "format of results on standard output: lines of text, or one JSON object a line [text]");
    const auto quiet =
        command.flag("-q,--quiet", options.quiet, "print only failures, and a summary at the end");
    command.flag("-v,--verbose", options.verbose, "print more, such as each attempt that failed")
        .excludes(quiet);
    command.flag("--no-progress", options.no_progress,
                 "print no lines that change in place, even on a terminal");
    format("--log-format", options.log.format, "format of warnings and errors [text]");
    command.option("--log-file", options.log.file,
                   "append warnings and errors to this file instead of printing them on standard "
                   "error");
}

void add_monitoring(Command command, OutputOptions& options) {
    command
        .option("--metrics-file", options.output.metrics_file,
                "keep the run's numbers in this file, for the textfile collector of Prometheus's "
                "node_exporter; its name must end with .prom")
        .check([](const std::string& text) {
            return text.ends_with(".prom") ? "" : "must end with .prom, or it would not be read";
        });
    command
        .option("--on-event", options.output.on_event,
                "run this shell command for failures, waits and the end, with the event as JSON on "
                "its standard input")
        .value_is_called("COMMAND");
}

Option add_filter(Command command, std::optional<std::string>& filter, const std::string& what) {
    return command.option(
        "-f,--filter", filter,
        fmt::format("only {} matches this POSIX regular expression; names match with or "
                    "without quotes, and in upper or lower case",
                    what));
}

void add_selection(Command command, std::optional<std::string>& filter,
                   timescale::Cascade& cascade) {
    add_filter(command, filter, "hypertables and continuous aggregates whose schema.name");
    command.flag("-U,--cascade-up", cascade.up,
                 "also continuous aggregates that read what matches");
    command.flag("-D,--cascade-down", cascade.down,
                 "also what the matching continuous aggregates read");
}

void add_parallelism(Command command, int& parallelism, const std::string& text) {
    command.number("-p,--parallelism", parallelism, text).between(1, 1000);
}

Option add_dual_write_delay(Command command, std::chrono::seconds& delay) {
    return add_duration(command, "--dual-write-delay", delay,
                        "how long the application needs to write a row to both sides; 0s if it "
                        "writes to the source only",
                        {.units = {{"s", 1}, {"m", 60}},
                         .least = 0,
                         .greatest = load::late_period.count(),
                         .example = "5s"});
}

void add_retry(Command command, run::RetryOptions& retry, const std::string& what) {
    command
        .number("--max-retries", retry.max_retries,
                fmt::format("further attempts at {} after a deadlock, a lost connection or a "
                            "similar error",
                            what))
        .between(0, 1000);
    const Amount amount{.units = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}},
                        .least = 1,
                        .greatest = 10'000'000,
                        .example = "15m"};
    add_duration(command, "--retry-timeout", retry.retry_timeout,
                 "how long a server may be unreachable or out of disk space before the run ends: "
                 "90s, 15m, 2h",
                 amount);
    add_duration(command, "--stall-timeout", retry.stall_timeout,
                 "how long a connection may be silent before the server is asked whether it is "
                 "still working; if not, the connection is replaced",
                 amount);
}

Option add_throttle(Command command, run::ThrottleOptions& throttle) {
    const auto rate =
        command
            .number(
                "--max-rate", [&throttle](std::int64_t value) { throttle.max_rate = value; },
                "maximum amount of data per second, for all workers of this run together: 50MB/s")
            .value_is_called("RATE")
            .amount({.units = {{"B", 1}, {"kB", 1000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}},
                     .least = 1000,
                     .greatest = INT64_MAX,
                     .example = "50MB/s",
                     .suffix = "/s"});
    const auto lag = command
                         .number(
                             "--max-lag",
                             [&throttle](std::int64_t seconds) {
                                 throttle.max_lag = std::chrono::seconds(seconds);
                             },
                             "wait while a standby of either server is further behind: 5s, 1m")
                         .value_is_called("DURATION")
                         .amount({.units = {{"s", 1}, {"m", 60}, {"h", 3600}},
                                  .least = 1,
                                  .greatest = 1'000'000,
                                  .example = "5s"});
    command
        .word(
            "--lag-of",
            [&throttle](const std::string& text) {
                throttle.lag_of = postgres::ConnectionString(text, "--lag-of");
            },
            "connection string of the only standby that --max-lag is about")
        .value_is_called("CONNECTION")
        .needs(lag);
    command
        .word(
            "--max-load",
            [&throttle](const std::string& text) { throttle.max_active = active_of(text); },
            "wait while more sessions of others run statements, in either server")
        .value_is_called("active=N")
        .check([](const std::string& text) {
            return active_of(text) ? "" : "must be active=N, such as active=40";
        });
    command
        .option("--throttle-query", throttle.query,
                "wait while this query returns a number above 0; it runs in the source, for import "
                "in the target")
        .value_is_called("SQL");
    command
        .word(
            "--window",
            [&throttle](const std::string& text) { throttle.window = run::Window::parse(text); },
            "begin work only between these times of day: 22:00-06:00; a time zone may follow: "
            "@Europe/Berlin")
        .value_is_called("TIMES")
        .check([](const std::string& text) {
            try {
                run::Window::parse(text);
            } catch (const std::invalid_argument& wrong) {
                return std::string(wrong.what());
            }
            return std::string();
        });
    return rate;
}

postgres::ConnectionString source_of(const ConnectionTexts& texts) {
    return connection_string(texts.source, "--source", "BACKFILL_SOURCE");
}

postgres::ConnectionString target_of(const ConnectionTexts& texts) {
    return connection_string(texts.target, "--target", "BACKFILL_TARGET");
}

ExitStatus run_with_output(const OutputOptions& options,
                           const std::function<ExitStatus(output::Output&)>& command) {
    output::Output output(output_options(options));
    const output::Log log(output, options.log);
    auto status = exit_failed;
    try {
        status = command(output);
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        status = exit_status_of(error);
    }
    output.end();
    return status;
}

} // namespace cli
