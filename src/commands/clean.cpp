#include "commands/commands.hpp"
#include "load/stand_in.hpp"
#include "output/units.hpp"
#include "postgres/connection.hpp"
#include "postgres/pooler.hpp"
#include "postgres/transaction.hpp"
#include "queue/counts.hpp"
#include "queue/imports.hpp"
#include "queue/queue.hpp"
#include "queue/suspended_jobs.hpp"
#include "run/endpoints.hpp"
#include "timescale/triggers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace commands {

namespace {

struct CleanOptions {
    postgres::ConnectionString target;
};

/// The state of the queue, for the message that reports its removal.
std::string unfinished(postgres::Connection& target) {
    if (!queue::is_known(target))
        return "created by another program or version";
    const auto counts = queue::count(target);
    if (counts.to_do > 0)
        return fmt::format("{} of {} unfinished", output::format_count(counts.to_do),
                           output::format_count(counts.total, "task"));
    const auto imports = queue::count_imports(target);
    if (imports.unfinished > 0)
        return fmt::format("{} of {} not imported to the end",
                           output::format_count(imports.unfinished),
                           output::format_count(imports.total, "file"));
    if (counts.total == 0 && imports.total > 0)
        return output::format_all(imports.total, "file", "was", "were") + " imported";
    return output::format_all(counts.total, "task", "was", "were") + " finished";
}

/// \throws Error if jobs are still off: only the queue knows which ones to turn on.
void require_jobs_on(postgres::Connection& target) {
    if (!queue::is_known(target))
        return;
    const auto jobs = queue::suspended_jobs(target);
    if (!jobs.empty())
        throw Error(fmt::format("background jobs of the {} are still off: {}", target.name(),
                                fmt::join(jobs, ", ")),
                    "turn them on first: timescaledb-backfill jobs enable");
}

/// \throws Error if chunks still have stand-ins, because dropping the queue would drop such chunks.
void require_no_stand_ins(postgres::Connection& target) {
    for (const auto& stand_in : load::read_stand_ins(target))
        if (stand_in.chunk)
            throw Error(fmt::format("cannot remove the schema __backfill: the chunk {} still "
                                    "inherits from {}",
                                    stand_in.chunk->quoted(), stand_in.name.quoted()),
                        "stop all copies and sessions that use the chunk, and run clean again");
}

ExitStatus clean(const CleanOptions& options, output::Output& output) {
    const auto settings = postgres::session_settings(postgres::Access::read_write);
    postgres::Connection target(options.target, "target", postgres::application_name("clean"),
                                settings);
    postgres::pin_first_session(target, settings, {});
    load::remove_stand_ins(load::read_stand_ins(target),
                           run::lean_connector(options.target, "clean"));
    // A running copy locks its tasks for as long as it takes to copy their chunks.
    postgres::Transaction transaction(target, "BEGIN; SET LOCAL lock_timeout = '2s'");
    if (!queue::exists(target)) {
        output.event(
            "cleaned", {{"removed", false}}, output::Importance::result,
            fmt::format("Nothing to clean: the {} has no schema __backfill.", target.name()));
        return exit_done;
    }
    require_jobs_on(target);
    try {
        const auto state = unfinished(target);
        if (queue::is_known(target))
            queue::lock(target);
        require_no_stand_ins(target);
        queue::drop(target);
        transaction.commit();
        output.event(
            "cleaned", {{"removed", true}, {"state", state}}, output::Importance::result,
            fmt::format("Removed the schema __backfill from the {}; {}.", target.name(), state));
    } catch (const postgres::SqlError& error) {
        if (transaction.is_open())
            transaction.rollback();
        if (const auto raised = timescale::event_trigger_error(target, error))
            throw Error(fmt::format("cannot remove the schema __backfill: {}", raised->problem()),
                        raised->remedy());
        if (error.reaction() != postgres::Reaction::retry)
            throw;
        throw Error(fmt::format("the tasks in the {} are in use", target.name()),
                    "stop the running copy, and run clean again");
    }
    return exit_done;
}

} // namespace

cli::Subcommand add_clean(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<CleanOptions>>();
    const auto command = cli::begin_command(parser, *parsed, "clean", help::clean);
    return cli::end_command(command, parsed, clean);
}

} // namespace commands
