#include "support/fault_migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>

namespace test {

namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int gate = 42;

constexpr auto create_tables = R"(
    CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, body text NOT NULL);
    ALTER TABLE readings ALTER body SET STORAGE PLAIN;
    CREATE INDEX ON readings (device, time);
    SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day');
    CREATE TABLE archive (time timestamptz NOT NULL, device int NOT NULL, value float8);
    SELECT create_hypertable('archive', 'time', chunk_time_interval => interval '1 day');
    CREATE TABLE ticks (time timestamptz NOT NULL, value int);
    SELECT create_hypertable('ticks', 'time', chunk_time_interval => interval '1 hour'))";

constexpr auto set_compression = R"(
    ALTER TABLE archive SET (timescaledb.compress, timescaledb.compress_segmentby = 'device',
                             timescaledb.compress_orderby = 'time'))";

/// The rows of a range of chunks, which are numbered from 0.
std::string readings(int from, int to) {
    return fmt::format("SELECT '2024-01-01'::timestamptz + c * interval '1 day' + i * interval "
                       "'50 s', i % 4 + 1, repeat(md5(c || '.' || i), 100) "
                       "FROM generate_series({}, {}) c, generate_series(1, 1500) i",
                       from, to);
}

std::string archive(int from, int to) {
    return fmt::format("SELECT '2024-01-01'::timestamptz + c * interval '1 day' + i * interval "
                       "'40 s', i % 4 + 1, i FROM generate_series({}, {}) c, "
                       "generate_series(1, 2000) i",
                       from, to);
}

std::string ticks(int from, int to) {
    return fmt::format("SELECT '2024-01-01'::timestamptz + c * interval '1 hour' + i * interval "
                       "'1 min', i FROM generate_series({}, {}) c, generate_series(0, c) i",
                       from, to);
}

} // namespace

void FaultMigration::SetUp() {
    both(create_tables);
    if (is_community())
        both(set_compression);
    source.run("INSERT INTO readings " + readings(0, reading_chunks - 1));
    source.run("INSERT INTO archive " + archive(0, archive_chunks - 1));
    source.run("INSERT INTO ticks " + ticks(0, tick_chunks - 1));
    if (is_community())
        source.run("SELECT compress_chunk(show_chunks('archive'))");
    for (const auto* table : {"readings", "archive", "ticks"}) {
        source.run(fmt::format("GRANT SELECT ON {} TO {}", table, reader));
        target.run(fmt::format("ALTER TABLE {} OWNER TO {}", table, owner));
    }
    // The second privilege is needed to create compressed tables.
    target.run(fmt::format("GRANT CREATE ON DATABASE {0} TO {1}; "
                           "GRANT CREATE ON SCHEMA _timescaledb_internal TO {1}",
                           target.name(), owner));
    way_to_source = to_source.uri(source_role.uri());
    way_to_target = to_target.uri(target_role.uri());
    start_over();
}

void FaultMigration::start_over() {
    to_source.cancel_faults();
    to_target.cancel_faults();
    target.run("DROP SCHEMA IF EXISTS __backfill CASCADE");
    for (const auto* table : {"readings", "archive", "ticks"})
        target.run(fmt::format("SELECT drop_chunks('{}', older_than => '2100-01-01'::timestamptz)",
                               table));
    // Create empty chunks, and chunks whose rows are replaced.
    target.run("INSERT INTO ticks " + ticks(0, 30) + "; DELETE FROM ticks");
    target.run("INSERT INTO readings " + readings(1, 1) + "; DELETE FROM readings");
    for (const auto* table : {"readings", "ticks"})
        target.run(fmt::format("VACUUM {}", table));
    target.run("INSERT INTO readings SELECT time, -1, body FROM (" + readings(2, 2) +
               " LIMIT 100) AS stale (time, device, body)");
    target.run("INSERT INTO archive SELECT time, 1, -1 FROM (" + archive(1, 1) +
               ") AS stale (time)");
    if (is_community())
        target.run("SELECT compress_chunk(show_chunks('archive'))");
    backfill_ok({"stage", "--until", "2100-01-01"});
}

std::unique_ptr<Program> FaultMigration::start_copy(const std::vector<std::string>& options) const {
    return start_with_workers("copy", options);
}

std::unique_ptr<Program>
FaultMigration::start_with_workers(const std::string& command,
                                   const std::vector<std::string>& options) const {
    std::vector<std::string> words{command, "--parallelism", "3"};
    words.insert(words.end(), options.begin(), options.end());
    return start(words);
}

Outcome FaultMigration::wait_for_end(Program& program) {
    if (!eventually([&] { return program.has_ended(); }, 90)) {
        ADD_FAILURE() << "the program does not end";
        program.signal(SIGKILL);
    }
    return program.wait();
}

std::string FaultMigration::finished_tasks() {
    return target.value("SELECT count(worked) FROM __backfill.task");
}

void FaultMigration::expect_all_finished() {
    EXPECT_THAT(target.rows("SELECT chunk_name, error FROM __backfill.task WHERE worked IS NULL"),
                IsEmpty());
    // Rows within batches are not counted.
    EXPECT_EQ(
        target.value("SELECT sum(rows_copied) FROM __backfill.task WHERE target_name IN "
                     "('readings', 'ticks')"),
        source.value("SELECT (SELECT count(*) FROM readings) + (SELECT count(*) FROM ticks)"));
}

void FaultMigration::expect_recovered() {
    to_source.cancel_faults();
    to_target.cancel_faults();
    constexpr int most_runs = 5;
    int runs = 0;
    do {
        const auto outcome = wait_for_end(*start_copy());
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    } while (finished_tasks() != std::to_string(chunks) && ++runs < most_runs);
    expect_all_finished();
    expect_equal();
    expect_no_session_left();
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("tasks were finished"));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')"), "");
    EXPECT_THAT(target.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND (relname LIKE "
                            "'staging%' OR relname LIKE 'compress\\_backfill%' AND oid NOT IN "
                            "(SELECT compress_relid FROM _timescaledb_catalog.compression_settings "
                            "WHERE compress_relid IS NOT NULL))"),
                IsEmpty());
}

void FaultMigration::expect_no_session_left() {
    EXPECT_TRUE(eventually([&] { return source.sessions() + target.sessions() == 0; }))
        << "source " << source.sessions() << ", target " << target.sessions();
}

int FaultMigration::terminate(Database& server, const std::string& which) {
    return std::stoi(server.value(
        fmt::format("SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM "
                    "pg_stat_activity WHERE datname = current_database() AND application_name LIKE "
                    "'timescaledb-backfill%' {}) AS chosen OFFSET 0) AS terminated",
                    which)));
}

void FaultMigration::add_gate(const std::string& table, const std::string& device) {
    target.run(fmt::format(
        "CREATE FUNCTION gate(device int) RETURNS bool LANGUAGE plpgsql IMMUTABLE "
        "SET lock_timeout = 0 AS $$ BEGIN "
        "IF device = 4 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared({}); END IF; "
        "RETURN true; END $$; ALTER TABLE {} ADD CONSTRAINT gate CHECK (gate({}))",
        gate, table, device));
}

std::unique_ptr<postgres::Connection> FaultMigration::shut_gate() {
    auto holder = target.connect();
    holder->execute(fmt::format("SELECT pg_advisory_lock({})", gate));
    return holder;
}

void FaultMigration::expect_waiting_at_gate(int number) {
    EXPECT_TRUE(eventually([&] { return target.sessions("wait_event = 'advisory'") == number; }));
}

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        if (line.find(part) != std::string::npos)
            lines.push_back(line);
    return lines;
}

std::uint32_t random_seed() {
    const char* seed = std::getenv("BACKFILL_TEST_SEED");
    return seed == nullptr ? std::random_device{}() : static_cast<std::uint32_t>(std::stoul(seed));
}

} // namespace test
