#pragma once

#include "run/retry.hpp"
#include "verify/session.hpp"

#include <optional>
#include <vector>

namespace verify {

/**
 * Compares one copied chunk after the other until none is left or it is told to stop. When a
 * connection is lost, it begins again with a new session.
 */
class VerifyWorker {
  public:
    /// \param number of the worker in the run, from 0.
    VerifyWorker(VerifyRun& run, int number)
        : run_(run), progress_(run.board, number, run.stop, run.throttle),
          recovery_(run.options.retry, run.stop, run.outage) {}

    void run();

  private:
    void work();
    bool begin_again(const Error& error);

    VerifyRun& run_;
    run::WorkerProgress progress_;
    run::Recovery recovery_;
    std::optional<VerifySession> session_;
    int losses_ = 0; ///< of connections, since a chunk was compared
    std::vector<VerifySession::Verdict> in_doubt_;
};

} // namespace verify
