#include "queue/suspended_jobs.hpp"

#include "queue/queue.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace queue {

namespace {

std::string array_of(const std::set<std::int64_t>& jobs) {
    return fmt::format("{{{}}}", fmt::join(jobs, ","));
}

} // namespace

std::set<std::int64_t> suspended_jobs(postgres::Connection& target) {
    std::set<std::int64_t> jobs;
    if (!exists(target))
        return jobs;
    require(target);
    const auto rows = target.query("SELECT job_id FROM __backfill.suspended_job");
    for (int row = 0; row < rows.size(); ++row)
        jobs.insert(rows.integer(row, "job_id"));
    return jobs;
}

std::string remember_suspended_sql(std::string_view job) {
    return fmt::format(
        "INSERT INTO __backfill.suspended_job (job_id) SELECT {} ON CONFLICT DO NOTHING", job);
}

std::string remember_suspended_sql(const std::set<std::int64_t>& jobs) {
    return remember_suspended_sql(fmt::format("unnest('{}'::int[])", array_of(jobs)));
}

void remember_suspended(postgres::Connection& target, const std::set<std::int64_t>& jobs) {
    target.query(remember_suspended_sql(jobs));
}

void forget_suspended(postgres::Connection& target, const std::set<std::int64_t>& jobs) {
    target.query("DELETE FROM __backfill.suspended_job WHERE job_id = ANY ($1::int[]) "
                 "OR NOT EXISTS (SELECT FROM timescaledb_information.jobs AS job "
                 "WHERE job.job_id = suspended_job.job_id)",
                 {array_of(jobs)});
}

} // namespace queue
