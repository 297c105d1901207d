#pragma once

#include "postgres/quote.hpp"
#include "timescale/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cloning {

/// A policy, or another background job, that the target gets by its definition.
struct NewJob {
    timescale::JobSchedule schedule; ///< with the ID in the source
    postgres::QualifiedName procedure;
    std::optional<postgres::QualifiedName> subject; ///< the hypertable or aggregate of a policy
    std::string subject_type;                       ///< of its time column
    bool is_on_hierarchy = false;                   ///< the subject is an aggregate on another
    std::string every;                              ///< an interval, like the next ones
    std::string max_runtime;
    std::string retry_period;
    std::int64_t max_retries = 0;
    bool scheduled = true;
    bool fixed_schedule = false;
    std::optional<std::string> initial_start;
    std::optional<std::string> config;           ///< JSON, without the IDs of hypertables
    std::vector<std::string> unknown_settings{}; ///< of the configuration, that the target lacks
    std::optional<postgres::QualifiedName> check;
    bool has_procedure = true; ///< that a job can call, of a job that is no policy
    bool has_check = true;     ///< the check exists
    bool has_index = true;     ///< by which a policy reorders
    std::string owner;
    std::optional<std::string> name; ///< that a user has chosen

    /// The procedure is TimescaleDB's own.
    bool is_policy() const;

    /// False if it is a policy of a kind that this program cannot add.
    bool is_known() const;

    bool is_refresh() const;
    bool is_compression() const;
    bool is_reorder() const;

    /// `job 1000 (policy_retention on "public"."readings")`, `job 1000 ("public"."tidy")`
    std::string described() const;

    /// The psql script that adds the job, turned off. It leaves the job's new ID in the variable
    /// `backfill_job`. \param role of the session, which owns policies.
    /// \pre is_known(), and has_procedure; refresh policies of later ranges of the same aggregate
    /// are there.
    std::string script(const timescale::Server& target, const std::string& role) const;
};

/// True if the target's version refuses to turn off such a policy.
bool must_stay_on(const NewJob& job, const timescale::Server& target);

/// True if the target's version allows only one refresh policy on the job's aggregate.
bool must_be_only_policy(const NewJob& job, const timescale::Server& target);

/// Reads the jobs of users, in the order in which script() needs them.
/// \param source in a transaction of one snapshot.
std::vector<NewJob> read_jobs(postgres::Connection& source);

/// Removes from a job what the target's version does not have.
/// \returns what that was, with the version that introduced it.
std::vector<std::string> remove_unknown_settings(NewJob& job, const timescale::Server& target);

} // namespace cloning
