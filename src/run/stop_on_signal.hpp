#pragma once

#include "run/open_connections.hpp"
#include "run/pause.hpp"
#include "run/signals.hpp"
#include "run/stop.hpp"

#include <atomic>

namespace run {

/// Handles SIGINT and SIGTERM during a run. The first signal lets workers finish their current
/// chunks, except for those whose rows a throttle holds (WorkerProgress::moved()). The second
/// cancels the statements that run on the servers, until the workers have ended, and exits the
/// process with exit_interrupted if the run has not ended within five seconds.
class StopOnSignal {
  public:
    StopOnSignal(Stop& stop, const Pause& pause, const OpenConnections& connections);
    ~StopOnSignal() { finished_ = true; }
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;

    /// The workers have ended: what is open or is opened from now on is not cancelled. A cancel
    /// request may still be on its way to connections that were open before.
    void stop_cancelling() { cancels_ = false; }

    bool has_come() const { return watch_.count() > 0; }

  private:
    void on_signal(int count);

    Stop& stop_;
    const Pause& pause_;
    const OpenConnections& connections_;
    std::atomic<bool> cancels_ = true;
    std::atomic<bool> finished_ = false;
    SignalWatch watch_; // last, because its thread uses the others
};

} // namespace run
