#pragma once

#include "postgres/connection.hpp"
#include "queue/task.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace queue {

/// Forgets the results of verify: all copied tasks become unverified.
void forget_verdicts(postgres::Connection& target);

/// The statement that claims a copied task for comparison.
postgres::Statement claim_comparison_statement(const std::string& run_started);

/// Claims further tasks to compare together with a small one
/// (sql/queue/claim_more_comparisons.sql). \param most the maximum number of tasks.
std::vector<Task> claim_more_comparisons(postgres::Connection& target,
                                         const std::string& run_started, const Task& first,
                                         std::int64_t most, int workers);

/// Whether the next copy copies a compared chunk again.
enum class Requeue {
    no,
    to_copy, ///< all of it
    to_mend, ///< the rows that differ (Task::mend)
};

/// Tasks to mend.
struct TasksToMend {
    std::vector<std::int64_t> ids;
    std::int64_t bytes = 0;   ///< of their chunks, in the source
    std::int64_t largest = 0; ///< bytes of the largest
};
TasksToMend tasks_to_mend(postgres::Connection& target);

/// The number of tasks that are not verified: those that differ, are not copied, or have not been
/// compared.
std::int64_t count_unverified(postgres::Connection& target, const std::vector<std::int64_t>& ids);

/// Notes the result of comparing claimed tasks, at least one.
/// \param difference JSON; none if both sides are equal.
/// \param way what was compared, for the column compared_by; none if nothing was.
/// \returns the time of the comparison by the server's clock, for committed_verdicts().
std::string finish_comparison(postgres::Connection& target, const std::vector<std::int64_t>& ids,
                              const std::optional<std::string>& difference, Requeue requeue,
                              const std::optional<std::string>& way);

/// The verdicts of finish_comparison() that were committed. The transactions must have ended.
/// \param compared the time of each task's comparison, by the task's id.
/// \returns ids of tasks, without those that another worker has compared since.
std::set<std::int64_t> committed_verdicts(postgres::Connection& target,
                                          const std::map<std::int64_t, std::string>& compared);

} // namespace queue
