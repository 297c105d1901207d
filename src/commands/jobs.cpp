#include "commands/commands.hpp"
#include "jobs/background_jobs.hpp"
#include "jobs/change.hpp"
#include "output/log.hpp"
#include "output/units.hpp"
#include "postgres/transaction.hpp"
#include "queue/queue.hpp"
#include "queue/suspended_jobs.hpp"
#include "run/endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace commands {

namespace {

enum class JobsAction { list, disable, enable };

struct JobsOptions {
    postgres::ConnectionString target;
    JobsAction action = JobsAction::list;
    std::optional<std::string> filter;
    bool dry_run = false; ///< only print what would be changed
};

using output::format_count;
using output::Importance;

using Job = jobs::BackgroundJob;
using jobs::Change;

void summarize(output::Output& output, const JobsOptions& options, const Change& change,
               const std::string& text) {
    output.event("summary",
                 {{"command", "jobs"},
                  {"changed", static_cast<std::int64_t>(change.jobs.size())},
                  {"dry_run", options.dry_run}},
                 Importance::result, text);
}

ExitStatus list(run::Endpoint& target, const JobsOptions& options, output::Output& output) {
    const auto jobs = jobs::read_jobs(target, options.filter);
    jobs::report_jobs(output, jobs);
    const auto on = std::ranges::count(jobs, true, &Job::scheduled);
    summarize(output, options, {},
              fmt::format("{} of the {}: {} on, {} off.",
                          format_count(static_cast<std::int64_t>(jobs.size()), "job"),
                          target.connection.name(), on,
                          static_cast<std::int64_t>(jobs.size()) - on));
    return exit_done;
}

ExitStatus disable(run::Endpoint& target, const JobsOptions& options, output::Output& output) {
    postgres::Transaction transaction(target.connection);
    if (!options.dry_run)
        queue::prepare(target.connection);
    Change change{.scheduled = false, .jobs = jobs::read_jobs(target, options.filter)};
    std::erase_if(change.jobs, [](const Job& job) { return !job.scheduled; });
    jobs::require_ownership(target, change);
    if (change.jobs.empty()) {
        summarize(output, options, change,
                  fmt::format("Nothing to turn off: none of these jobs of the {} is on.",
                              target.connection.name()));
        return exit_done;
    }
    if (!options.dry_run) {
        jobs::alter(target, change);
        queue::remember_suspended(target.connection, jobs::ids_of(change.jobs));
        transaction.commit();
    }
    jobs::report_scheduled(output, change.jobs, change.scheduled, options.dry_run);
    summarize(output, options, change,
              options.dry_run ? fmt::format("Would turn off {}.", change.count())
                              : fmt::format("Turned off {}. To turn them on again: "
                                            "timescaledb-backfill jobs enable",
                                            change.count()));
    return exit_done;
}

ExitStatus enable(run::Endpoint& target, const JobsOptions& options, output::Output& output) {
    postgres::Transaction transaction(target.connection);
    Change change{.scheduled = true, .jobs = jobs::read_jobs(target, options.filter)};
    std::erase_if(change.jobs, [](const Job& job) { return !job.suspended; });
    jobs::require_ownership(target, change);
    if (!options.dry_run && queue::exists(target.connection)) {
        jobs::alter(target, change);
        queue::forget_suspended(target.connection, jobs::ids_of(change.jobs));
        transaction.commit();
    }
    jobs::report_scheduled(output, change.jobs, change.scheduled, options.dry_run);
    for (const auto& job : change.jobs)
        if (!job.may_work)
            output::warn(jobs::cannot_work(job),
                         fmt::format("in the {}: {}", target.connection.name(),
                                     jobs::remedy_for_owner(target.server, job, change.scheduled)));
    summarize(output, options, change,
              change.jobs.empty()
                  ? "Nothing to turn on: jobs disable has turned off none of these jobs."
                  : fmt::format("{} {}.", options.dry_run ? "Would turn on" : "Turned on",
                                change.count()));
    return exit_done;
}

ExitStatus jobs(const JobsOptions& options, output::Output& output) {
    run::Endpoint target(options.target, Side::target, "jobs", run::Session::first);
    switch (options.action) {
    case JobsAction::list:
        return list(target, options, output);
    case JobsAction::disable:
        return disable(target, options, output);
    case JobsAction::enable:
        break;
    }
    return enable(target, options, output);
}

} // namespace

cli::Subcommand add_jobs(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<JobsOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "jobs", help::jobs);
    command
        .choice("ACTION", options.action,
                {{"disable", JobsAction::disable},
                 {"enable", JobsAction::enable},
                 {"list", JobsAction::list}},
                "list: show the jobs; disable: turn off those that are on; enable: turn on those "
                "that disable has turned off")
        .required();
    cli::add_filter(command, options.filter,
                    "jobs on a hypertable or continuous aggregate, or with a procedure, whose "
                    "schema.name");
    command.flag("--dry-run", options.dry_run, "print what would be changed; change nothing");
    return cli::end_command(command, parsed, jobs);
}

} // namespace commands
