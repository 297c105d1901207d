#pragma once

#include "output/output.hpp"
#include "postgres/connection.hpp"
#include "timescale/job.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace jobs {

/// A row of sql/jobs/users_jobs.sql.
struct BackgroundJob {
    std::int64_t id = 0;
    std::string name;
    std::string procedure;
    /// The hypertable or continuous aggregate that a policy works on, quoted if necessary; empty
    /// for jobs of add_job().
    std::string subject;
    std::string owner;
    std::string subject_owner; ///< empty if there is no subject
    std::string subject_kind;  ///< "TABLE" or "MATERIALIZED VIEW", as in ALTER
    bool may_work = true;      ///< the owner has the privileges of subject_owner
    bool may_alter = false;    ///< the session's role may alter the job
    bool scheduled = false;
    std::string every;
    std::string next_start;
    bool running = false;
    timescale::JobSchedule schedule;
    bool suspended = false; ///< turned off by `jobs disable`; set by read_jobs()

    bool is_policy() const { return !subject.empty(); }
};

/// Reads the background jobs of users in a database.
/// \param filter see sql/jobs/users_jobs.sql.
std::vector<BackgroundJob> read_background_jobs(postgres::Connection& connection,
                                                const std::optional<std::string>& filter);

/// `job 1000 (Retention Policy [1000]) on public.conditions`
std::string described(const BackgroundJob& job);

/// A message: all runs of the job fail because its owner lacks privileges.
/// \pre !job.may_work
std::string cannot_work(const BackgroundJob& job);

/// The SQL that gives the job, or what it works on, another owner.
/// \param scheduled true if the job should be on afterwards.
std::string remedy_for_owner(const timescale::Server& server, const BackgroundJob& job,
                             bool scheduled);

std::set<std::int64_t> ids_of(const std::vector<BackgroundJob>& jobs);

/// A job's fields in an event (docs/json.md).
json::Object fields_of(const BackgroundJob& job);

/// Lists jobs: an event for each, or a table.
void report_jobs(output::Output& output, const std::vector<BackgroundJob>& jobs);

/// Reports that jobs were, or would be, turned on or off.
void report_scheduled(output::Output& output, const std::vector<BackgroundJob>& jobs,
                      bool scheduled, bool dry_run);

} // namespace jobs
