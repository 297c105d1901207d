#pragma once

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
    int examples = 3;                          ///< keys shown for each table that differs
    run::RetryOptions retry;
    run::ThrottleOptions throttle{};
};

} // namespace tables
