#include "jobs/change.hpp"

#include "output/units.hpp"
#include "postgres/session.hpp"
#include "queue/suspended_jobs.hpp"
#include "run/near_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace jobs {

std::string Change::count() const {
    return output::format_count(static_cast<std::int64_t>(jobs.size()), "job");
}

std::vector<BackgroundJob> read_jobs(run::Endpoint& target,
                                     const std::optional<std::string>& filter) {
    auto jobs = read_background_jobs(target.connection, filter);
    if (filter && jobs.empty()) {
        std::vector<std::string> names;
        for (const auto& job : read_background_jobs(target.connection, std::nullopt))
            names.push_back(job.subject.empty() ? job.procedure : job.subject);
        throw UsageError(fmt::format("--filter '{}' matches no job of the {}", *filter,
                                     target.connection.name()),
                         run::near_names(*filter, std::move(names)));
    }
    const auto suspended = queue::suspended_jobs(target.connection);
    for (auto& job : jobs)
        job.suspended = suspended.contains(job.id);
    return jobs;
}

void require_ownership(const run::Endpoint& target, const Change& change) {
    std::vector<std::string> others;
    for (const auto& job : change.jobs)
        if (!job.may_alter)
            others.push_back(fmt::format("{}, owned by {}", described(job), job.owner));
    if (!others.empty())
        throw Error(fmt::format("cannot change jobs of the {}: the role does not own {}",
                                target.connection.name(), fmt::join(others, "; ")),
                    "connect as their owner, or leave them out with --filter");
}

void alter(run::Endpoint& target, const Change& change) {
    target.connection.execute(postgres::own_search_path);
    for (const auto& job : change.jobs)
        try {
            if (job.scheduled != change.scheduled)
                target.connection.execute(
                    timescale::schedule_sql(target.server, job.schedule, change.scheduled));
        } catch (const postgres::SqlError& error) {
            throw Error(fmt::format("cannot turn {} {}: {}", change.scheduled ? "on" : "off",
                                    described(job), error.what()),
                        "repair the job, or leave it out with --filter; no job was changed");
        }
    target.connection.execute(postgres::pinned_search_path);
}

} // namespace jobs
