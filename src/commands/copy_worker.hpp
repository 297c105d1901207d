#pragma once

#include "commands/commands.hpp"
#include "commands/endpoints.hpp"
#include "commands/hypertable_map.hpp"
#include "load/batch.hpp"
#include "load/loader.hpp"
#include "report/copy_report.hpp"
#include "tasks/task.hpp"
#include "workers/pool.hpp"
#include "workers/stop.hpp"

#include <string>

namespace commands {

/// What all workers of a run share.
struct CopyRun {
    const CopyOptions& options;
    std::string started; ///< tasks::Counts::now
    HypertableMap sources;
    HypertableMap targets;
    workers::Stop& stop;
    workers::Cancellation& cancellation;
    report::CopyReport& report;
    load::Crew& crew;
};

/**
 * Copies one chunk after the other, on a connection to the source and one to the target, until
 * the queue has none left or it is told to stop. A second connection to the target is opened when
 * the loader wants it (load::Ends::builder).
 *
 * For each chunk: claim it in the target, begin a transaction in the source and look at the chunk
 * under a lock that keeps it as it is, choose how to load it, load it, mark the task, commit.
 */
class CopyWorker {
  public:
    explicit CopyWorker(CopyRun& run);
    ~CopyWorker();
    CopyWorker(const CopyWorker&) = delete;
    CopyWorker& operator=(const CopyWorker&) = delete;

    /// Copies; then helps others to finish what they have in hand.
    void run(load::Crew::Member& member);

  private:
    /// What came of an attempt at a task.
    enum class Outcome {
        nothing_to_claim,
        done,
        wait_and_claim_again,
    };

    /// \returns false when there is nothing left to claim.
    bool copy_next();
    bool copy_one(std::optional<std::int64_t> id);
    /// \param id the task to claim, or any.
    /// \param last do not ask for another attempt.
    Outcome attempt(std::optional<std::int64_t> id, bool last);
    Outcome claim_and_copy(std::optional<std::int64_t> id, bool last);
    Outcome copy_claimed(postgres::Transaction& claim, const tasks::Task& task);

    /// Claims further small tasks, and copies them together with the first. What has to be copied
    /// by itself is left for afterwards.
    /// \returns false when there are none.
    bool copy_together(postgres::Transaction& claim, const tasks::Task& first);
    void copy_batch(postgres::Transaction& claim, const std::vector<tasks::Task>& tasks);
    Outcome skip(postgres::Transaction& claim, const tasks::Task& task, const std::string& reason);
    Outcome fail(postgres::Transaction& claim, const tasks::Task& task, const std::string& error);

    void add_target(Endpoint& target);
    postgres::Connection& builder();
    load::Ends ends();

    CopyRun& run_;
    Endpoint source_;
    Endpoint target_;
    std::optional<Endpoint> builder_;
    load::Loader loader_;
    load::BatchLoader batch_loader_;
    std::vector<std::int64_t> one_by_one_; ///< tasks that did not go together with others
    std::optional<tasks::Task> task_;      ///< what the current attempt has claimed
};

} // namespace commands
