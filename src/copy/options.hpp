#pragma once

#include "load/plan.hpp"
#include "postgres/connection_string.hpp"
#include "queue/comparisons.hpp"
#include "run/retry.hpp"
#include "run/throttle_options.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace copy {

/// The options of `copy`.
struct CopyOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    int parallelism = 8;
    load::LoadOptions load;
    bool explain = false; ///< only print how each chunk would be loaded
    run::RetryOptions retry;
    run::ThrottleOptions throttle{};
    std::optional<queue::TasksToMend> chosen{}; ///< copies all tasks if there are none
};

} // namespace copy
