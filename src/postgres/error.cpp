#include "postgres/error.hpp"

namespace postgres {

Remedy remedy_for(std::string_view sqlstate) {
    if (sqlstate == "40001" || // serialization_failure, also a conflict with recovery on a standby
        sqlstate == "40P01" || // deadlock_detected
        sqlstate == "55P03")   // lock_not_available
        return Remedy::retry;

    // query_canceled: someone cancelled this one statement.
    if (sqlstate == "57014")
        return Remedy::fail_task;

    const auto error_class = sqlstate.substr(0, 2);
    if (error_class == "08" || // connection exception
        error_class == "28" || // invalid authorization
        error_class == "53" || // insufficient resources: disk full, out of memory, connections
        error_class == "57" || // operator intervention: shutdown, out of reach
        error_class == "58")   // system error: I/O
        return Remedy::stop;
    return Remedy::fail_task;
}

} // namespace postgres
