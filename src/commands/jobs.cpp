#include "commands/commands.hpp"
#include "jobs/background_jobs.hpp"
#include "output/table.hpp"
#include "output/units.hpp"
#include "queue/queue.hpp"
#include "queue/suspended_jobs.hpp"
#include "run/endpoints.hpp"
#include "run/near_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace commands {

namespace {

using output::format_count;
using output::Importance;

using Job = jobs::BackgroundJob;

/// \throws UsageError when a filter matches none.
std::vector<Job> read_jobs(run::Endpoint& target, const std::optional<std::string>& filter) {
    auto jobs = jobs::read_background_jobs(target.connection, filter);
    if (filter && jobs.empty()) {
        std::vector<std::string> names;
        for (const auto& job : jobs::read_background_jobs(target.connection, std::nullopt))
            names.push_back(job.subject.empty() ? job.procedure : job.subject);
        throw UsageError(fmt::format("--filter '{}' matches no job of the {}{}", *filter,
                                     target.connection.name(),
                                     run::near_names(*filter, std::move(names))));
    }
    const auto suspended = queue::suspended_jobs(target.connection);
    for (auto& job : jobs)
        job.suspended = suspended.contains(job.id);
    return jobs;
}

/// What is to become of jobs.
struct Change {
    bool scheduled = false;
    std::vector<Job> jobs;

    std::string count() const {
        return format_count(static_cast<std::int64_t>(jobs.size()), "job");
    }
};

/// \throws Error that names those which are not the role's, before anything is changed.
void require_ownership(const run::Endpoint& target, const Change& change) {
    std::vector<std::string> others;
    for (const auto& job : change.jobs)
        if (!job.may_alter)
            others.push_back(fmt::format("{}, of {}", jobs::described(job), job.owner));
    if (!others.empty())
        throw Error(fmt::format("nothing is changed: the role does not own {} of the {}; connect "
                                "as their owner, or leave them out with --filter",
                                fmt::join(others, "; "), target.connection.name()));
}

/// \pre in a transaction. \throws Error that names the job that the server refuses.
void alter(run::Endpoint& target, const Change& change) {
    target.connection.execute(postgres::own_search_path);
    for (const auto& job : change.jobs)
        try {
            if (job.scheduled != change.scheduled)
                target.connection.execute(
                    timescale::schedule_sql(target.server, job.schedule, change.scheduled));
        } catch (const postgres::SqlError& error) {
            throw Error(fmt::format("nothing is changed: cannot turn {} {}: {}",
                                    change.scheduled ? "on" : "off", jobs::described(job),
                                    error.what()));
        }
    target.connection.execute(postgres::pinned_search_path);
}

void summarize(output::Output& output, const JobsOptions& options, const Change& change,
               const std::string& text) {
    output.event("summary",
                 {{"command", "jobs"},
                  {"changed", static_cast<std::int64_t>(change.jobs.size())},
                  {"dry_run", options.dry_run}},
                 Importance::result, text);
}

ExitStatus list(run::Endpoint& target, const JobsOptions& options, output::Output& output) {
    const auto jobs = read_jobs(target, options.filter);
    std::vector<std::vector<std::string>> rows{
        {"job", "state", "name", "works on", "every", "next start"}};
    std::int64_t on = 0;
    for (const auto& job : jobs) {
        output.event("job", fields_of(job), Importance::detail, "");
        rows.push_back({std::to_string(job.id),
                        job.scheduled   ? (job.running ? "running" : "on")
                        : job.suspended ? "off, by jobs disable"
                                        : "off",
                        job.name, job.subject.empty() ? job.procedure : job.subject, job.every,
                        job.scheduled ? job.next_start : ""});
        on += job.scheduled ? 1 : 0;
    }
    if (!jobs.empty())
        output.say(Importance::detail,
                   fmt::format("{}", fmt::join(output::table(rows, "llllll"), "\n")));
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
    Change change{.scheduled = false, .jobs = read_jobs(target, options.filter)};
    std::erase_if(change.jobs, [](const Job& job) { return !job.scheduled; });
    require_ownership(target, change);
    if (change.jobs.empty()) {
        summarize(output, options, change,
                  fmt::format("Nothing to turn off: no such job of the {} is on.",
                              target.connection.name()));
        return exit_done;
    }
    if (!options.dry_run) {
        alter(target, change);
        queue::remember_suspended(target.connection, jobs::ids_of(change.jobs));
        transaction.commit();
    }
    jobs::tell_scheduled(output, change.jobs, change.scheduled, options.dry_run);
    summarize(output, options, change,
              options.dry_run ? fmt::format("Would turn off {}.", change.count())
                              : fmt::format("Turned off {}. To turn them on again: "
                                            "timescaledb-backfill jobs enable",
                                            change.count()));
    return exit_done;
}

ExitStatus enable(run::Endpoint& target, const JobsOptions& options, output::Output& output) {
    postgres::Transaction transaction(target.connection);
    Change change{.scheduled = true, .jobs = read_jobs(target, options.filter)};
    std::erase_if(change.jobs, [](const Job& job) { return !job.suspended; });
    require_ownership(target, change);
    if (!options.dry_run && queue::exists(target.connection)) {
        alter(target, change);
        queue::forget_suspended(target.connection, jobs::ids_of(change.jobs));
        transaction.commit();
    }
    jobs::tell_scheduled(output, change.jobs, change.scheduled, options.dry_run);
    for (const auto& job : change.jobs)
        if (!job.may_work)
            spdlog::warn("{}; in the {}: {}", jobs::cannot_work(job), target.connection.name(),
                         jobs::remedy_for_owner(target.server, job, change.scheduled));
    summarize(output, options, change,
              change.jobs.empty()
                  ? "Nothing to turn on: no such job was turned off by jobs disable."
                  : fmt::format("{} {}.", options.dry_run ? "Would turn on" : "Turned on",
                                change.count()));
    return exit_done;
}

} // namespace

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

} // namespace commands
