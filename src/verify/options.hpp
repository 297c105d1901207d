#pragma once

#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "verify/comparison.hpp"

namespace verify {

/// The options of `verify`.
struct VerifyOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    int parallelism = 8;
    Mode mode = Mode::digest;
    bool all = false;     ///< verify chunks that were verified before, too
    bool requeue = false; ///< have the next `copy` copy differing chunks again
    int max_differences = 10;
    bool quick = false; ///< compare the catalogs' estimates instead of reading rows
    run::RetryOptions retry;
};

} // namespace verify
