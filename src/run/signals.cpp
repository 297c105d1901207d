#include "run/signals.hpp"

#include <csignal>

namespace run {

namespace {

/// Wakes the watching thread, so that it notices the stop request.
constexpr int wake_signal = SIGUSR1;

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, wake_signal);
    return set;
}

} // namespace

SignalWatch::SignalWatch(std::function<void(int)> on_signal) : on_signal_(std::move(on_signal)) {
    const auto set = watched_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::jthread([this, set](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            int number = 0;
            if (sigwait(&set, &number) == 0 && number != wake_signal)
                on_signal_(++count_);
        }
    });
}

SignalWatch::~SignalWatch() {
    thread_.request_stop();
    pthread_kill(thread_.native_handle(), wake_signal);
    thread_.join();
    const auto set = watched_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

} // namespace run
