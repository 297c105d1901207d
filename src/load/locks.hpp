#pragma once

#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <string>
#include <vector>

/**
 * Locks in the target that conflict with the application's. While a transaction waits for such a
 * lock, other sessions queue behind it.
 *
 * The program waits briefly and repeatedly. In a deadlock with a writer, the server must not cancel
 * the writer. A session checks for deadlocks after it has waited for deadlock_timeout, one second
 * by default, and by then our wait has ended. A writer that has already waited for most of a second
 * when our wait begins is safe only if our own deadlock_timeout is short (postgres::pin_session),
 * which takes a superuser.
 */
namespace load {

/// Run in every transaction that copies or verifies a chunk, so that the transaction fails and is
/// retried rather than block the sessions behind it for long.
constexpr auto lock_patiently = "SET LOCAL lock_timeout = '10s'";

/// Statement for a transaction that must wait for locks for less time than other sessions'
/// deadlock_timeout.
constexpr auto lock_briefly = "SET LOCAL lock_timeout = '400ms'";

/// The number of attempts to get such locks, in about a minute.
constexpr int most_attempts = 100;

/// True if a lock was not granted in time, or there was a deadlock.
bool may_succeed_later(const postgres::SqlError& error);

/// Waits before the next attempt.
void pause(ProgressListener& progress);

/// Locks chunks in an open transaction, in a mode that locks out writers. While one of the locks is
/// not granted, none is held. Afterwards, lock_patiently applies.
/// \throws ConcurrentChange if the locks are not granted within a minute, or if a writer waits for
/// this transaction, because it may hold a lock that this one would wait for.
void lock_against_writers(postgres::Connection& target,
                          const std::vector<postgres::QualifiedName>& chunks,
                          const std::string& mode, ProgressListener& progress);

} // namespace load
