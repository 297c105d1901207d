#pragma once

#include "run/run.hpp"
#include "run/worker_progress.hpp"

#include <functional>

namespace run {

/// One worker of a run, for as long as the run lasts: it works, and begins again on new connections
/// when those that it had are lost.
class Worker {
  public:
    /// \param number in the run, from 0.
    Worker(Run& run, int number)
        : progress(run.board(), number, run.stop, run.throttle), run_(run),
          recovery_(run.options.retry, run.stop, run.outage) {}

    /// \param work makes a session, calls connected(), and then succeeded() whenever something has
    /// got done. Called again after each failure that passes by itself.
    /// \param lost drops the session and takes stock of what was in hand. Returns whether to go on.
    /// \throws what Recovery::lead throws.
    void lead(const std::function<void()>& work, const std::function<bool(const Error&)>& lost);

    void connected() { recovery_.connected(); }
    void succeeded();

    /// Waits, with nothing in hand, while the run is paused.
    /// \returns false if this worker is to do no more.
    bool may_begin() { return progress.may_begin(run_.pool(), run_.pause); }

    /// It was a connection that failed the last time, rather than a statement.
    bool connection_failed() const { return recovery_.connection_failed(); }

    /// How many times connections were lost since something got done. What breaks them each time is
    /// not tried forever.
    int losses() const { return losses_; }

    WorkerProgress progress;

  private:
    Run& run_;
    Recovery recovery_;
    int losses_ = 0;
};

/// Called by the handler of an error that one task has met. Throws the error again if it is not the
/// task's: if the run must end, or its servers cannot go on for now.
/// \throws the error that is being handled; Interrupted if the run is stopped.
void rethrow_unless_of_task(const postgres::TransactionError& error, const Stop& stop);

} // namespace run
