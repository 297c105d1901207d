#pragma once

#include "load/late_rows.hpp"
#include "load/plan.hpp"
#include "postgres/connection_string.hpp"
#include "queue/comparisons.hpp"
#include "run/retry.hpp"
#include "run/throttle_options.hpp"

#include <chrono>
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
    std::chrono::seconds dual_write_delay = load::usual_dual_write_delay;
    run::RetryOptions retry;
    run::ThrottleOptions throttle{};
    std::optional<queue::TasksToMend> chosen{}; ///< copies all tasks if there are none
};

} // namespace copy
