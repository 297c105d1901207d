#include "cloning/scripts.hpp"

#include "queue/suspended_jobs.hpp"
#include "sql.hpp"

#include <fmt/format.h>

namespace cloning {

std::string end_restoring(const run::Endpoint& target) {
    return fmt::format("SELECT {}();\n", target.server.function("timescaledb_post_restore"));
}

std::string script_before(const ClonePlan& plan, const run::Endpoint& target) {
    std::string script =
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);\n"
        "SELECT pg_catalog.set_config(name, setting, false) FROM (VALUES\n"
        "  ('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'),\n"
        "  ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),\n"
        "  ('client_connection_check_interval', '10000'), ('client_min_messages', 'warning'))\n"
        "  AS wanted (name, setting) WHERE name IN (SELECT name FROM pg_settings);\n"
        // If the script ends before its COMMIT, for whatever reason, the transaction is rolled
        // back. psql's --single-transaction would commit it.
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n";
    if (plan.with_catalog)
        script += fmt::format("SELECT {}();\n", target.server.function("timescaledb_pre_restore"));
    return script;
}

std::string script_of_hypertables(const ClonePlan& plan, const run::Endpoint& target) {
    std::string script =
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);\n";
    if (plan.with_catalog)
        script += plan.inventory.catalog_rows + end_restoring(target);
    for (const auto& one : plan.new_hypertables)
        script += one.sql(target.server);
    // Catalog rows cannot be inserted: before 2.21, they name a chunk 0, which violates their
    // foreign key (8a0a32934 in TimescaleDB's history).
    if (!plan.inventory.skipped_columns.empty())
        script += "SET timescaledb.enable_chunk_skipping = on;\n";
    for (const auto& [hypertable, column] : plan.inventory.skipped_columns)
        script += fmt::format(
            "SELECT {}({}, {});\n", target.server.function("enable_chunk_skipping"),
            postgres::quote_literal(hypertable.quoted()), postgres::quote_literal(column));
    if (plan.definitions)
        for (const auto& cagg : plan.definitions->caggs)
            script += cagg.script(target.server);
    return script;
}

std::string script_of_jobs(const ClonePlan& plan, const run::Endpoint& target) {
    std::string script;
    if (plan.inventory.jobs.empty() && (!plan.definitions || plan.definitions->jobs.empty()))
        return script;
    if (!plan.has_queue)
        script += std::string(sql::create_schema) + "\n";
    // This runs users' functions (timescale::schedule_sql), which may rely on the source's
    // search_path.
    script += plan.search_path
                  ? fmt::format("SELECT pg_catalog.set_config('search_path', {}, true);\n",
                                postgres::quote_literal(plan.search_path->source))
                  : fmt::format("{};\n", postgres::own_search_path);
    if (plan.definitions) {
        for (const auto& job : plan.definitions->jobs) {
            script += job.script(target.server, plan.ownership.role);
            if (job.scheduled)
                script += queue::remember_suspended_sql(":backfill_job") + ";\n";
        }
    } else {
        for (const auto& job : plan.inventory.jobs)
            script += timescale::schedule_sql(target.server, job.schedule, false) + ";\n";
        script += queue::remember_suspended_sql(jobs::ids_of(plan.inventory.jobs)) + ";\n";
    }
    return script + fmt::format("{};\n", postgres::pinned_search_path);
}

} // namespace cloning
