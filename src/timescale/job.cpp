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
    // alter_job() refuses any change of these (policy_refresh_cagg_check_for_overlaps in
    // tsl/src/bgw_policy/continuous_aggregate_api.c; seen on 2.22.1). The scheduler does not see an
    // update of its table before it starts again. Only superusers may do either.
    if (job.refreshes_upper && server.timescaledb >= Version{2, 22, 0} &&
        server.timescaledb < Version{2, 23, 0})
        return fmt::format(
            "WITH changed AS (UPDATE _timescaledb_config.bgw_job SET scheduled = {} "
            "WHERE id = {} RETURNING id) "
            "SELECT _timescaledb_functions.restart_background_workers() FROM changed",
            scheduled, job.id);
    return "SELECT FROM " + schedule_call(server, job, scheduled);
}

} // namespace timescale
