#pragma once

#include "run/worker.hpp"
#include "verify/session.hpp"

#include <optional>
#include <vector>

namespace verify {

/**
 * Compares one copied chunk after the other until none is left or the run must stop. If a
 * connection is lost, it begins again with a new session.
 */
class VerifyWorker {
  public:
    /// \param number of the worker in the run, from 0.
    VerifyWorker(VerifyRun& verify, int number) : verify_(verify), worker_(verify.run, number) {}

    void run();

  private:
    void work();
    bool end_session(const Error& error);

    VerifyRun& verify_;
    run::Worker worker_;
    std::optional<VerifySession> session_;
    std::vector<VerifySession::Verdict> in_doubt_;
    /// The number of tasks to compare before this worker may be dismissed: as many as were claimed
    /// when connections were lost, because the other workers may have found nothing to claim, and
    /// have ended.
    std::size_t lost_ = 0;
};

} // namespace verify
