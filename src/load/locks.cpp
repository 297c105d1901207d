#include "load/locks.hpp"

#include "postgres/sqlstate.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

namespace load {

bool may_succeed_later(const postgres::SqlError& error) {
    // lock_not_available, deadlock_detected
    return error.sqlstate() == postgres::sqlstate::lock_not_available ||
           error.sqlstate() == postgres::sqlstate::deadlock_detected;
}

void pause(ProgressListener& progress) {
    progress.check();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
}

namespace {

/// \returns false, with nothing changed, if the lock was not granted.
bool try_lock(postgres::Connection& target, const std::string& lock) {
    target.execute("SAVEPOINT locking");
    try {
        target.execute(lock);
        return true;
    } catch (const postgres::SqlError& error) {
        if (!may_succeed_later(error))
            throw;
    }
    target.execute("ROLLBACK TO SAVEPOINT locking");
    return false;
}

bool is_waited_for(postgres::Connection& target) {
    return !target
                .execute("SELECT FROM pg_locks WHERE NOT granted "
                         "AND pg_backend_pid() = ANY (pg_blocking_pids(pid)) LIMIT 1")
                .empty();
}

} // namespace

void lock_against_writers(postgres::Connection& target,
                          const std::vector<postgres::QualifiedName>& chunks,
                          const std::string& mode, ProgressListener& progress) {
    if (chunks.empty())
        return;
    const auto lock = postgres::lock_statement(chunks, mode);
    const auto within = [&](const std::string& timeout) {
        return fmt::format("{}; {}; {}", timeout, lock, lock_patiently);
    };
    // Up to PostgreSQL 16, NOWAIT fails if other sessions wait for the table, even if this one
    // already has a stronger lock (LockAcquireExtended in src/backend/storage/lmgr/lock.c).
    for (int attempts = 1; !try_lock(target, within("SET LOCAL lock_timeout = '1ms'"));
         ++attempts) {
        if (is_waited_for(target))
            throw postgres::ConcurrentChange("a writer is waiting for rows of the chunk");
        if (try_lock(target, within(lock_briefly)))
            return;
        if (attempts == most_attempts)
            throw postgres::ConcurrentChange("the application writes to the chunk continuously");
        pause(progress);
    }
}

} // namespace load
