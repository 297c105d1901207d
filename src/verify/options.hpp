#pragma once

#include "load/late_rows.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "run/throttle_options.hpp"
#include "verify/comparison.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace verify {

/// The options of `verify`.
struct VerifyOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    int parallelism = 8;
    Mode mode = Mode::digest;
    bool all = false;     ///< verify chunks that were verified before, too
    bool requeue = false; ///< have the next `copy` copy differing chunks again
    bool repair = false;  ///< mend differing chunks, and compare them again
    std::chrono::seconds dual_write_delay = load::usual_dual_write_delay; ///< for repair
    int max_differences = 10;
    bool tables = false;                 ///< compare the plain tables instead of copied chunks
    std::optional<std::string> filter{}; ///< of the plain tables
    bool quick = false; ///< compare the catalogs' estimates instead of reading rows
    run::RetryOptions retry;
    run::ThrottleOptions throttle{};
};

} // namespace verify
