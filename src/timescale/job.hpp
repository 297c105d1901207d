#pragma once

#include "timescale/server.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace timescale {

/// What turning a background job on or off has to keep.
struct JobSchedule {
    std::int64_t id = 0;
    std::optional<std::string> timezone{};
    bool drops_by_creation = false; ///< a retention policy with drop_created_before
};

/// The call of alter_job() that turns a job on or off, for people to run too.
std::string schedule_call(const Server& server, const JobSchedule& job, bool scheduled);

/// The statement that turns a job on or off. It may call functions of users, namely integer_now
/// functions, so it is to run under the role's own search_path.
std::string schedule_sql(const Server& server, const JobSchedule& job, bool scheduled);

} // namespace timescale
