#include "postgres/session.hpp"

#include "postgres/quote.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

namespace postgres {

namespace {

const std::string& number_of_process() {
    static const auto number = fmt::format("{:08x}", std::random_device{}());
    return number;
}

/// The custom setting that shows that the start-up packet has reached the server process.
constexpr auto mark = "timescaledb_backfill.pinned";

/// The settings that not every server has or that not every role may change. Includes search_path,
/// so that its default remains the role's own (own_search_path).
Settings further_settings(const Connection& connection) {
    Settings settings{
        // how names resolve: never to objects in schemas where others may create objects
        {"search_path", "pg_catalog, pg_temp"},
    };
    if (PQserverVersion(connection.get()) >= 170000)
        settings.push_back({"transaction_timeout", "0"});
    // libpq sends these separately, and the server applies them after the options
    // (process_startup_options in PostgreSQL's src/backend/utils/init/postinit.c).
    if (std::getenv("PGTZ") != nullptr)
        settings.push_back({"TimeZone", "UTC"});
    if (std::getenv("PGDATESTYLE") != nullptr)
        settings.push_back({"DateStyle", "ISO, YMD"});
    const char* is_superuser = PQparameterStatus(connection.get(), "is_superuser");
    if (is_superuser != nullptr && std::string_view(is_superuser) == "on") {
        // the session that waits for this long first fails in a deadlock; this must be ours
        settings.push_back({"deadlock_timeout", "10"});
        // which triggers fire, including those of foreign keys
        settings.push_back({"session_replication_role", "origin"});
        settings.push_back({"timescaledb.restoring", "off"});
    }
    return settings;
}

/// Sets the settings that the server knows.
/// \param process only in the server process of this number.
Statement set_config_statement(const Settings& settings, std::optional<int> process) {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (const auto& [name, value] : settings) {
        names.push_back(name);
        values.push_back(value);
    }
    return {"SELECT pg_catalog.set_config(name, value, false) "
            "FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), "
            "pg_catalog.unnest($2::pg_catalog.text[])) "
            "AS setting (name, value) "
            "WHERE (pg_catalog.current_setting(name, true) IS NOT NULL "
            "OR name OPERATOR(pg_catalog.=) $4) "
            "AND ($3::pg_catalog.int4 IS NULL "
            "OR pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) $3::pg_catalog.int4)",
            {array_literal(names), array_literal(values),
             process ? Parameter(std::to_string(*process)) : std::nullopt, mark}};
}

} // namespace

std::string application_name(std::string_view purpose) {
    return fmt::format("timescaledb-backfill {} {}", purpose, number_of_process());
}

Settings session_settings(Access access, Library library) {
    Settings settings{
        // how long statements and transactions may take
        {"statement_timeout", "0"},
        {"lock_timeout", "0"},
        {"idle_in_transaction_session_timeout", "0"},
        {"idle_session_timeout", "0"},
        // how soon the server notices a lost client and releases its locks
        {"tcp_keepalives_idle", "30"},
        {"tcp_keepalives_interval", "10"},
        {"tcp_keepalives_count", "3"},
        {"tcp_user_timeout", "60000"},
        {"client_connection_check_interval", "10000"},
        // how values are written and read
        {"DateStyle", "ISO, YMD"},
        {"IntervalStyle", "postgres"},
        {"TimeZone", "UTC"},
        {"timezone_abbreviations", "Default"},
        {"extra_float_digits", "3"},
        {"bytea_output", "hex"},
        {"standard_conforming_strings", "on"},
        {"quote_all_identifiers", "off"},
        {"lc_monetary", "C"},
        // the properties of transactions
        {"default_transaction_read_only", access == Access::read_only ? "on" : "off"},
        {"default_transaction_isolation", "read committed"},
        {"default_transaction_deferrable", "off"},
        // rows that a policy would hide cause an error instead of being skipped silently
        {"row_security", "off"},
        // any message during COPY FROM STDIN must be an error (src/postgres/copy.cpp)
        {"client_min_messages", "error"},
        {"jit", "off"},
        // prepared statements run many times, and planning costs more than execution
        {"plan_cache_mode", "force_generic_plan"},
        // loaded rows are read back with the planner's default (sql/run/read_back.sql)
        {"constraint_exclusion", "partition"},
        {"default_table_access_method", "heap"},
        {mark, "on"},
    };
    if (library == Library::left_out) {
        // extension_check in TimescaleDB's src/loader/loader.c; every role may set it
        settings.push_back({"timescaledb.disable_load", "on"});
        return settings;
    }
    // Rows stay where COPY puts them, and reading a chunk includes its compressed batches. Settings
    // with a prefix can be set before the library that defines them is loaded.
    for (const auto* name : {"enable_optimizations", "enable_constraint_exclusion",
                             "enable_chunk_append", "enable_sparse_index_bloom"})
        settings.push_back({std::string("timescaledb.") + name, "on"}); // as constraint_exclusion
    // New chunks get entries in chunk_column_stats. Without an entry, queries that filter by a
    // column with chunk skipping miss the chunk (ts_chunk_column_stats_insert in TimescaleDB's
    // src/ts_catalog/chunk_column_stats.c).
    settings.push_back({"timescaledb.enable_chunk_skipping", "on"});
    settings.push_back({"timescaledb.enable_columnarscan", "on"});
    settings.push_back({"timescaledb.enable_dml_decompression", "on"});
    settings.push_back({"timescaledb.enable_direct_compress_copy", "off"});
    settings.push_back({"timescaledb.enable_direct_compress_insert", "off"});
    settings.push_back({"timescaledb.default_hypercore_use_access_method", "off"});
    settings.push_back({"timescaledb.enable_transparent_decompression", "on"});
    settings.push_back({"timescaledb.max_tuples_decompressed_per_dml_transaction", "0"});
    return settings;
}

std::vector<Statement> pinning_statements(const Connection& connection, const Settings& settings,
                                          std::optional<int> process) {
    std::vector<Statement> statements;
    auto rest = further_settings(connection);
    if (connection.sent_settings()) {
        statements.push_back(
            {fmt::format("SELECT pg_catalog.current_setting('{}', true) AS mark", mark)});
    } else {
        // Set this first and separately because a short timeout could end the statements that
        // follow.
        statements.push_back(set_config_statement({{"statement_timeout", "0"}}, process));
        rest.insert(rest.begin(), settings.begin(), settings.end());
    }
    if (!rest.empty())
        statements.push_back(set_config_statement(rest, process));
    return statements;
}

bool is_pinned(const Connection& connection, const std::vector<Result>& results) {
    return !connection.sent_settings() || !results.front().is_null(0, "mark");
}

std::vector<Result> pin_session(Connection& connection, const Settings& settings,
                                const std::vector<Statement>& statements) {
    for (;;) {
        auto all = pinning_statements(connection, settings);
        const auto own = static_cast<std::ptrdiff_t>(all.size());
        all.insert(all.end(), statements.begin(), statements.end());
        auto results = connection.pipeline(all);
        if (is_pinned(connection, results)) {
            results.erase(results.begin(), results.begin() + own);
            return results;
        }
        connection.note_lost_settings();
    }
}

Statement guard_statement(int process) {
    return {"SELECT 1 OPERATOR(pg_catalog./) CASE WHEN pg_catalog.pg_backend_pid() "
            "OPERATOR(pg_catalog.=) $1::pg_catalog.int4 "
            "AND pg_catalog.current_setting($2, true) IS NOT NULL THEN 1 ELSE 0 END",
            {std::to_string(process), mark}};
}

Statement backend_statement() {
    return {"SELECT pid, backend_start "
            "FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())"};
}

Backend backend_from(const Result& row) {
    return {.pid = row.integer(0, "pid"), .start = row.string(0, "backend_start")};
}

BackendState look_at(Connection& other, const Backend& backend) {
    // With track_activities off, the server reports the same state for all backends.
    const auto row = other.query("SELECT state NOT LIKE 'idle%' AND wait_event_type IS DISTINCT "
                                 "FROM 'Client' AS works FROM pg_stat_activity "
                                 "WHERE pid = $1::int AND backend_start = $2::timestamptz",
                                 {std::to_string(backend.pid), backend.start});
    if (row.empty())
        return BackendState::gone;
    return row.boolean(0, "works") ? BackendState::works : BackendState::waits_for_client;
}

std::string lower_statement(std::string_view setting, int value) {
    return fmt::format("SELECT set_config('{0}', least({1}, current_setting('{0}')::int)::text, "
                       "true)",
                       setting, value);
}

void terminate(Connection& other, const std::vector<Backend>& backends) {
    const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    for (const auto& backend : backends)
        while (!other
                    .query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                           "WHERE pid = $1::int AND backend_start = $2::timestamptz",
                           {std::to_string(backend.pid), backend.start})
                    .empty() &&
               std::chrono::steady_clock::now() < last)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

void terminate_others(Connection& connection) {
    connection.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                     "WHERE pid <> pg_backend_pid() AND usename = current_user "
                     "AND datname = current_database() AND application_name LIKE $1",
                     {application_name("%")});
}

} // namespace postgres
