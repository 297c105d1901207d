#include "postgres/session.hpp"

#include "sql.hpp"

#include <fmt/format.h>

#include <random>

namespace postgres {

namespace {

const std::string& number_of_process() {
    static const auto number = fmt::format("{:08x}", std::random_device{}());
    return number;
}

} // namespace

std::string application_name(std::string_view purpose) {
    return fmt::format("timescaledb-backfill {} {}", purpose, number_of_process());
}

std::vector<Result> pin_session(Connection& connection, Access access,
                                const std::vector<Statement>& statements,
                                std::optional<int> process) {
    const auto in_process = process ? Parameter(std::to_string(*process)) : std::nullopt;
    std::vector<Statement> all{
        // By itself and first: the statement after it is one that a short timeout could end.
        {"SELECT pg_catalog.set_config('statement_timeout', '0', false) "
         "WHERE $1::pg_catalog.int4 IS NULL "
         "OR pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) $1::pg_catalog.int4",
         {in_process}},
        {std::string(sql::pin_session), {access == Access::read_only ? "on" : "off", in_process}}};
    const auto own = static_cast<std::ptrdiff_t>(all.size());
    all.insert(all.end(), statements.begin(), statements.end());
    auto results = connection.pipeline(all);
    results.erase(results.begin(), results.begin() + own);
    return results;
}

Statement backend_statement() {
    return {"SELECT pid, backend_start "
            "FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())"};
}

Backend backend_from(const Result& row) {
    return {.pid = row.integer(0, "pid"), .start = row.string(0, "backend_start")};
}

BackendState look_at(Connection& other, const Backend& backend) {
    // A server with track_activities off has one state for all.
    const auto row = other.query("SELECT state NOT LIKE 'idle%' AND wait_event_type IS DISTINCT "
                                 "FROM 'Client' AS works FROM pg_stat_activity "
                                 "WHERE pid = $1::int AND backend_start = $2::timestamptz",
                                 {std::to_string(backend.pid), backend.start});
    if (row.empty())
        return BackendState::gone;
    return row.boolean(0, "works") ? BackendState::works : BackendState::waits_for_client;
}

void terminate(Connection& other, const std::vector<Backend>& backends) {
    for (const auto& backend : backends)
        other.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE pid = $1::int AND backend_start = $2::timestamptz",
                    {std::to_string(backend.pid), backend.start});
}

void terminate_others(Connection& connection) {
    connection.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                     "WHERE pid <> pg_backend_pid() AND usename = current_user "
                     "AND datname = current_database() AND application_name LIKE $1",
                     {application_name("%")});
}

} // namespace postgres
