#pragma once

#include "postgres/connection.hpp"
#include "queue/task.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queue {

/// The statement that claims a task.
/// \param run_started a Counts::now; tasks that failed since then are not claimed.
/// \param id claims this task only.
postgres::Statement claim_statement(const std::string& run_started,
                                    std::optional<std::int64_t> id = std::nullopt);

/// The task that a claiming statement returned; none if there was no task to claim.
std::optional<Task> claimed(const postgres::Result& rows);

/// The maximum number of tasks of this size that one transaction takes: enough to be worth a few
/// round trips and a commit. One for a large task.
std::int64_t maximum_group_size(const Task& task);

/// Claims further tasks to copy together with a small one (sql/queue/claim_more_tasks.sql).
/// \param most the maximum number of tasks.
std::vector<Task> claim_more(postgres::Connection& target, const std::string& run_started,
                             const Task& first, std::int64_t most, int workers);

/// Claims further tasks by claim_more_tasks.sql or claim_more_comparisons.sql, which take the same
/// parameters.
std::vector<Task> claim_more_by(std::string_view sql, postgres::Connection& target,
                                const std::string& run_started, const Task& first,
                                std::int64_t most, int workers);

/// A finished task.
struct Finished {
    std::int64_t id = 0;
    Loaded loaded;
    double seconds = 0;
    std::int64_t run = 0;                 ///< the run that did it: OwnRun::id
    int worker = 0;                       ///< number of the worker in that run, from 1
    std::optional<std::string> message{}; ///< a remark about it
    /// timescale::Chunk::state in the source, read before the snapshot that it was copied under.
    std::optional<std::string> state{};
};
/// The statement that marks tasks as finished. Run it in the transaction that holds the claims.
postgres::Statement finish_statement(const std::vector<Finished>& tasks);

/// The statement that returns a row if there is a task, claimed or not, that is neither finished
/// nor failed since the run began.
postgres::Statement left_statement(const std::string& run_started);

/// A worker of a run.
struct WorkerId {
    std::int64_t run = 0; ///< OwnRun::id
    int worker = 0;       ///< its number in the run, from 1
};

/// The outcome of a task.
struct TaskOutcome {
    Task task; ///< its id, names and bytes
    Loaded loaded;
    double seconds = 0;
    std::optional<std::string> message; ///< Finished::message, or the reason why it was skipped
    bool skipped = false;
    std::optional<std::string> error; ///< none unless it failed
};
/// The outcome of a task that a worker has finished, or failed to finish.
/// \returns nothing if another worker had the task last, or none.
std::optional<TaskOutcome> find_outcome(postgres::Connection& target, std::int64_t id,
                                        const WorkerId& by);

/// The statement that finishes a claimed task that has nothing to copy.
postgres::Statement skip_statement(const Task& task, const std::string& reason, const WorkerId& by);

/// The statement that marks a claimed task as failed.
postgres::Statement fail_statement(const Task& task, const std::string& error, const WorkerId& by);

} // namespace queue
