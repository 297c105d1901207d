#include "support/migration.hpp"

#include "postgres/quote.hpp"
#include "timescale/server.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
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

/// The same server's URI with another database.
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

/// The hypertables whose rows are compared, by the names that they have on that side.
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

} // namespace

Database::Database(const char* variable, bool with_extension)
    : name_(unique_name()), admin_uri_(environment(variable)),
      uri_(with_database(admin_uri_, name_)) {
    const auto admin = connect_to(admin_uri_);
    const auto templates =
        admin->query("SELECT FROM pg_database WHERE datname = 'template_backfill'").size();
    const bool from_template = with_extension && templates == 1;
    admin->execute(fmt::format("CREATE DATABASE {} TEMPLATE {}", name_,
                               from_template ? "template_backfill" : "template0"));
    connection_ = connect_to(uri_);
    if (with_extension && !from_template)
        connection_->execute("CREATE EXTENSION IF NOT EXISTS timescaledb");
    connection_->execute("SET client_min_messages = error; SET TimeZone = 'UTC'");
}

Database::~Database() {
    connection_.reset();
    try {
        connect_to(admin_uri_)->execute(fmt::format("DROP DATABASE {} WITH (FORCE)", name_));
    } catch (const std::exception& error) {
        fmt::print(stderr, "cannot drop the test's database: {}\n", error.what());
    }
}

std::string Database::uri(const std::string& parameters) const {
    return uri_ + (uri_.find('?') == std::string::npos ? "?" : "&") + parameters;
}

postgres::Result Database::run(const std::string& sql) {
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

std::unique_ptr<postgres::Connection> Database::connect() const {
    return connect_to(uri_);
}

void Migration::both(const std::string& sql) {
    source.run(sql);
    target.run(sql);
}

void Migration::clone_schema() {
    const auto pre = "SELECT public.timescaledb_pre_restore();";
    const auto post = "SELECT public.timescaledb_post_restore();";
    // One psql, so that the settings of pre_restore reach the dump's statements.
    const auto command =
        fmt::format("( echo '{}'; {} -d '{}' --quote-all-identifiers --no-owner --no-privileges "
                    "--no-tablespaces --exclude-table-data='_timescaledb_internal.*' 2>/dev/null; "
                    "echo '{}' ) | {} -qXAt -v ON_ERROR_STOP=1 -d '{}' >/dev/null",
                    pre, environment("BACKFILL_PG_DUMP"), source.uri(), post,
                    environment("BACKFILL_PSQL"), target.uri());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::unique_ptr<Program> Migration::start(std::vector<std::string> arguments) const {
    if (arguments.front() != "clean")
        arguments.insert(arguments.end(), {"--source", source.uri()});
    arguments.insert(arguments.end(), {"--target", target.uri()});
    return std::make_unique<Program>(arguments);
}

Outcome Migration::backfill(std::vector<std::string> arguments) const {
    return start(std::move(arguments))->wait();
}

std::string Migration::backfill_ok(const std::vector<std::string>& arguments) const {
    const auto outcome = backfill(arguments);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
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
        // By column name, for the order may differ.
        const auto columns = source.value(fmt::format(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE "
            "attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped",
            sources.text(i, "name")));
        const auto rows = [&](Database& database, std::string_view table) {
            return database.rows(fmt::format("SELECT t::text FROM (SELECT {} FROM {} WHERE {}) t "
                                             "ORDER BY 1",
                                             columns, table, condition));
        };
        EXPECT_EQ(rows(source, sources.text(i, "name")), rows(target, targets.text(i, "name")));
        EXPECT_EQ(source.rows(list_chunks(known_as)), target.rows(list_chunks(known_as)));
    }
}

void Migration::expect_equal_rows(const std::string& table, const std::string& condition) {
    const auto sql = fmt::format("SELECT t::text FROM {} t WHERE {} ORDER BY 1", table, condition);
    EXPECT_EQ(source.rows(sql), target.rows(sql));
}

bool Migration::is_community() {
    return environment("BACKFILL_TIMESCALEDB_EDITION") == "community";
}

bool Migration::version_at_least(int major, int minor) {
    return timescale::parse_version(environment("BACKFILL_TIMESCALEDB_VERSION")) >=
           timescale::Version{major, minor, 0};
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
