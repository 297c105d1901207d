#include "commands/commands.hpp"
#include "output/units.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"
#include "run/endpoints.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

run::Endpoint connect_to_queue(const ControlOptions& options, const char* command) {
    run::Endpoint target(options.target, Side::target, command, run::Session::first);
    queue::require(target.connection);
    return target;
}

/// Who will hear of it.
std::string active_runs(postgres::Connection& target) {
    std::string list;
    for (const auto& run : queue::runs(target))
        if (run.silent_seconds < queue::seconds_until_gone)
            list += fmt::format("{}{} on {} (process {})", list.empty() ? "" : ", ", run.command,
                                run.host, run.pid);
    return list.empty() ? "nothing is running now" : list;
}

} // namespace

ExitStatus pause(const ControlOptions& options, output::Output& output) {
    auto target = connect_to_queue(options, "pause");
    queue::set_paused(target.connection, true);
    output.event(
        "control", {{"paused", true}}, output::Importance::result,
        fmt::format("Paused: chunks in hand are finished, and no further ones begun ({}).\n"
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
                 fmt::format("{} from now on for each that runs ({}).",
                             output::format_count(options.parallelism, "worker"),
                             active_runs(target.connection)));
    return exit_done;
}

} // namespace commands
