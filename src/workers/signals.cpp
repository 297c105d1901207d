#include "workers/signals.hpp"

#include <csignal>
#include <ctime>

namespace workers {

namespace {

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

} // namespace

SignalWatch::SignalWatch(std::function<void(int)> on_signal) : on_signal_(std::move(on_signal)) {
    const auto set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::jthread([this, set](const std::stop_token& stop) {
        constexpr timespec patience{0, 50'000'000}; // ns, until the next look at the stop token
        while (!stop.stop_requested())
            if (sigtimedwait(&set, nullptr, &patience) > 0)
                on_signal_(++count_);
    });
}

SignalWatch::~SignalWatch() {
    thread_.request_stop();
    thread_.join();
    const auto set = stop_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

} // namespace workers
