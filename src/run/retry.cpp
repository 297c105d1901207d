#include "run/retry.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <thread>

namespace run {

namespace {

using std::chrono::milliseconds;

/// Doubled each time, up to a maximum. Half of it is random, so that workers do not retry together.
milliseconds backoff(int attempts, milliseconds longest) {
    thread_local std::minstd_rand random{std::random_device{}()};
    const auto most = std::min(milliseconds(100) * (1 << std::min(attempts, 16)), longest).count();
    return milliseconds(std::uniform_int_distribution(most / 2, most)(random));
}

/// \param until_stop return early, with false, if the run must stop after the current work.
/// \throws Interrupted
bool nap(const Stop& stop, milliseconds left, bool until_stop) {
    constexpr milliseconds step{50};
    for (; left > milliseconds::zero(); left -= step) {
        stop.check();
        if (until_stop && stop.is_requested())
            return false;
        std::this_thread::sleep_for(std::min(left, step));
    }
    return true;
}

} // namespace

void wait_before_retry(const Stop& stop, int attempts) {
    nap(stop, backoff(attempts, milliseconds(5000)), /*until_stop=*/false);
}

void Outage::note_success() {
    const std::lock_guard lock(mutex_);
    last_success_ = Clock::now();
}

Outage::Clock::time_point Outage::last_success() const {
    const std::lock_guard lock(mutex_);
    return last_success_;
}

void Outage::announce(const std::string& message) {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    std::erase_if(announced_,
                  [&](const auto& one) { return now - one.second > std::chrono::seconds(30); });
    has_happened_ = true;
    if (announced_.emplace(message, now).second)
        spdlog::warn("{}", message);
}

bool Outage::has_happened() const {
    const std::lock_guard lock(mutex_);
    return has_happened_;
}

void Recovery::run_with_retries(const std::function<void()>& work,
                                const std::function<bool(const Error&)>& failed) {
    const auto goes_on = [&](const auto& error, bool connection_failed) {
        connection_failed_ = connection_failed;
        stop_.check();
        return failed(error) && wait_after(error);
    };
    for (;;) {
        try {
            return work();
        } catch (const postgres::ConnectionError& error) {
            if (error.reaction() != postgres::Reaction::wait)
                throw;
            if (!goes_on(error, true))
                return;
        } catch (const postgres::TransactionError& error) {
            stop_.check(); // the statement may have been cancelled to stop at once
            if (error.reaction() != postgres::Reaction::wait)
                throw;
            if (!goes_on(error, false))
                return;
        }
    }
}

bool Recovery::wait_after(const Error& error) {
    const auto now = Outage::Clock::now();
    if (failures_++ == 0)
        since_ = now;
    // While other workers succeed, this one may, too.
    if (now - std::max(since_, outage_.last_success()) >= options_.retry_timeout)
        throw Error(
            fmt::format("giving up after {} s: {}", options_.retry_timeout.count(), error.what()));
    outage_.announce(fmt::format("{}; trying again", error.what()));
    return nap(stop_, backoff(failures_, milliseconds(15000)), /*until_stop=*/true);
}

void Recovery::connected() {
    if (failures_ == 0 || !connection_failed_)
        return;
    outage_.announce("connected again");
    succeeded();
}

void Recovery::succeeded() {
    failures_ = 0;
    outage_.note_success();
}

} // namespace run
