#pragma once

#include "postgres/connection.hpp"
#include "queue/task.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/**
 * The queue of chunks to copy: schema __backfill in the target.
 *
 * A worker claims a task by locking its row, and holds the lock until its transaction ends. The
 * same transaction loads the rows and marks the task as done. So a task is either done and all its
 * rows are visible, or it is not done and none of them are, whichever process dies at whatever
 * time. Any number of workers of any number of processes may share a queue: each skips rows that
 * others have locked.
 *
 * Every function runs in the caller's transaction on a connection to the target.
 */
namespace queue {

/// Creates the queue if it does not exist.
/// \throws Error if __backfill exists but is not a queue of this format.
void prepare(postgres::Connection& target);

/// \throws UsageError if there is no queue, Error if it is not of this format.
void require(postgres::Connection& target);

/// The statement that checks for a queue, and require() for its result.
postgres::Statement check_statement();
void require(const postgres::Result& row, const postgres::Connection& target);

bool exists(postgres::Connection& target);

/// True if the queue exists and is of this format.
bool is_known(postgres::Connection& target);

/// Chunks in the form that sql/queue/add_tasks.sql takes.
std::string to_json(const std::vector<NewTask>& tasks);

/// The chunks of a hypertable that were added to the queue, or whose tasks were extended.
struct Added {
    postgres::QualifiedName hypertable; ///< in the source
    std::int64_t added = 0;             ///< chunks that were not in the queue
    std::int64_t grown = 0;             ///< chunks whose range to copy was extended
    std::int64_t bytes = 0;             ///< of both
};

/**
 * Adds chunks to the queue (sql/queue/add_tasks.sql). Skips chunks that are already in it, but
 * updates names that have changed since (sql/queue/rename_tasks.sql). Sends some at a time, so that
 * they are never all in memory.
 */
class Additions {
  public:
    explicit Additions(postgres::Connection& target) : target_(target) {}

    void add(NewTask task);

    /// Call it after the last one. \throws Error if a table without chunks was staged before with
    /// other boundaries. \returns an entry for each hypertable with chunks that were added or grew.
    std::vector<Added> finish();

  private:
    void send();

    postgres::Connection& target_;
    std::vector<NewTask> waiting_;
    std::map<postgres::QualifiedName, Added> added_; ///< by hypertable
};

struct Counts {
    std::int64_t total = 0;
    std::int64_t to_do = 0; ///< not finished, including those that failed
    std::int64_t failed = 0;
    std::int64_t bytes_to_do = 0;
    std::int64_t largest_to_do = 0; ///< bytes of the largest
    std::int64_t copied = 0;        ///< finished, not including those that were skipped
    std::int64_t unverified = 0;    ///< of the copied ones
    std::int64_t bytes_unverified = 0;
    std::int64_t differing = 0; ///< of the copied ones, when verify last compared them
    std::string now;            ///< the server's clock, as claim() takes it
};
postgres::Statement count_statement();
Counts counts_from(const postgres::Result& row);

/// Runs count_statement() and returns its result.
Counts count(postgres::Connection& target);

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

/// All unfinished tasks, in the order in which they are claimed. Claims none.
std::vector<Task> to_do(postgres::Connection& target);

/// A finished task.
struct Finished {
    std::int64_t id = 0;
    Loaded loaded;
    double seconds = 0;
    std::int64_t run = 0;                 ///< the run that did it: OwnRun::id
    int worker = 0;                       ///< number of the worker in that run, from 1
    std::optional<std::string> message{}; ///< a remark about it
};
/// The statement that marks tasks as finished. Run it in the transaction that holds the claims.
postgres::Statement finish_statement(const std::vector<Finished>& tasks);

/// The statement that returns a row if there is an unfinished task, claimed or not.
postgres::Statement left_statement(const std::string& run_started);

/// A copied task, for the comparison of estimates.
struct CopiedTask {
    Task task;
    /// The task's ranges begin where the slice begins: they leave out at most its end.
    bool from_its_beginning = false;
};
/// All of them.
std::vector<CopiedTask> copied_tasks(postgres::Connection& target);

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

/// Forgets the results of verify: all copied tasks become unverified.
void forget_verdicts(postgres::Connection& target);

/// The statement that claims a copied task for comparison.
postgres::Statement claim_comparison_statement(const std::string& run_started);

/// Claims further tasks to compare together with a small one
/// (sql/queue/claim_more_comparisons.sql). \param most the maximum number of tasks.
std::vector<Task> claim_more_comparisons(postgres::Connection& target,
                                         const std::string& run_started, const Task& first,
                                         std::int64_t most, int workers);

/// Notes the result of comparing claimed tasks, at least one.
/// \param difference JSON; none if both sides are equal.
/// \param requeue true if a differing chunk must be copied again.
/// \returns the time of the comparison by the server's clock, for committed_verdicts().
std::string finish_comparison(postgres::Connection& target, const std::vector<std::int64_t>& ids,
                              const std::optional<std::string>& difference, bool requeue);

/// The verdicts of finish_comparison() that were committed. The transactions must have ended.
/// \param compared the time of each task's comparison, by the task's id.
/// \returns ids of tasks, without those that another worker has compared since.
std::set<std::int64_t> committed_verdicts(postgres::Connection& target,
                                          const std::map<std::int64_t, std::string>& compared);

/// Waits until everything that was committed with synchronous_commit off is on the server's disk
/// (and on the standbys that synchronous commits wait for), and counts tasks, in one round trip.
/// Call it outside of a transaction.
/// \param others statements to run first.
Counts conclude(postgres::Connection& target, std::vector<postgres::Statement> others);

/// A task that failed and is not finished.
struct Failure {
    postgres::QualifiedName chunk;
    std::string part; ///< as in Task
    std::string error;
};
/// The latest failures.
/// \param run_started a Counts::now: only those since then.
std::vector<Failure> failures(postgres::Connection& target, int limit,
                              const std::optional<std::string>& run_started = std::nullopt);

/// The unfinished tasks at the end of a run of copy.
struct Left {
    std::int64_t failed = 0; ///< since the run began
    // Of the others:
    std::int64_t held = 0; ///< claimed by other runs
    std::int64_t free = 0; ///< claimed by none

    std::int64_t to_do() const { return held + free; }
};
/// Call it when the run's own transactions have ended.
Left count_left(postgres::Connection& target, const std::string& run_started);

/// Locks the tasks in an open transaction, so that nobody claims or copies one.
void lock(postgres::Connection& target);

/// Drops the queue, and all that depends on it.
void drop(postgres::Connection& target);

} // namespace queue
