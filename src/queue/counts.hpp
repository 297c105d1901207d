#pragma once

#include "postgres/connection.hpp"
#include "queue/task.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace queue {

/// The numbers of tasks.
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
    std::string now;            ///< the server's clock, as claim_statement() takes it
};
postgres::Statement count_statement();
Counts counts_from(const postgres::Result& row);

/// Runs count_statement() and returns its result.
Counts count(postgres::Connection& target);

/// Waits until everything that was committed with synchronous_commit off is on the server's disk
/// (and on the standbys that synchronous commits wait for), and counts tasks, in one round trip.
/// Call it outside of a transaction.
/// \param others statements to run first.
Counts conclude(postgres::Connection& target, std::vector<postgres::Statement> others);

/// A task that failed and is not finished.
struct Failure {
    Task task;
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

} // namespace queue
