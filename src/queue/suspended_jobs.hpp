#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <set>
#include <string>

/// The target's background jobs that this program has turned off, as the table
/// __backfill.suspended_job has them, so that those alone are turned on again.
namespace queue {

/// Their numbers; none where there is no queue.
/// \throws Error when the queue is not of this format.
std::set<std::int64_t> suspended_jobs(postgres::Connection& target);

/// \pre there is a queue, here and below.
std::string remember_suspended_sql(const std::set<std::int64_t>& jobs);
void remember_suspended(postgres::Connection& target, const std::set<std::int64_t>& jobs);

/// Those, and whatever has been dropped since.
void forget_suspended(postgres::Connection& target, const std::set<std::int64_t>& jobs);

} // namespace queue
