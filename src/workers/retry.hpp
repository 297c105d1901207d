#pragma once

#include "workers/stop.hpp"

namespace workers {

/// After that many attempts that ended in a deadlock, a lock not granted or the like, a chunk has
/// failed for this run.
constexpr int max_attempts = 8;

/// Waits before an attempt is repeated: twice as long each time, from about 0.2 s to 5 s, and not
/// quite as long as another worker.
/// \param attempts how many have failed, from 1.
/// \throws Interrupted when everything is to stop now.
void wait_before_retry(const Stop& stop, int attempts);

} // namespace workers
