#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The processes that work on the queue, as the table __backfill.run has them, and what they are
/// told by others.
namespace queue {

/// How far a process is.
struct RunProgress {
    std::int64_t chunks_done = 0;
    std::int64_t bytes_done = 0; ///< as Task::bytes
    double rate = 0;             ///< bytes per second
    std::string workers = "[]";  ///< __backfill.run.workers
    bool ended = false;
};

/// What a process is to do.
struct Orders {
    bool paused = false;
    /// How many workers it is to have, if somebody has said so since it began.
    std::optional<int> parallelism;
    /// What its workers may claim, or have claimed: of `copy` and `verify`.
    std::int64_t chunks = 0;
    std::int64_t bytes = 0;
};

/// This process, as it begins.
struct OwnRun {
    std::int64_t id = 0;
    std::string started; ///< the server's clock
    bool paused = false; ///< it is to begin nothing
    std::string command{};
    std::int64_t chunks = 0; ///< that there are to do
    std::int64_t bytes = 0;
};

/// The statement that gives this process a number. It is entered when it first tells how far it is.
postgres::Statement number_statement();

/// What it returned, and nothing else yet.
OwnRun own_run_from(const postgres::Result& row);

/// The statement that tells how far a run is, and asks what it is to do.
postgres::Statement publish_statement(const OwnRun& run, const RunProgress& progress);
Orders orders_from(const postgres::Result& row);

/// What the processes are to do from now on.
void set_paused(postgres::Connection& target, bool paused);
void set_parallelism(postgres::Connection& target, int parallelism);
bool is_paused(postgres::Connection& target);

/// One that has told nothing for so many seconds has ended, or cannot reach the target.
constexpr double seconds_until_gone = 15;

/// A process that works on the queue, as it last told.
struct Run {
    std::int64_t id = 0;
    std::string command;
    std::string host;
    std::int64_t pid = 0;
    std::int64_t chunks = 0; ///< to do as it began
    std::int64_t bytes = 0;
    RunProgress progress;
    double seconds = 0;        ///< since it began
    double silent_seconds = 0; ///< since it told
};

/// Those that have not ended.
std::vector<Run> runs(postgres::Connection& target);

/// How far a hypertable is, or a continuous aggregate.
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

/// In the order of their names.
std::vector<HypertableProgress> progress(postgres::Connection& target);

/// All that there is to say of a migration.
struct Report {
    std::string json; ///< the object of sql/queue/report.sql
    std::int64_t chunks = 0;
};
/// \param sequences of the target that are behind the source's: a JSON list of objects with text
/// and remedy.
Report report(postgres::Connection& target, const std::string& sequences);

} // namespace queue
