#pragma once

#include "commands/commands.hpp"
#include "commands/endpoints.hpp"
#include "commands/hypertable_map.hpp"
#include "report/verify_report.hpp"
#include "tasks/task.hpp"
#include "workers/pool.hpp"
#include "workers/stop.hpp"

#include <optional>
#include <string>

namespace commands {

/// What all workers of a run share.
struct VerifyRun {
    const VerifyOptions& options;
    std::string started; ///< tasks::Counts::now
    verify::Mode mode;   ///< the options', unless the servers hash differently
    bool hashes_alike;
    HypertableMap sources;
    HypertableMap targets;
    workers::Stop& stop;
    workers::Cancellation& cancellation;
    report::VerifyReport& report;
};

/**
 * Compares one copied chunk after the other until none is left or it is told to stop.
 *
 * The claim is on a connection of its own, so that the target's chunk can be read in a transaction
 * of one snapshot, begun like the source's.
 */
class VerifyWorker {
  public:
    explicit VerifyWorker(VerifyRun& run);
    ~VerifyWorker();
    VerifyWorker(const VerifyWorker&) = delete;
    VerifyWorker& operator=(const VerifyWorker&) = delete;

    void run();

  private:
    /// \returns false when there is nothing left to claim.
    bool verify_next();
    /// \param last do not ask for another attempt.
    /// \returns false when another attempt may succeed.
    bool attempt(const tasks::Task& task, bool last);
    void verify_claimed(const tasks::Task& task);

    /// Compares small chunks, claimed together, in a few round trips.
    /// \returns those that are to be compared one by one.
    std::vector<tasks::Task> verify_together(const std::vector<tasks::Task>& tasks);
    std::vector<tasks::Task> try_together(const std::vector<tasks::Task>& tasks);

    /// \param target the chunk of the same slices; none when its rows are in chunks of others.
    verify::Comparison comparison(const tasks::Task& task, const timescale::Chunk& source,
                                  const std::optional<timescale::Chunk>& target);
    void finish(const tasks::Task& task, const std::optional<std::string>& difference);

    VerifyRun& run_;
    Endpoint source_;
    Endpoint target_;
    Endpoint queue_;
};

} // namespace commands
