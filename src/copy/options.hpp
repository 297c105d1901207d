#pragma once

#include "load/plan.hpp"
#include "postgres/connection_string.hpp"
#include "queue/comparisons.hpp"
#include "run/retry.hpp"

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
    bool explain = false;                   ///< only print how each chunk would be loaded
    std::optional<std::int64_t> max_rate{}; ///< bytes of COPY data per second
    run::RetryOptions retry;
    std::optional<queue::TasksToMend> chosen{}; ///< copies all tasks if there are none
};

} // namespace copy
