#pragma once

#include "run/run.hpp"
#include "run/worker_progress.hpp"

#include <functional>

namespace run {

/// One worker of a run, for as long as the run lasts. If its connections are lost, it begins again
/// on new ones.
class Worker {
  public:
    /// \param number in the run, from 0.
    Worker(Run& run, int number)
        : progress(run.board(), number, run.stop, run.pause, run.rate_limiter), run_(run),
          recovery_(run.options.retry, run.stop, run.outage) {}

    /// Works in one session after another, until the work is done or the run must stop.
    /// \param work makes a session, calls connected(), and then succeeded() whenever some work is
    /// done. Called again after each temporary failure.
    /// \param end_session drops the session and saves the tasks in progress for another attempt.
    /// Returns false to give up. \throws what Recovery::run_with_retries throws.
    void run_sessions(const std::function<void()>& work,
                      const std::function<bool(const Error&)>& end_session);

    void connected() { recovery_.connected(); }
    void succeeded();

    /// Waits, with nothing in progress, while the run is paused.
    /// \param has_own_work true if there is work that no other worker may do. A worker that is
    /// dismissed does it first.
    /// \returns false if this worker must end.
    bool may_begin(bool has_own_work = false) {
        return progress.may_begin(run_.pool(), has_own_work);
    }

    /// True if the last failure was of a connection rather than of a statement.
    bool connection_failed() const { return recovery_.connection_failed(); }

    /// The number of times that connections were lost since some work was last done. It limits the
    /// attempts at work that breaks connections each time.
    int losses() const { return losses_; }

    WorkerProgress progress;

  private:
    Run& run_;
    Recovery recovery_;
    int losses_ = 0;
};

/// For handlers of errors of a task. Rethrows the error if it does not concern the task alone: if
/// the run must end, or a server cannot continue for now.
/// \throws the error that is being handled; Interrupted if the run is stopped.
void rethrow_unless_of_task(const postgres::TransactionError& error, const Stop& stop);

} // namespace run
