#include "support/migration.hpp"

#include "postgres/quote.hpp"
#include "timescale/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <regex>
#include <set>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace test {

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0')
        throw std::runtime_error(std::string(name) + " is not set; run scripts/test, or: "
                                                     "scripts/servers up; eval \"$(scripts/servers "
                                                     "env)\"");
    return value;
}

/// The URI of another database on the same server.
std::string with_database(const std::string& uri, const std::string& database) {
    const auto query = uri.find('?');
    const auto authority = uri.substr(0, query);
    const auto slash = authority.find('/', authority.find("://") + 3);
    return authority.substr(0, slash) + "/" + database +
           (query == std::string::npos ? "" : uri.substr(query));
}

std::string unique_name() {
    static std::atomic<int> number = 0;
    return fmt::format("backfill_test_{}_{}", getpid(), ++number);
}

std::unique_ptr<postgres::Connection> connect_to(const std::string& uri) {
    return std::make_unique<postgres::Connection>(postgres::ConnectionString(uri, "the test"),
                                                  "test", "backfill test");
}

std::vector<std::string> with_connections(std::vector<std::string> arguments,
                                          const std::string& source_uri,
                                          const std::string& target_uri) {
    static const std::set<std::string> without_source{
        "clean", "import", "jobs", "pause", "report", "resume", "status", "set-parallelism"};
    if (!without_source.contains(arguments.front()))
        arguments.insert(arguments.end(), {"--source", source_uri});
    arguments.insert(arguments.end(), {"--target", target_uri});
    return arguments;
}

/// The hypertables to compare, with their names on that side.
constexpr auto list_hypertables = R"(
    SELECT format('%I.%I', h.schema_name, h.table_name) AS name,
           format('%I.%I', coalesce(c.user_view_schema, h.schema_name),
                           coalesce(c.user_view_name, h.table_name)) AS known_as
    FROM _timescaledb_catalog.hypertable h
    LEFT JOIN _timescaledb_catalog.continuous_agg c ON c.mat_hypertable_id = h.id
    WHERE h.num_dimensions > 0 ORDER BY known_as)";

std::string list_chunks(const std::string& known_as) {
    return fmt::format(R"(
        SELECT string_agg(format('%s [%s, %s)', d.column_name, s.range_start, s.range_end), ' '
                          ORDER BY d.column_name)
               || CASE WHEN ch.status & 1 = 1 THEN ' compressed' ELSE '' END
        FROM _timescaledb_catalog.hypertable h
        LEFT JOIN _timescaledb_catalog.continuous_agg c ON c.mat_hypertable_id = h.id
        JOIN _timescaledb_catalog.chunk ch ON ch.hypertable_id = h.id
        JOIN _timescaledb_catalog.chunk_constraint cc ON cc.chunk_id = ch.id
        JOIN _timescaledb_catalog.dimension_slice s ON s.id = cc.dimension_slice_id
        JOIN _timescaledb_catalog.dimension d ON d.id = s.dimension_id
        WHERE format('%I.%I', coalesce(c.user_view_schema, h.schema_name),
                              coalesce(c.user_view_name, h.table_name)) = {}
        GROUP BY ch.id, ch.status ORDER BY 1)",
                       postgres::quote_literal(known_as));
}

std::string version_of(Database& side) {
    return side.value("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'");
}

/// Removes the warnings about the servers' versions from a command's standard error.
std::string without_version_warnings(const std::string& errors, const Database& source) {
    static const std::regex of_timescaledb(
        "[^\n]*compressed chunks are copied decompressed[^\n]*\n");
    static const std::regex of_hashes("[^\n]*the two servers hash differently[^\n]*\n");
    const auto rest = std::regex_replace(errors, of_timescaledb, "");
    if (!std::regex_search(rest, of_hashes) || PQserverVersion(source.connect()->get()) >= 140000)
        return rest;
    return std::regex_replace(rest, of_hashes, "");
}

} // namespace

Database::Database(const char* variable, const DatabaseOptions& options)
    : Database(environment(variable), options) {}

Database::Database(const TemporaryServer& server) : Database(server.uri(), DatabaseOptions{}) {}

Database::Database(std::string admin_uri, DatabaseOptions options)
    : options_(std::move(options)), name_(unique_name()), admin_uri_(std::move(admin_uri)),
      uri_(with_database(admin_uri_, name_)) {}

void Database::make() const {
    if (connection_)
        return;
    const auto admin = connect_to(admin_uri_);
    const auto templates =
        admin->query("SELECT FROM pg_database WHERE datname = 'template_backfill'").size();
    // A copy of a template has its encoding and locale.
    const bool from_template =
        options_.with_extension && options_.clauses.empty() && templates == 1;
    admin->execute(fmt::format("CREATE DATABASE {} TEMPLATE {} {}", name_,
                               from_template ? "template_backfill" : "template0",
                               options_.clauses));
    if (options_.with_extension && !from_template) {
        const auto connection = connect_to(uri_);
        connection->execute("SET client_min_messages = error");
        connection->execute("CREATE EXTENSION IF NOT EXISTS timescaledb");
    }
    reconnect();
}

Database::~Database() {
    drop();
}

void Database::drop() noexcept {
    if (!connection_)
        return;
    connection_.reset();
    try {
        const auto admin = connect_to(admin_uri_);
        const bool has_force = PQserverVersion(admin->get()) >= 130000;
        if (!has_force)
            admin->execute(fmt::format("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                       "WHERE datname = '{}'",
                                       name_));
        admin->execute(fmt::format("DROP DATABASE {} {}", name_, has_force ? "WITH (FORCE)" : ""));
    } catch (const std::exception& error) {
        fmt::print(stderr, "cannot drop the test's database: {}\n", error.what());
    }
}

std::string Database::uri(const std::string& parameters) const {
    make();
    return uri_ + (uri_.find('?') == std::string::npos ? "?" : "&") + parameters;
}

postgres::Result Database::run(const std::string& sql) {
    make();
    return connection_->execute(sql);
}

std::string Database::value(const std::string& sql) {
    const auto result = run(sql);
    return PQgetvalue(result.get(), 0, 0);
}

std::vector<std::string> Database::rows(const std::string& sql) {
    const auto result = run(sql);
    std::vector<std::string> rows;
    for (int row = 0; row < result.size(); ++row) {
        std::string line;
        for (int field = 0; field < PQnfields(result.get()); ++field) {
            line += field == 0 ? "" : "|";
            line += PQgetisnull(result.get(), row, field) != 0
                        ? "NULL"
                        : PQgetvalue(result.get(), row, field);
        }
        rows.push_back(std::move(line));
    }
    return rows;
}

bool Database::is_community() {
    return value("SHOW timescaledb.license") != "apache";
}

int Database::sessions(const std::string& condition) {
    return std::stoi(value(
        fmt::format("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name LIKE 'timescaledb-backfill%' AND ({})",
                    condition)));
}

std::int64_t Database::blocks_read_of_chunks() {
    run("SELECT pg_stat_force_next_flush(); SELECT pg_stat_clear_snapshot()");
    return std::stoll(value("SELECT coalesce(sum(heap_blks_hit + heap_blks_read), 0) FROM "
                            "pg_statio_user_tables WHERE relname LIKE '\\_hyper%'"));
}

bool Database::has_xml() {
    try {
        run("SELECT '<x/>'::xml");
        return true;
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != "0A000") // feature_not_supported
            throw;
        return false;
    }
}

void Database::reconnect() const {
    connection_ = connect_to(uri_);
    connection_->execute("SET client_min_messages = error; SET TimeZone = 'UTC'");
}

std::unique_ptr<postgres::Connection> Database::connect() const {
    make();
    return connect_to(uri_);
}

Migration::Migration(const TemporaryServer* source_server, const TemporaryServer* target_server)
    : source(source_server == nullptr ? Database("BACKFILL_SOURCE") : Database(*source_server)),
      target(target_server == nullptr ? Database("BACKFILL_TARGET") : Database(*target_server)) {}

void Migration::both(const std::string& sql) {
    source.run(sql);
    target.run(sql);
}

void Migration::clone_schema() {
    const auto pre = "SELECT public.timescaledb_pre_restore();";
    const auto post = "SELECT public.timescaledb_post_restore();";
    // A single psql, so that the settings of pre_restore apply to the dump's statements.
    const auto command =
        fmt::format("( echo '{}'; {} -d '{}' --quote-all-identifiers --no-owner --no-privileges "
                    "--no-tablespaces --exclude-table-data='_timescaledb_internal.*' 2>/dev/null; "
                    "echo '{}' ) | {} -qXAt -v ON_ERROR_STOP=1 -d '{}' >/dev/null",
                    pre, environment("BACKFILL_PG_DUMP"), source.uri(), post,
                    environment("BACKFILL_PSQL"), target.uri());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::unique_ptr<Program> Migration::start(std::vector<std::string> arguments) const {
    source.make();
    target.make();
    return std::make_unique<Program>(
        with_connections(std::move(arguments), way_to_source, way_to_target));
}

Outcome Migration::backfill_in_terminal(int columns, std::vector<std::string> arguments,
                                        const std::vector<std::string>& environment) const {
    source.make();
    target.make();
    auto variables = environment;
    variables.emplace_back("TERM=xterm");
    return Program(with_connections(std::move(arguments), way_to_source, way_to_target), variables,
                   columns)
        .wait();
}

Outcome Migration::backfill_between(const std::string& source_uri, const std::string& target_uri,
                                    std::vector<std::string> arguments) {
    return run_program(with_connections(std::move(arguments), source_uri, target_uri));
}

Outcome Migration::backfill(std::vector<std::string> arguments) const {
    return start(std::move(arguments))->wait();
}

void Migration::interrupt(const Program& program, int signal) {
    program.signal(signal);
    ASSERT_TRUE(eventually([&] { return program.has_warned("finishing the chunks in progress"); }));
}

std::string Migration::backfill_ok(const std::vector<std::string>& arguments) const {
    const auto outcome = backfill(arguments);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(without_version_warnings(outcome.errors, source), "");
    return outcome.output;
}

void Migration::migrate(const std::vector<std::string>& stage_arguments,
                        const std::string& parallelism) const {
    std::vector<std::string> stage{"stage"};
    stage.insert(stage.end(), stage_arguments.begin(), stage_arguments.end());
    backfill_ok(stage);
    backfill_ok({"copy", "--parallelism", parallelism});
}

void Migration::expect_equal(const std::string& condition) {
    const auto sources = source.run(list_hypertables);
    const auto targets = target.run(list_hypertables);
    ASSERT_EQ(sources.size(), targets.size());
    ASSERT_GT(sources.size(), 0);
    for (int i = 0; i < sources.size(); ++i) {
        const auto known_as = sources.string(i, "known_as");
        SCOPED_TRACE(known_as);
        ASSERT_EQ(known_as, targets.text(i, "known_as"));
        // By column name, because the order may differ.
        const auto columns = source.value(fmt::format(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE "
            "attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped",
            sources.text(i, "name")));
        const auto rows = [&](Database& database, std::string_view table) {
            // Sort here because the servers' collations may differ.
            auto texts = database.rows(fmt::format(
                "SELECT t::text FROM (SELECT {} FROM {} WHERE {}) t", columns, table, condition));
            std::ranges::sort(texts);
            return texts;
        };
        EXPECT_EQ(rows(source, sources.text(i, "name")), rows(target, targets.text(i, "name")));
        EXPECT_EQ(source.rows(list_chunks(known_as)), target.rows(list_chunks(known_as)));
    }
}

void Migration::expect_equal_rows(const std::string& table, const std::string& condition) {
    const auto sql = fmt::format("SELECT t::text FROM {} t WHERE {} ORDER BY 1", table, condition);
    EXPECT_EQ(source.rows(sql), target.rows(sql));
}

bool Migration::program_waits(Database& database) {
    return database.value(fmt::format(
               "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND "
               "application_name LIKE 'timescaledb-backfill%' AND {})",
               waits_for_lock)) == "t";
}

std::vector<std::string> Migration::chunks_of(Database& database, const std::string& hypertable) {
    return database.rows(fmt::format(
        "SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks "
        "WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = {}::regclass "
        "ORDER BY range_start, range_start_integer",
        postgres::quote_literal(hypertable)));
}

Outcome Migration::backfill_while(Database& locked, const std::string& lock,
                                  const std::vector<std::string>& arguments,
                                  const std::function<void(postgres::Connection&)>& change) {
    const auto holder = locked.connect();
    holder->execute("SET search_path = public; BEGIN; " + lock);
    const auto program = start(arguments);
    EXPECT_TRUE(eventually([&] { return program_waits(locked); }));
    change(*holder);
    holder->execute("COMMIT");
    return program->wait();
}

std::string Migration::waits_since(Database& database) {
    return database.value("SELECT max(waitstart) FROM pg_locks WHERE NOT granted AND database = "
                          "(SELECT oid FROM pg_database WHERE datname = current_database())");
}

bool Migration::is_community() {
    // Avoid creating a database for a test that is skipped.
    const char* edition = std::getenv("BACKFILL_TIMESCALEDB_EDITION");
    if (edition != nullptr && *edition != '\0')
        return edition == std::string_view("community");
    return source.is_community() && target.is_community();
}

bool Migration::version_at_least(Database& side, int major, int minor, int patch) {
    return timescale::parse_version(version_of(side)) >= timescale::Version{major, minor, patch};
}

bool Migration::is_same_version() {
    return version_of(source) == version_of(target);
}

int rounds(int number) {
    const char* times = std::getenv("BACKFILL_TEST_ROUNDS");
    const double factor = times != nullptr && *times != '\0' ? std::stod(times) : 1;
    return std::max(1, static_cast<int>(number * factor));
}

bool eventually(const std::function<bool()>& condition, double seconds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

} // namespace test
