#pragma once

#include "load/late_rows.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "run/throttle_options.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tables {

/// The options of `sync-tables`, and those of `verify --tables`.
struct SyncOptions {
    std::string command = "sync-tables"; ///< or "verify", which only compares
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> filter;
    bool only_compares = false; ///< changes nothing
    bool deletes = false;       ///< deletes rows that only the target has
    int parallelism = 8;
    std::int64_t sequence_margin = 0;
    std::optional<std::chrono::seconds> watch; ///< the pause between passes
    /// How long the application needs for a write to both sides.
    std::chrono::seconds dual_write_delay = load::usual_dual_write_delay;
    int examples = 3; ///< keys shown for each table that differs
    run::RetryOptions retry;
    run::ThrottleOptions throttle{};
};

} // namespace tables
