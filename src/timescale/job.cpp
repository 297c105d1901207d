#include "timescale/job.hpp"

#include "postgres/quote.hpp"

#include <fmt/format.h>

namespace timescale {

std::string schedule_arguments(const Server& server, const JobSchedule& job, bool scheduled) {
    auto arguments = fmt::format(", scheduled => {}", scheduled);
    // alter_job() removes the time zone unless it is passed (job_alter in
    // tsl/src/bgw_policy/job_api.c).
    if (job.timezone)
        arguments += ", timezone => " + postgres::quote_literal(*job.timezone);
    // Before 2.27, the configuration check rejects drop_created_before
    // (policy_retention_read_and_validate_config in tsl/src/bgw_policy/job.c).
    if (job.drops_by_creation && server.timescaledb < Version{2, 27, 0})
        arguments += ", check_config => 0::regproc";
    return arguments;
}

std::string schedule_call(const Server& server, const JobSchedule& job, bool scheduled) {
    return fmt::format("{}({}{})", server.function("alter_job"), job.id,
                       schedule_arguments(server, job, scheduled));
}

std::string schedule_sql(const Server& server, const JobSchedule& job, bool scheduled) {
    return "SELECT FROM " + schedule_call(server, job, scheduled);
}

} // namespace timescale
