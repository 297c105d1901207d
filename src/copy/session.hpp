#pragma once

#include "copy/mending.hpp"
#include "copy/options.hpp"
#include "copy/report.hpp"
#include "load/loader.hpp"
#include "load/small_chunks.hpp"
#include "postgres/transaction.hpp"
#include "queue/claims.hpp"
#include "run/hypertable_map.hpp"
#include "run/read_back.hpp"
#include "run/worker_session.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace copy {

/// The chosen tasks that no worker has taken yet. Thread-safe.
class TaskList {
  public:
    explicit TaskList(std::vector<std::int64_t> ids) : ids_(std::move(ids)) {}

    std::optional<std::int64_t> take() {
        const std::lock_guard lock(mutex_);
        if (ids_.empty())
            return std::nullopt;
        const auto id = ids_.back();
        ids_.pop_back();
        return id;
    }

  private:
    std::mutex mutex_;
    std::vector<std::int64_t> ids_;
};

/// Shared by the workers of a run of `copy`.
struct CopyRun {
    run::Run& run;
    const CopyOptions& options;
    std::string started; ///< queue::Counts::now
    run::HypertableMap sources;
    run::HypertableMap targets;
    CopyReport& report;
    load::HelperPool& helpers;
    load::Horizon& horizon;
    TaskList* chosen = nullptr;                   ///< if set, no other tasks are copied
    std::atomic<bool> has_used_stand_ins = false; ///< load::StandIn
    std::atomic<bool> drained = false;            ///< a worker has found nothing more to claim
};

/// A task that a worker will claim, or has claimed.
struct PendingTask {
    std::int64_t id = 0;
    int attempts = 0; ///< the number of attempts that have failed
    /// The connection was lost during the commit: the task may be done.
    bool in_doubt = false;
    /// If set, the reason not to try again.
    std::optional<std::string> hopeless{};
};

/// A worker's tasks, which it keeps when its connections are lost.
struct WorkerTasks {
    std::vector<PendingTask> pending; ///< claimed before other tasks
    std::vector<PendingTask> in_hand;
    bool committing = false; ///< the tasks in `in_hand` are being committed
};

/**
 * Copies chunks on a worker's connections until these are lost: one to the source and one to the
 * target, and a second one to the target if the loader needs it (load::Context::builder).
 *
 * For each chunk: claim the task in the target, read the chunk's properties, choose how to load it,
 * begin a transaction in the source under a lock that prevents changes of the chunk, load, mark the
 * task, commit. A chunk to mend is compared first, in that transaction of the source.
 *
 * Any call may throw ConnectionError, or SqlError whose reaction is to wait. The session must not
 * be used afterwards.
 */
class CopySession {
  public:
    /// Takes idle connections, or connects.
    /// \throws Error if a server has changed since the run began.
    CopySession(CopyRun& copy, run::WorkerProgress& progress, WorkerTasks& tasks);

    /// Claims the next chunk, or several small ones, and tries to copy them.
    /// \returns false if there is nothing left to claim.
    bool copy_next();

    /// Settings for each session of a run in the target.
    /// \param aggregates true if the source may have continuous aggregates, which are copied, too.
    static std::vector<postgres::Statement> using_statements(bool aggregates = true);

    /// Gives the connections back to the run, after the work is done.
    void close() { session_.close(); }

    /// The connections for helping other workers, while this one has no chunk in progress.
    load::HelperConnections helper_connections();

    /// The name of a connection that has broken, if one has.
    std::optional<std::string> broken_connection() const { return session_.broken_connection(); }

  private:
    bool attempt(const PendingTask& pending);
    bool claim_and_copy(const PendingTask& pending);
    /// \param alone locks the target's chunk against writers.
    void copy_claimed(postgres::Transaction& claim, const queue::Task& task, bool alone);

    Mending find_mending(const load::Request& request);

    /// Claims further small tasks, and copies them together with the first. Tasks that must be
    /// copied one by one are left for later.
    /// \returns false if there is only the first, and it must be copied by itself.
    bool copy_together(postgres::Transaction& claim, const queue::Task& first);
    void defer(postgres::Transaction& claim);
    bool try_together(postgres::Transaction& claim, const std::vector<queue::Task>& tasks);

    struct ChunksAndPlaces {
        std::vector<std::optional<timescale::Chunk>> chunks; ///< in the source
        std::vector<timescale::Place> places;                ///< in the target
    };
    ChunksAndPlaces read_chunks_and_places(const std::vector<queue::Task>& tasks);
    load::SmallChunkLoader::Reading reading_of(const std::vector<load::Request>& requests);
    /// Commits with some last statements. If the connection is lost meanwhile, the tasks in
    /// progress are in doubt. \returns the statements' results.
    std::vector<postgres::Result> commit(postgres::Transaction& claim,
                                         std::vector<postgres::Statement> last);
    /// \param loaded rows that are read back before the commit.
    void finish(postgres::Transaction& claim, const std::vector<queue::Finished>& finished,
                const std::vector<run::ToReadBack>& loaded);
    void skip(postgres::Transaction& claim, const queue::Task& task, const std::string& reason);
    /// \param cause the server's error, if there was one.
    void fail(postgres::Transaction& claim, const queue::Task& task, std::string error,
              const postgres::SqlError* cause = nullptr);
    void report_if_done(const PendingTask& pending);

    void begin(const std::vector<queue::Task>& tasks);
    load::Context context();
    queue::WorkerId own_id() const { return {copy_.run.id(), progress_.worker() + 1}; }
    postgres::Connection& source() { return session_.source().connection; }
    postgres::Connection& target() { return session_.target().connection; }

    CopyRun& copy_;
    run::WorkerProgress& progress_;
    WorkerTasks& tasks_;
    /// Ends after session_, which tells the other workers what it has lost: the next to have a turn
    /// must wait until a crashed server has ended those backends.
    std::optional<run::Crashes::Turn> turn_;
    run::WorkerSession session_;
    bool nothing_left_ = false; ///< the last commit saw no unfinished task
    load::Loader loader_;
    load::SmallChunkLoader small_chunks_;
    std::vector<queue::Task> done_;   ///< by the current attempt
    std::vector<std::int64_t> begun_; ///< tasks of the current attempt that Crashes knows
};

} // namespace copy
