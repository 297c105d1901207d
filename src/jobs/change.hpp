#pragma once

#include "jobs/background_jobs.hpp"
#include "run/endpoints.hpp"

#include <optional>
#include <string>
#include <vector>

namespace jobs {

/// Reads the jobs of the target, and which of them `jobs disable` has turned off.
/// \throws UsageError if a filter matches none.
std::vector<BackgroundJob> read_jobs(run::Endpoint& target,
                                     const std::optional<std::string>& filter);

/// Jobs to turn on or off.
struct Change {
    bool scheduled = false;
    std::vector<BackgroundJob> jobs{};

    /// `3 jobs`
    std::string count() const;
};

/// \throws Error that names the jobs that the role may not alter.
void require_ownership(const run::Endpoint& target, const Change& change);

/// Turns the jobs on or off.
/// \pre in a transaction. \throws Error that names the job that the server refuses to alter.
void alter(run::Endpoint& target, const Change& change);

} // namespace jobs
