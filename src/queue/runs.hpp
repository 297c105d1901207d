#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The processes that work on the queue (table __backfill.run), and how other processes control
/// them (table __backfill.control).
namespace queue {

/// The progress of a process.
struct RunProgress {
    std::int64_t chunks_done = 0;
    std::int64_t bytes_done = 0; ///< as Task::bytes
    double rate = 0;             ///< bytes per second
    std::string workers = "[]";  ///< __backfill.run.workers
    std::string waits = "{}";    ///< __backfill.run.waits
    bool ended = false;
};

/// Settings of this process that others can change, and the work that the queue has left.
struct RunControl {
    bool paused = false;
    /// The number of workers, if it was set since the process began.
    std::optional<int> parallelism;
    /// What its workers may claim or have claimed, for `copy` and `verify`.
    std::int64_t chunks = 0;
    std::int64_t bytes = 0;
};

/// This process, at its start.
struct OwnRun {
    std::int64_t id = 0;
    std::string started; ///< by the server's clock
    bool paused = false; ///< workers must not begin anything
    std::string command{};
    std::int64_t chunks = 0; ///< unfinished
    std::int64_t bytes = 0;
};

/// The statement that assigns an id to this process. The first publish_statement() inserts its row.
postgres::Statement number_statement();

/// The result of number_statement(). The other fields are not set.
OwnRun own_run_from(const postgres::Result& row);

/// The statement that publishes a run's progress and returns the settings to apply.
postgres::Statement publish_statement(const OwnRun& run, const RunProgress& progress);
RunControl run_control_from(const postgres::Result& row);

/// Settings for processes: set_paused() is for all, set_parallelism() for those that are running.
void set_paused(postgres::Connection& target, bool paused);
void set_parallelism(postgres::Connection& target, int parallelism);
bool is_paused(postgres::Connection& target);

/// A process that has published nothing for so long has ended, or cannot reach the target.
constexpr double seconds_until_gone = 15;

/// A process that works on the queue, as it last published.
struct RunStatus {
    std::int64_t id = 0;
    std::string command;
    std::string host;
    std::int64_t pid = 0;
    std::int64_t chunks = 0; ///< unfinished when it began
    std::int64_t bytes = 0;
    RunProgress progress;
    double seconds = 0;        ///< since it began
    double silent_seconds = 0; ///< since it last published
    bool is_lost = false;      ///< it has ended without publishing that: it has no session any more
};

/// The processes that have not ended, and the last one of each command that was lost.
std::vector<RunStatus> runs(postgres::Connection& target);

/// The progress of a hypertable or a continuous aggregate.
struct HypertableProgress {
    postgres::QualifiedName name; ///< as a user knows it
    std::int64_t chunks = 0;
    std::int64_t bytes = 0;
    std::int64_t done = 0; ///< copied or skipped
    std::int64_t bytes_done = 0;
    std::int64_t skipped = 0;
    std::int64_t failed = 0;
    std::int64_t in_flight = 0;
    std::int64_t verified = 0;
    std::int64_t differing = 0;
};

/// The progress of all of them, in the order of their names.
std::vector<HypertableProgress> progress(postgres::Connection& target);

/// The report of a migration.
struct Report {
    std::string json; ///< the object of sql/queue/report.sql
    std::int64_t chunks = 0;
};
/// \param sequences JSON list of the target's sequences that are behind the source's: objects with
/// text and remedy.
Report report(postgres::Connection& target, const std::string& sequences);

} // namespace queue
