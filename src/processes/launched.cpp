#include "processes/launched.hpp"

#include <cstdlib>
#include <sstream>
#include <sys/prctl.h>
#include <unistd.h>

namespace processes {

void settle_if_launched() {
    constexpr auto variable = "BACKFILL_LOADED_FROM";
    const auto* descriptors = std::getenv(variable);
    if (descriptors == nullptr)
        return;
    std::istringstream list(descriptors);
    for (int descriptor = -1; list >> descriptor;)
        close(descriptor);
    unsetenv(variable);
    prctl(PR_SET_NAME, "timescaledb-backfill"); // it is cut to 15 bytes
}

} // namespace processes
