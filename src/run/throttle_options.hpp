#pragma once

#include "postgres/connection_string.hpp"
#include "run/window.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace run {

/// Limits on what a run may cost the servers.
struct ThrottleOptions {
    std::optional<std::int64_t> max_rate{};             ///< bytes of COPY data per second
    std::optional<std::chrono::seconds> max_lag{};      ///< of the standbys of both servers
    std::optional<postgres::ConnectionString> lag_of{}; ///< a standby to ask instead
    std::optional<int> max_active{}; ///< sessions of others that run a statement, on either server
    std::optional<std::string> query{}; ///< a number above 0 means wait
    std::optional<Window> window{};     ///< when the run may work

    /// True if servers must be asked.
    bool asks() const { return max_lag || max_active || query || window; }
};

} // namespace run
