#pragma once

#include "processes/children.hpp"
#include "run/signals.hpp"
#include "run/stop.hpp"

#include <atomic>

namespace cloning {

/// Handles SIGINT and SIGTERM: the first signal ends pg_dump and psql, and kills them if they do
/// not end within five seconds; the target stays as it was, unless it is committing. A further
/// signal ends this program at once.
class StopClone {
  public:
    StopClone(run::Stop& stop, processes::Children& children)
        : stop_(stop), children_(children), watch_([this](int count) { on_signal(count); }) {}
    ~StopClone() { finished_ = true; }
    StopClone(const StopClone&) = delete;
    StopClone& operator=(const StopClone&) = delete;

  private:
    void on_signal(int count);

    run::Stop& stop_;
    processes::Children& children_;
    std::atomic<bool> finished_ = false;
    run::SignalWatch watch_; // last, because its thread uses the others
};

} // namespace cloning
