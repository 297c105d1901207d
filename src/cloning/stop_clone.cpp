#include "cloning/stop_clone.hpp"

#include "base/exit_status.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace cloning {

void StopClone::on_signal(int count) {
    if (count > 1)
        std::_Exit(exit_interrupted); // the servers roll back when the connections end
    spdlog::warn("stopping; uncommitted changes are rolled back");
    stop_.now();
    // psql and pg_dump both cancel their running statement.
    children_.interrupt(SIGINT);
    for (int i = 0; i < 50 && !finished_; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (!finished_)
        children_.interrupt(SIGKILL);
}

} // namespace cloning
