#pragma once

#include "run/open_connections.hpp"
#include "run/signals.hpp"
#include "run/stop.hpp"

#include <atomic>

namespace run {

/// What SIGINT and SIGTERM do to a run of workers: the first lets them finish what they have in
/// hand; the second cancels what runs on the servers, and ends the process itself, with
/// exit_interrupted, if they do not answer within five seconds.
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
    SignalWatch watch_; // last, for its thread uses the others
};

} // namespace run
