#include "status/status.hpp"

#include "commands/commands.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/signals.hpp"
#include "run/stop.hpp"
#include "status/report.hpp"

#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

namespace commands {

namespace {

struct StatusOptions {
    postgres::ConnectionString target;
    status::Details details;
    bool watch = false; ///< repeat until nothing is left to do, or until interrupted
};

ExitStatus status(const StatusOptions& options, output::Output& output) {
    run::Stop stop;
    std::optional<run::SignalWatch> signals; // otherwise, signals end the process
    if (options.watch)
        signals.emplace([&](int count) {
            if (count > 1) // the target does not answer
                std::_Exit(exit_interrupted);
            stop.after_current();
        });
    run::Endpoint target(options.target, Side::target, "status", run::Session::first);
    queue::require(target.connection);
    for (;;) {
        const auto now = status::read_status(target.connection, options.details.failures);
        if (!options.watch || status::is_over(now)) {
            output.draw({});
            status::show(now, options.details, /*in_place=*/false, output);
            return exit_done;
        }
        status::show(now, options.details, /*in_place=*/true, output);
        for (int i = 0; i < 10; ++i) {
            if (stop.is_requested())
                return exit_done;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    }
}

} // namespace

cli::Subcommand add_status(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<StatusOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "status", help::status);
    command.flag("-w,--watch", options.watch,
                 "print the status again each second, until all tasks are done; Ctrl-C ends it");
    command.flag("--failed", options.details.failures, "also list the chunks that failed, and why");
    command.flag("--files", options.details.files, "also list the imported files");
    command.flag("--tables", options.details.tables, "also list the synchronized plain tables");
    command.flag(
        "--json", [parsed] { parsed->output.output.format = output::OutputFormat::json; },
        "the same as --output json");
    return cli::end_command(command, parsed, status);
}

} // namespace commands
