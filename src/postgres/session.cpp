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

/// What shows whether the start-up packet has reached the server process.
constexpr auto mark = "timescaledb_backfill.pinned";

/// The settings that not every server has, or that not everybody may make; and search_path, so that
/// its default stays the role's own (own_search_path).
Settings further_settings(const Connection& connection) {
    Settings settings{
        // what names mean: nothing in a schema that others may create objects in is ever found
        {"search_path", "pg_catalog, pg_temp"},
    };
    if (PQserverVersion(connection.get()) >= 170000)
        settings.push_back({"transaction_timeout", "0"});
    // libpq sends these by themselves, and the server takes them after the options
    // (process_startup_options in PostgreSQL's src/backend/utils/init/postinit.c).
    if (std::getenv("PGTZ") != nullptr)
        settings.push_back({"TimeZone", "UTC"});
    if (std::getenv("PGDATESTYLE") != nullptr)
        settings.push_back({"DateStyle", "ISO, YMD"});
    const char* is_superuser = PQparameterStatus(connection.get(), "is_superuser");
    if (is_superuser != nullptr && std::string_view(is_superuser) == "on") {
        // who fails in a deadlock: whoever's wait has lasted for this long first, which is to be us
        settings.push_back({"deadlock_timeout", "10"});
        // which triggers fire, those of foreign keys among them
        settings.push_back({"session_replication_role", "origin"});
        settings.push_back({"timescaledb.restoring", "off"});
    }
    return settings;
}

/// Makes settings, but for those that the server does not know.
/// \param process only in the server process of this number.
Statement making_statement(const Settings& settings, std::optional<int> process) {
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
        // how long it may take
        {"statement_timeout", "0"},
        {"lock_timeout", "0"},
        {"idle_in_transaction_session_timeout", "0"},
        {"idle_session_timeout", "0"},
        // how soon the server notices that we are gone, and gives free what we had locked
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
        // what transactions are
        {"default_transaction_read_only", access == Access::read_only ? "on" : "off"},
        {"default_transaction_isolation", "read committed"},
        {"default_transaction_deferrable", "off"},
        // rows that a policy would hide are an error, never left out in silence
        {"row_security", "off"},
        // in COPY FROM STDIN whatever the server says is an error (src/postgres/copy.cpp)
        {"client_min_messages", "error"},
        {"jit", "off"},
        // what is prepared is run many times, and planning it costs more than running it
        {"plan_cache_mode", "force_generic_plan"},
        // what was loaded is looked at as the planner usually would (sql/load/read_back.sql)
        {"constraint_exclusion", "partition"},
        {"default_table_access_method", "heap"},
        {mark, "on"},
    };
    if (library == Library::left_out) {
        // extension_check in TimescaleDB's src/loader/loader.c; anybody may set it
        settings.push_back({"timescaledb.disable_load", "on"});
        return settings;
    }
    // Rows go where COPY puts them, and reading a chunk reads its compressed batches too. A name of
    // this kind may be set before its library is there to know it.
    for (const auto* name : {"enable_optimizations", "enable_constraint_exclusion",
                             "enable_chunk_append", "enable_sparse_index_bloom"})
        settings.push_back({std::string("timescaledb.") + name, "on"}); // as constraint_exclusion
    // Chunks that are made are entered into chunk_column_stats, without which filters by a column
    // that chunks are skipped by miss them (ts_chunk_column_stats_insert in TimescaleDB's
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
        // By itself and first: what comes after it is what a short timeout could end.
        statements.push_back(making_statement({{"statement_timeout", "0"}}, process));
        rest.insert(rest.begin(), settings.begin(), settings.end());
    }
    if (!rest.empty())
        statements.push_back(making_statement(rest, process));
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
