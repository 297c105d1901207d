#include "workers/stop_on_signal.hpp"

#include "exit_status.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace workers {

StopOnSignal::StopOnSignal(Stop& stop, Cancellation& cancellation)
    : stop_(stop), cancellation_(cancellation), watch_([this](int count) { on_signal(count); }) {}

void StopOnSignal::on_signal(int count) {
    if (count == 1) {
        spdlog::warn("finishing the chunks in hand, then stopping; interrupt again to give them up "
                     "and stop at once");
        stop_.after_current();
        return;
    }
    spdlog::warn("stopping at once; the chunks in hand are given up");
    stop_.now();
    // A cancel that arrives between two statements cancels nothing: so more than one.
    for (int i = 0; i < 50 && !finished_; ++i) {
        cancellation_.cancel_all();
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (!finished_)
        std::_Exit(exit_interrupted); // the servers roll back when the connections are gone
}

} // namespace workers
