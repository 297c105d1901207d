#include "commands/commands.hpp"
#include "output/units.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"
#include "run/endpoints.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

struct ControlOptions {
    postgres::ConnectionString target;
    int parallelism = 0; ///< of set-parallelism
};

run::Endpoint connect_to_queue(const ControlOptions& options, const char* command) {
    run::Endpoint target(options.target, Side::target, command, run::Session::first);
    queue::require(target.connection);
    return target;
}

/// The runs that the setting applies to.
std::string active_runs(postgres::Connection& target) {
    std::string list;
    for (const auto& run : queue::runs(target))
        if (run.silent_seconds < queue::seconds_until_gone)
            list += fmt::format("{}{} on {} (process {})", list.empty() ? "" : ", ", run.command,
                                run.host, run.pid);
    return list.empty() ? "nothing is running" : list;
}

ExitStatus pause(const ControlOptions& options, output::Output& output) {
    auto target = connect_to_queue(options, "pause");
    queue::set_paused(target.connection, true);
    output.event(
        "control", {{"paused", true}}, output::Importance::result,
        fmt::format("Paused: workers finish their current chunks and begin no others ({}).\n"
                    "Next: timescaledb-backfill resume",
                    active_runs(target.connection)));
    return exit_done;
}

ExitStatus resume(const ControlOptions& options, output::Output& output) {
    auto target = connect_to_queue(options, "resume");
    queue::set_paused(target.connection, false);
    output.event("control", {{"paused", false}}, output::Importance::result,
                 fmt::format("Resumed ({}).", active_runs(target.connection)));
    return exit_done;
}

ExitStatus set_parallelism(const ControlOptions& options, output::Output& output) {
    auto target = connect_to_queue(options, "set-parallelism");
    queue::set_parallelism(target.connection, options.parallelism);
    output.event("control", {{"parallelism", options.parallelism}}, output::Importance::result,
                 fmt::format("{} from now on for each run ({}).",
                             output::format_count(options.parallelism, "worker"),
                             active_runs(target.connection)));
    return exit_done;
}

} // namespace

cli::Subcommand add_pause(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<ControlOptions>>();
    const auto command = cli::begin_command(parser, *parsed, "pause", help::pause);
    return cli::end_command(command, parsed, pause);
}

cli::Subcommand add_resume(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<ControlOptions>>();
    const auto command = cli::begin_command(parser, *parsed, "resume", help::resume);
    return cli::end_command(command, parsed, resume);
}

cli::Subcommand add_set_parallelism(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<ControlOptions>>();
    auto command = cli::begin_command(parser, *parsed, "set-parallelism", help::set_parallelism);
    command
        .number(
            "N",
            [parsed](std::int64_t count) { parsed->options.parallelism = static_cast<int>(count); },
            "number of workers of each process")
        .required()
        .between(1, 1000);
    return cli::end_command(command, parsed, set_parallelism);
}

} // namespace commands
