#pragma once

#include "timescale/server.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace timescale {

/// The properties of a background job that must survive when it is turned on or off.
struct JobSchedule {
    std::int64_t id = 0;
    std::optional<std::string> timezone{};
    bool drops_by_creation = false; ///< a retention policy with drop_created_before
    bool refreshes_upper = false;   ///< a refresh policy of an aggregate on another aggregate
};

/// Further arguments of alter_job() that turn a job on or off.
std::string schedule_arguments(const Server& server, const JobSchedule& job, bool scheduled);

/// The call of alter_job() that turns a job on or off, also for messages.
std::string schedule_call(const Server& server, const JobSchedule& job, bool scheduled);

/// The statement that turns a job on or off, by alter_job() if that can. Run it under the role's
/// own search_path because it may call users' integer_now functions.
std::string schedule_sql(const Server& server, const JobSchedule& job, bool scheduled);

} // namespace timescale
