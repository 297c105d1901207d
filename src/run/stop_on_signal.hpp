#pragma once

#include "run/open_connections.hpp"
#include "run/signals.hpp"
#include "run/stop.hpp"

#include <atomic>

namespace run {

/// Handles SIGINT and SIGTERM during a run. The first signal lets workers finish their current
/// chunks. The second cancels the statements that run on the servers, and exits the process with
/// exit_interrupted if the workers have not ended within five seconds.
class StopOnSignal {
  public:
    StopOnSignal(Stop& stop, const OpenConnections& connections);
    ~StopOnSignal() { finished_ = true; }
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;

    bool has_come() const { return watch_.count() > 0; }

  private:
    void on_signal(int count);

    Stop& stop_;
    const OpenConnections& connections_;
    std::atomic<bool> finished_ = false;
    SignalWatch watch_; // last, because its thread uses the others
};

} // namespace run
