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
 * A worker claims a task by locking its row, and holds it as long as its transaction; the same
 * transaction loads the rows and marks the task. So a task is either done with its rows visible,
 * or to do with none of them, whatever dies when. Any number of workers of any number of
 * processes may share a queue: they skip each other's locked rows.
 *
 * Every function runs in the caller's transaction on a connection to the target.
 */
namespace queue {

/// Creates the queue when it is not there.
/// \throws Error when __backfill is there but is not a queue of this format.
void prepare(postgres::Connection& target);

/// \throws UsageError when there is no queue, Error when it is not of this format.
void require(postgres::Connection& target);

/// The statement that tells whether there is one, and the same of what it returned.
postgres::Statement check_statement();
void require(const postgres::Result& row, const postgres::Connection& target);

bool exists(postgres::Connection& target);

/// It exists, and is of this format.
bool is_known(postgres::Connection& target);

/// Chunks as sql/queue/add_tasks.sql takes them.
std::string to_json(const std::vector<NewTask>& tasks);

/// What add() did with one hypertable's chunks.
struct Added {
    postgres::QualifiedName hypertable; ///< in the source
    std::int64_t added = 0;             ///< chunks that were not in the queue
    std::int64_t grown = 0;             ///< chunks of which more is to be copied than before
    std::int64_t bytes = 0;             ///< of both
};

/// Puts chunks into the queue, skipping those that are in it already (sql/queue/add_tasks.sql), but
/// for what has been renamed since (sql/queue/rename_tasks.sql). \throws Error when a table without
/// chunks was staged before, and cut in another way. \returns a row for each hypertable of which
/// something was added or grew.
std::vector<Added> add(postgres::Connection& target, const std::vector<NewTask>& tasks);

struct Counts {
    std::int64_t total = 0;
    std::int64_t to_do = 0; ///< not finished, those that failed included
    std::int64_t failed = 0;
    std::int64_t bytes_to_do = 0;
    std::int64_t largest_to_do = 0; ///< bytes of one
    std::int64_t copied = 0;        ///< finished, those that were skipped not included
    std::int64_t unverified = 0;    ///< of the copied ones
    std::int64_t bytes_unverified = 0;
    std::int64_t differing = 0; ///< of the copied ones, as verify last saw them
    std::string now;            ///< the server's clock, as claim() takes it
};
postgres::Statement count_statement();
Counts counts_from(const postgres::Result& row);

/// Both in one.
Counts count(postgres::Connection& target);

/// The statement that claims a task.
/// \param run_started a Counts::now; tasks that failed since are passed over.
/// \param id only this task.
postgres::Statement claim_statement(const std::string& run_started,
                                    std::optional<std::int64_t> id = std::nullopt);

/// The task that a claiming statement returned; nothing when there was none to claim.
std::optional<Task> claimed(const postgres::Result& rows);

/// How many tasks of its size one transaction takes at most: enough to be worth a few round trips
/// and a commit. One, for a large task.
std::int64_t maximum_group_size(const Task& task);

/// Claims further tasks to copy together with a small one (sql/queue/claim_more_tasks.sql).
/// \param most how many at most.
std::vector<Task> claim_more(postgres::Connection& target, const std::string& run_started,
                             const Task& first, std::int64_t most, int workers);

/// All tasks that are to do, the first to be claimed first; claims none.
std::vector<Task> to_do(postgres::Connection& target);

/// A task that is done.
struct Finished {
    std::int64_t id = 0;
    Loaded loaded;
    double seconds = 0;
    std::int64_t run = 0;                 ///< whose it was: OwnRun::id
    int worker = 0;                       ///< in that run, from 1
    std::optional<std::string> message{}; ///< what there is to say about it
};
/// The statement that marks them, to be run in the transaction that holds the claims.
postgres::Statement finish_statement(const std::vector<Finished>& tasks);

/// The statement that returns a row if there is a task to claim, whoever may hold it.
postgres::Statement left_statement(const std::string& run_started);

/// A copied task, to compare estimates of.
struct CopiedTask {
    Task task;
    bool from_its_beginning = false; ///< what its ranges leave out, if anything, is what comes last
};
/// All of them.
std::vector<CopiedTask> copied_tasks(postgres::Connection& target);

/// What a task came to that was copied, and who did it.
struct Copied {
    Task task; ///< its id, names and bytes
    Loaded loaded;
    double seconds = 0;
    std::optional<std::string> message;
    std::int64_t run = 0; ///< as in Finished
    int worker = 0;
};
/// \returns nothing when it is to do, or was skipped.
std::optional<Copied> find_copied(postgres::Connection& target, std::int64_t id);

/// Finishes a claimed task of which there is nothing to copy.
void skip(postgres::Connection& target, const Task& task, const std::string& reason);

void fail(postgres::Connection& target, const Task& task, const std::string& error);

/// Makes all copied tasks ones that are to be verified, whatever was found before.
void forget_verdicts(postgres::Connection& target);

/// The statement that claims a copied task to compare both sides of.
postgres::Statement claim_comparison_statement(const std::string& run_started);

/// Claims further ones to compare together with a small one (sql/queue/claim_more_comparisons.sql).
/// \param most how many at most.
std::vector<Task> claim_more_comparisons(postgres::Connection& target,
                                         const std::string& run_started, const Task& first,
                                         std::int64_t most, int workers);

/// Notes what was found for claimed tasks, one at least.
/// \param difference JSON; none when both sides are equal.
/// \param requeue whether a differing chunk is to be copied again.
/// \returns when they were compared, by the server's clock, as committed_verdicts() takes it.
std::string finish_comparison(postgres::Connection& target, const std::vector<std::int64_t>& ids,
                              const std::optional<std::string>& difference, bool requeue);

/// Which verdicts of finish_comparison() were committed, of transactions that have ended.
/// \param compared when each task was, by its id.
/// \returns ids of tasks; without those that were compared by somebody else since.
std::set<std::int64_t> committed_verdicts(postgres::Connection& target,
                                          const std::map<std::int64_t, std::string>& compared);

/// Waits until all that was committed before, with synchronous_commit off, is on the server's disk
/// (and where else synchronous commits wait for), and counts; in one round trip. Outside of a
/// transaction.
/// \param others statements to run before.
Counts conclude(postgres::Connection& target, std::vector<postgres::Statement> others);

/// A task that failed and is to do.
struct Failure {
    postgres::QualifiedName chunk;
    std::string part; ///< as in Task
    std::string error;
};
std::vector<Failure> failures(postgres::Connection& target, int limit);

/// Drops the queue.
void drop(postgres::Connection& target);

} // namespace queue
