#include "run/stop_on_signal.hpp"

#include "base/exit_status.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

namespace run {

StopOnSignal::StopOnSignal(Stop& stop, const Pause& pause, const OpenConnections& connections)
    : stop_(stop), pause_(pause), connections_(connections),
      watch_([this](int count) { on_signal(count); }) {}

void StopOnSignal::on_signal(int count) {
    if (count == 1) {
        if (pause_.stops_rows())
            spdlog::warn("stopping; the chunks whose rows wait are rolled back ({})",
                         pause_.reason());
        else
            spdlog::warn(
                "finishing the chunks in progress, then stopping; interrupt again to roll them "
                "back and stop at once");
        stop_.after_current();
        return;
    }
    spdlog::warn("stopping at once; the chunks in progress are rolled back");
    stop_.now();
    // A cancel request that arrives between two statements has no effect, so send several. A
    // request to a server that does not answer may take very long, so send them on a detached
    // thread.
    const auto cancelling = std::make_shared<std::atomic<bool>>(false);
    for (int i = 0; i < 50 && !finished_; ++i) {
        auto connections = connections_.list(); // first: stop_cancelling() is for those added later
        if (cancels_ && !cancelling->exchange(true)) {
            try {
                std::thread([cancelling, connections = std::move(connections)] {
                    cancel_all(connections);
                    *cancelling = false;
                }).detach();
            } catch (const std::system_error& error) { // no thread can be created now
                spdlog::debug("cannot cancel statements: {}", error.what());
                *cancelling = false;
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (!finished_)
        std::_Exit(exit_interrupted); // the servers roll back when the connections are closed
}

} // namespace run
