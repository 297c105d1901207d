#include "run/watchdog.hpp"

#include "base/wait.hpp"
#include "postgres/connection.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace run {

namespace {

using namespace std::chrono_literals;

/// \returns the reason to close the connection, or an empty string.
std::string failure_reason(const OpenConnection& entry, std::chrono::milliseconds patience) {
    try {
        const auto settings =
            postgres::session_settings(postgres::Access::read_only, postgres::Library::left_out);
        postgres::Connection other(entry.connection_string, "server",
                                   postgres::application_name("watchdog"), settings);
        const postgres::Deadline deadline(other.monitor(), patience);
        postgres::pin_session(other, settings);
        switch (postgres::look_at(other, entry.backend)) {
        case postgres::BackendState::works:
            return {};
        case postgres::BackendState::waits_for_client:
            return "its backend waits for the client";
        case postgres::BackendState::gone:
            return "its backend no longer exists";
        }
    } catch (const postgres::ConnectionError& error) {
        // A server that refuses the connection is alive.
        return error.sqlstate().empty() ? error.what() : std::string();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

} // namespace

Watchdog::Watchdog(const OpenConnections& connections, std::chrono::milliseconds patience)
    : connections_(connections), patience_(patience),
      thread_([this](const std::stop_token& stop) { check_all(stop); }) {}

void Watchdog::check_all(const std::stop_token& stop) {
    const auto interval = std::clamp<std::chrono::milliseconds>(patience_ / 4, 50ms, 5s);
    do {
        const auto entries = connections_.list();
        std::erase_if(seen_, [&](const auto& one) {
            return std::ranges::none_of(entries, [&](const auto& entry) {
                return entry.monitor.lock().get() == one.first;
            });
        });
        for (const auto& entry : entries)
            if (const auto monitor = entry.monitor.lock(); monitor && !stop.stop_requested())
                check(entry, *monitor);
    } while (wait_unless_stopped(stop, interval));
}

void Watchdog::check(const OpenConnection& entry, postgres::ConnectionMonitor& monitor) {
    const auto now = Clock::now();
    const auto sample = monitor.sample();
    auto& seen = seen_.try_emplace(&monitor, Seen{sample, now}).first->second;
    if (!sample.waits || sample != seen.sample) {
        seen = {sample, now};
        return;
    }
    if (now - seen.since < patience_)
        return;
    const auto reason = failure_reason(entry, patience_);
    if (reason.empty() || monitor.sample() != sample) {
        seen = {monitor.sample(), Clock::now()};
        return;
    }
    monitor.hang_up(); // first, before the connection's state changes again
    spdlog::warn("no answer from the {} for {} s, and {}; closing the connection", entry.name,
                 std::chrono::duration_cast<std::chrono::seconds>(now - seen.since).count(),
                 reason);
    seen = {sample, Clock::now()};
}

} // namespace run
