#pragma once

#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <string>
#include <vector>

/**
 * Locks in the target that others may want as well, and queue up for behind us while we wait.
 *
 * They are waited for only briefly, again and again. A writer that waits for us in turn must not be
 * the one whom the server picks to fail for the deadlock: it looks for one when a wait has lasted
 * for deadlock_timeout, a second by default, and by then our wait has ended. A writer that has
 * waited for us for most of a second when our wait begins is safe where our own deadlock_timeout is
 * short (postgres::pin_session), which takes a superuser.
 */
namespace load {

/// Statement for every transaction that copies or verifies a chunk: better to give way and come
/// again than to hold up for long whoever queues behind us.
constexpr auto lock_patiently = "SET LOCAL lock_timeout = '10s'";

/// Statement for a transaction that must wait for locks less than others' deadlock_timeout.
constexpr auto lock_briefly = "SET LOCAL lock_timeout = '400ms'";

/// How often to try what takes such locks: for about a minute.
constexpr int most_attempts = 100;

/// True if a lock was not granted in time, or there was a deadlock.
bool may_succeed_later(const postgres::SqlError& error);

/// Waits before the next attempt.
void pause(ProgressListener& progress);

/// Locks chunks in an open transaction, in a mode that keeps writers off: all of them, or none as
/// long as one is not granted. Further locks are waited for patiently.
/// \throws ConcurrentChange if they cannot be had within a minute, or if a writer waits for the
/// transaction: it may hold what we would wait for.
void lock_against_writers(postgres::Connection& target,
                          const std::vector<postgres::QualifiedName>& chunks,
                          const std::string& mode, ProgressListener& progress);

} // namespace load
