#pragma once

#include "postgres/connection.hpp"

/**
 * The queue of chunks to copy: schema __backfill in the target.
 *
 * A worker claims a task by locking its row, and holds the lock until its transaction ends. The
 * same transaction loads the rows and marks the task as done. So a task is either done and all its
 * rows are visible, or it is not done and none of them are, whichever process dies at whatever
 * time. (A plain table that is loaded by ranges of pages is the exception: page_ranges.hpp.) Any
 * number of workers of any number of processes may share a queue: each skips rows that others have
 * locked.
 *
 * Unless stated otherwise, functions run in the caller's transaction on a connection to the target.
 * Functions on the whole schema are here; stage uses additions.hpp, copy claims.hpp, and verify
 * comparisons.hpp. counts.hpp has totals and failures.
 */
namespace queue {

/// Creates the queue if it does not exist, and adapts one of the formats before.
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

/// Locks the tasks in an open transaction, so that nobody claims or copies one.
void lock(postgres::Connection& target);

/// Drops the queue, and all that depends on it.
void drop(postgres::Connection& target);

} // namespace queue
