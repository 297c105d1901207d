#pragma once

#include "queue/comparisons.hpp"
#include "queue/task.hpp"
#include "run/hypertable_map.hpp"
#include "run/worker_session.hpp"
#include "verify/options.hpp"
#include "verify/report.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace verify {

/// Shared by the workers of a run of `verify`.
struct VerifyRun {
    run::Run& run;
    const VerifyOptions& options;
    std::string started; ///< queue::Counts::now
    Mode mode;           ///< that of the options, unless the servers hash differently
    bool hashes_alike;
    run::HypertableMap sources;
    run::HypertableMap targets;
    VerifyReport& report;
};

/**
 * Compares chunks on a worker's connections until these are lost.
 *
 * The claim's transaction has a connection of its own, so that the target's chunk can be read in
 * another transaction with one snapshot, like the source's.
 *
 * Any call may throw ConnectionError, or SqlError whose reaction is to wait. The session must not
 * be used afterwards, and its claimed tasks are not verified.
 */
class VerifySession {
  public:
    using ReportFunction = std::function<void(VerifyReport&, const queue::Task&)>;

    /// The result of a comparison, which is reported after it is committed.
    struct Verdict {
        queue::Task task;
        std::string compared; ///< the time, from queue::finish_comparison()
        ReportFunction report;
    };

    /// Takes idle connections, or connects.
    /// \param in_doubt verdicts whose COMMIT was not answered. Those that were committed are
    /// reported, unless another worker has compared the same chunk since.
    /// \throws Error if a server has changed since the run began.
    VerifySession(VerifyRun& verify, run::WorkerProgress& progress, std::vector<Verdict>& in_doubt);

    /// Claims the next chunk, or several small ones, and compares them.
    /// \returns false if there is nothing left to claim.
    bool verify_next();

    /// The number of tasks that the last verify_next() has claimed.
    std::size_t claimed() const { return claimed_; }

    /// The tasks that are being compared.
    const std::vector<std::int64_t>& in_hand() const { return in_hand_; }

    /// Gives the connections back to the run, after the work is done.
    void close() { session_.close(); }

  private:
    void begin(std::int64_t task);
    void end();
    void report_committed_verdicts();

    void compare(const queue::Task& task);
    void give_up(const queue::Task& task, const std::string& reason);

    /// \param last there is no further attempt.
    /// \returns false if another attempt may succeed.
    bool attempt(const queue::Task& task, bool last);
    void verify_claimed(const queue::Task& task);

    /// Compares small chunks that were claimed together, in a few round trips.
    /// \returns those that must be compared one by one.
    std::vector<queue::Task> verify_together(const std::vector<queue::Task>& tasks);
    std::vector<queue::Task> try_together(const std::vector<queue::Task>& tasks);

    bool have_same_chunks(const queue::Task& task) const;
    bool may_compare_batches(const queue::Task& task, const timescale::Chunk& source,
                             const std::optional<timescale::Chunk>& target) const;
    /// Compares chunks by their batches where that is possible, the others by rows. Differences are
    /// not explained.
    /// \param sources and targets the chunks of the tasks.
    std::vector<ComparisonResult>
    compare_chunks(const std::vector<queue::Task>& tasks,
                   const std::vector<Comparison>& comparisons,
                   const std::vector<std::optional<timescale::Chunk>>& sources,
                   const std::vector<std::optional<timescale::Chunk>>& targets) const;
    /// \param target the chunk with the same slices; none if the rows are in chunks with others.
    Comparison comparison(const queue::Task& task, const timescale::Chunk& source,
                          const std::optional<timescale::Chunk>& target);

    /// Notes the result in the queue, and keeps it to be reported after the commit.
    /// \param wanted what `--requeue` does with the task.
    /// \param way as for queue::finish_comparison().
    void finish(const queue::Task& task, const std::optional<std::string>& difference,
                ReportFunction report, queue::Requeue wanted,
                const std::optional<std::string>& way);

    postgres::Connection& queue() { return session_.queue().connection; }

    VerifyRun& verify_;
    run::WorkerProgress& progress_;
    /// Destroyed after session_, which reports its lost backends to the other workers: the next
    /// turn must not begin before a crashed server has ended them.
    std::optional<run::Crashes::Turn> turn_;
    run::WorkerSession session_;
    std::size_t claimed_ = 0;
    std::vector<std::int64_t> in_hand_;
    std::vector<Verdict> verdicts_; ///< of the claimed tasks
    std::vector<Verdict>& in_doubt_;
};

} // namespace verify
