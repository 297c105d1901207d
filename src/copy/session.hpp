#pragma once

#include "copy/options.hpp"
#include "copy/report.hpp"
#include "load/loader.hpp"
#include "load/read_back.hpp"
#include "load/small_chunks.hpp"
#include "postgres/transaction.hpp"
#include "queue/queue.hpp"
#include "run/hypertable_map.hpp"
#include "run/worker_session.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace copy {

/// What the workers of a run of `copy` share.
struct CopyRun {
    run::Run& run;
    const CopyOptions& options;
    std::string started; ///< queue::Counts::now
    run::HypertableMap sources;
    run::HypertableMap targets;
    CopyReport& report;
    load::HelperPool& helpers;
    load::Horizon& horizon;
    std::atomic<bool> drained = false; ///< a worker has found nothing more to claim
};

/// A task that a worker is to claim, or has claimed.
struct PendingTask {
    std::int64_t id = 0;
    int attempts = 0; ///< that have failed
    /// The connection was lost while this was being committed: it may be done.
    bool in_doubt = false;
    /// Why there is to be no further attempt.
    std::optional<std::string> hopeless{};
};

/// What a worker keeps in mind when its connections are gone.
struct WorkerTasks {
    std::vector<PendingTask> pending; ///< to be claimed before others
    std::vector<PendingTask> in_hand;
    bool committing = false; ///< what is in hand
};

/**
 * A worker's connections, and what it does on them, for as long as they hold: one to the source
 * and one to the target, and a second one to the target when the loader wants it
 * (load::Context::builder).
 *
 * For each chunk: claim it in the target, look at it, choose how to load it, begin a transaction
 * in the source under a lock that keeps the chunk as it is, load, mark the task, commit.
 *
 * Any call may throw ConnectionError, or TransactionError whose remedy is to wait; use a
 * new session then.
 */
class CopySession {
  public:
    /// Takes the connections that nobody uses, or connects.
    /// \throws Error when a server has changed since the run began.
    CopySession(CopyRun& copy, run::WorkerProgress& progress, WorkerTasks& tasks);

    /// Claims the next chunk, or several small ones, and makes an attempt at copying it.
    /// \returns false when there is nothing left to claim.
    bool copy_next();

    /// What the target is told before anything else, in each session of a run's.
    /// \param aggregates the source may have some, which are copied too.
    static std::vector<postgres::Statement> using_statements(bool aggregates = true);

    /// The work is done: the connections are given back to the run.
    void close() { session_.close(); }

    /// For the chunks of others, while this one has none in hand.
    load::HelperConnections helper_connections();

    /// The name of a connection that has broken, if one has.
    std::optional<std::string> broken_connection() const { return session_.broken_connection(); }

  private:
    bool attempt(const PendingTask& pending);
    bool claim_and_copy(const PendingTask& pending);
    /// \param alone with writers kept off the target's chunk.
    void copy_claimed(postgres::Transaction& claim, const queue::Task& task, bool alone);

    /// Claims further small tasks, and copies them together with the first. What has to be copied
    /// by itself is left for afterwards.
    /// \returns false when it is to be copied by itself.
    bool copy_together(postgres::Transaction& claim, const queue::Task& first);
    void put_off(postgres::Transaction& claim);
    bool copy_batch(postgres::Transaction& claim, const std::vector<queue::Task>& tasks);

    struct Look {
        std::vector<std::optional<timescale::Chunk>> chunks; ///< in the source
        std::vector<timescale::Place> places;                ///< in the target
    };
    Look look(const std::vector<queue::Task>& tasks);
    load::SmallChunkLoader::Reading reading_of(const std::vector<load::Request>& requests);
    /// \param loaded what is looked at before it is committed.
    void commit(postgres::Transaction& claim, const std::vector<queue::Finished>& finished,
                const std::vector<load::ToReadBack>& loaded);
    void skip(postgres::Transaction& claim, const queue::Task& task, const std::string& reason);
    /// \param cause the server's error, if it was that.
    void fail(postgres::Transaction& claim, const queue::Task& task, std::string error,
              const postgres::SqlError* cause = nullptr);
    void report_if_done(const PendingTask& pending);

    void begin(const std::vector<queue::Task>& tasks);
    load::Context context();
    postgres::Connection& source() { return session_.source().connection; }
    postgres::Connection& target() { return session_.target().connection; }

    CopyRun& copy_;
    run::WorkerProgress& progress_;
    WorkerTasks& tasks_;
    run::WorkerSession session_;
    std::optional<run::Crashes::Turn> turn_; ///< ends after what was lost is told to the others
    bool nothing_left_ = false;              ///< to claim, as the last commit saw
    load::Loader loader_;
    load::SmallChunkLoader small_chunks_;
    std::vector<queue::Task> done_;   ///< by the current attempt
    std::vector<std::int64_t> begun_; ///< in it: tasks that are told to the crashes
};

} // namespace copy
