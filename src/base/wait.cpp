#include "base/wait.hpp"

#include <condition_variable>
#include <mutex>

bool wait_unless_stopped(const std::stop_token& stop, std::chrono::milliseconds time) {
    std::mutex mutex;
    std::condition_variable_any stopping;
    std::unique_lock lock(mutex);
    stopping.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}
