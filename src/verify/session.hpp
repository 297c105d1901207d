#pragma once

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

/// What the workers of a run of `verify` share.
struct VerifyRun {
    run::Run& run;
    const VerifyOptions& options;
    std::string started; ///< queue::Counts::now
    Mode mode;           ///< the options', unless the servers hash differently
    bool hashes_alike;
    run::HypertableMap sources;
    run::HypertableMap targets;
    VerifyReport& report;
};

/**
 * A worker's connections, and what it does on them, for as long as they hold.
 *
 * The claim is on a connection of its own, so that the target's chunk can be read in a transaction
 * of one snapshot, begun like the source's.
 *
 * Any call may throw ConnectionError, or TransactionError whose remedy is to wait; use a
 * new session then. What it had claimed is not verified.
 */
class VerifySession {
  public:
    using Say = std::function<void(VerifyReport&, const queue::Task&)>;

    /// What is said of a comparison once it is committed.
    struct Verdict {
        queue::Task task;
        std::string compared; ///< when: queue::finish_comparison()
        Say say;
    };

    /// Takes the connections that nobody uses, or connects.
    /// \param in_doubt verdicts whose COMMIT was not answered: those that were committed are said,
    /// unless somebody else has compared the same chunk since.
    /// \throws Error when a server has changed since the run began.
    VerifySession(VerifyRun& verify, run::WorkerProgress& progress, std::vector<Verdict>& in_doubt);

    /// Claims the next chunk, or several small ones, and compares.
    /// \returns false when there is nothing left to claim.
    bool verify_next();

    /// The tasks that are being compared.
    const std::vector<std::int64_t>& in_hand() const { return in_hand_; }

    /// The work is done: the connections are given back to the run.
    void close() { session_.close(); }

  private:
    void begin(std::int64_t task);
    void end();
    void say_what_was_committed();

    void compare(const queue::Task& task);
    void give_up(const queue::Task& task, const std::string& reason);

    /// \param last do not ask for another attempt.
    /// \returns false when another attempt may succeed.
    bool attempt(const queue::Task& task, bool last);
    void verify_claimed(const queue::Task& task);

    /// Compares small chunks, claimed together, in a few round trips.
    /// \returns those that are to be compared one by one.
    std::vector<queue::Task> verify_together(const std::vector<queue::Task>& tasks);
    std::vector<queue::Task> try_together(const std::vector<queue::Task>& tasks);

    bool have_same_chunks(const queue::Task& task) const;
    /// \param target the chunk of the same slices; none when its rows are in chunks of others.
    Comparison comparison(const queue::Task& task, const timescale::Chunk& source,
                          const std::optional<timescale::Chunk>& target);

    /// Notes what was found, and keeps what to say of it.
    void finish(const queue::Task& task, const std::optional<std::string>& difference, Say say,
                bool helps_to_copy = true);

    postgres::Connection& queue() { return session_.queue().connection; }

    VerifyRun& verify_;
    run::WorkerProgress& progress_;
    run::WorkerSession session_;
    std::optional<run::Crashes::Turn> turn_; ///< ends after what was lost is told to the others
    std::vector<std::int64_t> in_hand_;
    std::vector<Verdict> verdicts_; ///< of what is claimed
    std::vector<Verdict>& in_doubt_;
};

} // namespace verify
