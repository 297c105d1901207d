#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

/// The target's background jobs that this program has suspended (table __backfill.suspended_job),
/// so that only those are resumed.
namespace queue {

/// The ids of the suspended jobs; none if there is no queue.
/// \throws Error if the queue is not of this format.
std::set<std::int64_t> suspended_jobs(postgres::Connection& target);

/// Adds jobs. \pre the queue exists, here and below.
/// \param job its ID, as SQL.
std::string remember_suspended_sql(std::string_view job);
std::string remember_suspended_sql(const std::set<std::int64_t>& jobs);
void remember_suspended(postgres::Connection& target, const std::set<std::int64_t>& jobs);

/// Removes these jobs, and jobs that no longer exist.
void forget_suspended(postgres::Connection& target, const std::set<std::int64_t>& jobs);

} // namespace queue
