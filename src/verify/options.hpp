#pragma once

#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "verify/comparison.hpp"

namespace verify {

/// What the command line of `verify` gives.
struct VerifyOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    int parallelism = 8;
    Mode mode = Mode::digest;
    bool all = false;     ///< chunks that were verified before, too
    bool requeue = false; ///< copy differing chunks again with the next copy
    int max_differences = 10;
    bool quick = false; ///< compare the catalogs' estimates instead; reads no rows
    run::RetryOptions retry;
};

} // namespace verify
