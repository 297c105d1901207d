#pragma once

#include "base/exit_status.hpp"
#include "cli/parser.hpp"
#include "output/log.hpp"
#include "output/output.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "run/throttle_options.hpp"
#include "timescale/selection.hpp"

#include <any>
#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// What the commands in src/commands share.
namespace cli {

// ---------------------------------------------------------------- a command

/// A command with its parsed and checked options, before it is run.
struct Invocation {
    std::any options; ///< the struct of the command, such as copy::CopyOptions

    /// Runs the command and logs the error if it fails.
    /// \throws UsageError if the log file cannot be written.
    std::function<ExitStatus()> run;
};

/// The definition of a command.
struct Subcommand {
    Command command;

    /// Returns the parsed command. \pre the command line contains it.
    /// \throws UsageError if options contradict each other, or if a connection string is missing or
    /// cannot be parsed.
    std::function<Invocation()> invocation;
};

/// The connection strings as text, before they are parsed. Each command has its own, because CLI11
/// reads the environment for the options of all commands, not only for those of the given one.
struct ConnectionTexts {
    std::string source;
    std::string target;
    bool telemetry_disabled = false;
};

/// How a command prints results, warnings and errors.
struct OutputOptions {
    output::Output::Options output;
    output::LogOptions log;
    bool quiet = false;
    bool verbose = false;
    bool no_progress = false;
};

/// The variables that parsing sets for a command.
template <typename Options>
struct Parsed {
    Options options;
    ConnectionTexts connections;
    OutputOptions output;
};

// ---------------------------------------------------------------- options of several commands

void add_source(Command command, ConnectionTexts& texts);
void add_target(Command command, ConnectionTexts& texts);
void add_output(Command command, OutputOptions& options);

/// \param what describes the objects that must match, such as "hypertables whose schema.name".
Option add_filter(Command command, std::optional<std::string>& filter, const std::string& what);

/// Adds --filter, --cascade-up and --cascade-down.
void add_selection(Command command, std::optional<std::string>& filter,
                   timescale::Cascade& cascade);

void add_parallelism(Command command, int& parallelism, const std::string& text);

/// Adds --dual-write-delay.
Option add_dual_write_delay(Command command, std::chrono::seconds& delay);

/// \param what the object of the attempts, such as "a chunk".
void add_retry(Command command, run::RetryOptions& retry, const std::string& what);

/// Adds --metrics-file and --on-event.
void add_monitoring(Command command, OutputOptions& options);

/// Adds the options that limit what a run costs the servers. \returns --max-rate.
Option add_throttle(Command command, run::ThrottleOptions& throttle);

// ---------------------------------------------------------------- defining a command

/// \throws UsageError if the connection string was not given or cannot be parsed.
postgres::ConnectionString source_of(const ConnectionTexts& texts);
postgres::ConnectionString target_of(const ConnectionTexts& texts);

/// Runs a command with an Output and a Log. Errors are logged.
ExitStatus run_with_output(const OutputOptions& options,
                           const std::function<ExitStatus(output::Output&)>& command);

template <typename Options>
constexpr bool has_source = requires(Options options) {
    options.source;
};

/// --source must be given.
template <typename Options>
constexpr bool requires_source = requires(Options options) {
    { options.source } -> std::same_as<postgres::ConnectionString&>;
};

/// Adds a command and the options for its connections.
/// \param help as in Parser::add_command().
template <typename Options>
Command begin_command(Parser& parser, Parsed<Options>& parsed, const char* name,
                      std::string_view help) {
    auto command = parser.add_command(name, help);
    if constexpr (has_source<Options>)
        add_source(command, parsed.connections);
    add_target(command, parsed.connections);
    return command;
}

/// Finishes a command: adds the options that all commands have.
/// \param run runs the command. \param complete called after parsing: sets what depends on several
/// options, and throws UsageError if they contradict each other.
template <typename Options>
Subcommand end_command(
    Command command, const std::shared_ptr<Parsed<Options>>& parsed,
    ExitStatus (*run)(const Options&, output::Output&),
    const std::function<void(Options&)>& complete = [](Options&) {}) {
    add_output(command, parsed->output);
    return {command, [parsed, run, complete] {
                auto options = parsed->options;
                complete(options);
                if constexpr (has_source<Options>)
                    if (requires_source<Options> || !parsed->connections.source.empty())
                        options.source = source_of(parsed->connections);
                options.target = target_of(parsed->connections);
                return Invocation{options, [options, run, output_options = parsed->output] {
                                      return run_with_output(output_options,
                                                             [&](output::Output& output) {
                                                                 return run(options, output);
                                                             });
                                  }};
            }};
}

} // namespace cli
