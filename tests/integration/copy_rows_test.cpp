// `copy` of uncompressed rows, on every edition.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class CopyRows : public Migration {
  protected:
    /// Creates the table on both sides, and inserts ten days of readings into the source: every ten
    /// minutes from four devices.
    void create_readings() {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value float8);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, d, d + extract(hour FROM t) FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-10 23:50', '10 min') t, "
                   "generate_series(1, 4) d; ANALYZE readings");
    }
};

TEST_F(CopyRows, CreatesAbsentChunks) {
    create_readings();
    migrate({"--until", "2024-01-11"});
    expect_equal();
}

TEST_F(CopyRows, FillsTheEmptyChunksOfADumpedSchema) {
    NEEDS_SAME_VERSION();
    create_readings();
    target.run("DROP TABLE readings");
    clone_schema();
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "10");
    migrate({"--until", "2024-01-11"});
    expect_equal();
}

TEST_F(CopyRows, ReplacesTheTargetsRowsInTheRange) {
    create_readings();
    target.run("INSERT INTO readings SELECT t, 99, 0 FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-10', '1 hour') t");
    migrate({"--until", "2024-01-11"});
    expect_equal();
}

TEST_F(CopyRows, CopyingTwiceDuplicatesNoRows) {
    create_readings();
    migrate({"--until", "2024-01-11"});
    backfill_ok({"clean"});
    migrate({"--until", "2024-01-11"});
    expect_equal();
}

TEST_F(CopyRows, KeepsRowsOutsideTheBounds) {
    create_readings();
    target.run("INSERT INTO readings SELECT t, 99, 0 FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-10', '1 hour') t");
    const auto outside = "time < '2024-01-03 06:00' OR time >= '2024-01-05 12:00'";
    const auto rows = fmt::format("SELECT * FROM readings WHERE {} ORDER BY 1, 2", outside);
    const auto before = target.rows(rows);
    migrate({"--from", "2024-01-03T06:00:00", "--until", "2024-01-05T12:00:00"});
    EXPECT_EQ(target.rows(rows), before);
    expect_equal_rows("readings", "time >= '2024-01-03 06:00' AND time < '2024-01-05 12:00'");
}

TEST_F(CopyRows, CopiesDisjointRangesOfOneChunkWithoutTheRowsBetween) {
    create_readings();
    target.run("INSERT INTO readings VALUES ('2024-01-02 12:00', 99, 0)");
    backfill_ok({"stage", "--from", "2024-01-02", "--until", "2024-01-02T06:00"});
    backfill_ok({"stage", "--from", "2024-01-02T18:00", "--until", "2024-01-03"});
    backfill_ok({"copy"});
    expect_equal_rows("readings", "time >= '2024-01-02' AND time < '2024-01-02 06:00'");
    expect_equal_rows("readings", "time >= '2024-01-02 18:00' AND time < '2024-01-03'");
    EXPECT_THAT(target.rows("SELECT device FROM readings WHERE time >= '2024-01-02 06:00' AND "
                            "time < '2024-01-02 18:00'"),
                testing::ElementsAre("99"));
}

TEST_F(CopyRows, SupportsEveryKindOfTimeColumn) {
    for (const std::string type : {"smallint", "integer", "bigint"}) {
        both(fmt::format("CREATE TABLE by_{0} (tick {0} NOT NULL, value int);"
                         "SELECT create_hypertable('by_{0}', 'tick', chunk_time_interval => 10)",
                         type));
        source.run(
            fmt::format("INSERT INTO by_{} SELECT g, g FROM generate_series(-35, 44) g", type));
    }
    for (const std::string type : {"date", "timestamp", "timestamptz"}) {
        both(fmt::format("CREATE TABLE by_{0} (time {0} NOT NULL, value int);"
                         "SELECT create_hypertable('by_{0}', 'time', chunk_time_interval => "
                         "interval '7 days')",
                         type));
        source.run(fmt::format("INSERT INTO by_{} SELECT t, 1 FROM "
                               "generate_series('1969-12-01'::timestamp, '1970-02-01', '6 h') t",
                               type));
    }
    migrate({"--filter", "by_.*int", "--from", "-33", "--until", "-5"});
    migrate({"--filter", "by_(date|timestamp)", "--from", "1969-12-10T07:00", "--until",
             "1970-01-20T12:00"});
    for (const std::string type : {"smallint", "integer", "bigint"}) {
        SCOPED_TRACE(type);
        expect_equal_rows("by_" + type, "tick >= -33 AND tick < -5");
        EXPECT_EQ(target.value("SELECT count(*) FROM by_" + type), "28");
    }
    for (const std::string type : {"date", "timestamp", "timestamptz"}) {
        SCOPED_TRACE(type);
        const auto inside = "time >= '1969-12-10 07:00'::timestamp AND "
                            "time < '1970-01-20 12:00'::timestamp";
        expect_equal_rows("by_" + type, inside);
        EXPECT_EQ(
            target.value(fmt::format("SELECT count(*) FROM by_{} WHERE NOT ({})", type, inside)),
            "0");
    }
}

TEST_F(CopyRows, SupportsSpaceDimensions) {
    both(
        "CREATE TABLE cpu (time timestamptz NOT NULL, host text, load float8);"
        "SELECT create_hypertable('cpu', 'time', 'host', 4, chunk_time_interval => interval '1 day')");
    source.run("INSERT INTO cpu SELECT t, CASE WHEN h < 10 THEN 'host' || h END, h FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-05', '1 hour') t, "
               "generate_series(1, 10) h");
    migrate({"--until", "2024-01-04T12:00"});
    expect_equal_rows("cpu", "time < '2024-01-04 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM cpu WHERE time >= '2024-01-04 12:00'"), "0");
}

TEST_F(CopyRows, LoadsThroughTheHypertableIfTheTargetsChunksHaveOtherSlices) {
    create_readings();
    target.run("SELECT set_chunk_time_interval('readings', interval '7 days');"
               // rows to replace, and an existing chunk
               "INSERT INTO readings SELECT t, 99, 0 FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-20', '1 hour') t");
    migrate({"--until", "2024-01-05T12:00:00"});
    expect_equal_rows("readings", "time < '2024-01-05 12:00'");
    EXPECT_EQ(target.value("SELECT count(DISTINCT device) FROM readings WHERE time >= '2024-01-05 "
                           "12:00'"),
              "1");
}

TEST_F(CopyRows, SupportsATimePartitioningFunction) {
    both("CREATE FUNCTION time_of(jsonb) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT "
         "to_timestamp(($1 ->> 't')::float8) $$;"
         "CREATE TABLE event (payload jsonb NOT NULL)");
    const auto create =
        "SELECT create_hypertable('event', 'payload', time_partitioning_func => "
        "'time_of', chunk_time_interval => interval '{}', create_default_indexes => "
        "false)";
    source.run(fmt::format(fmt::runtime(create), "1 day"));
    target.run(fmt::format(fmt::runtime(create), "7 days"));
    source.run("INSERT INTO event SELECT jsonb_build_object('t', 1451606400 + i * 3600) FROM "
               "generate_series(0, 99) i");
    target.run("INSERT INTO event VALUES (jsonb_build_object('t', 1451606400))");
    migrate({"--until", "2016-01-04T12:00"});
    expect_equal_rows("event", "time_of(payload) < '2016-01-04 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM event"), "84");
}

TEST_F(CopyRows, LoadsThroughTheHypertableIfTheTargetHasOtherDimensions) {
    source.run("CREATE TABLE cpu (time timestamptz NOT NULL, host text, load float8);"
               "SELECT create_hypertable('cpu', 'time', 'host', 3)");
    target.run("CREATE TABLE cpu (time timestamptz NOT NULL, host text, load float8);"
               "SELECT create_hypertable('cpu', 'time', chunk_time_interval => interval '3 days');"
               "INSERT INTO cpu VALUES ('2024-01-02', 'stale', 1), ('2024-01-02', NULL, 2)");
    source.run("INSERT INTO cpu SELECT t, CASE WHEN h < 10 THEN 'host' || h END, h FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-15', '3 hours') t, "
               "generate_series(1, 10) h");
    migrate({"--until", "2024-01-20"});
    expect_equal_rows("cpu");
}

TEST_F(CopyRows, MatchesColumnsByNameIncludingGeneratedAndIdentityColumns) {
    source.run(
        "CREATE TABLE odd (gone int, time timestamptz NOT NULL, "
        "id bigint GENERATED ALWAYS AS IDENTITY, \"Two \"\"words\" text, x int, "
        "twice int GENERATED ALWAYS AS (x * 2) STORED);"
        "SELECT create_hypertable('odd', 'time', chunk_time_interval => interval '1 day');"
        "INSERT INTO odd (gone, time, x) VALUES (1, '2024-01-01', 1);"
        "ALTER TABLE odd DROP COLUMN gone; ALTER TABLE odd ADD COLUMN late text;"
        "INSERT INTO odd (time, \"Two \"\"words\", x, late) SELECT t, E'a\\tb\\n', 5, '' FROM "
        "generate_series('2024-01-01'::timestamptz, '2024-01-03', '1 hour') t");
    target.run("CREATE TABLE odd (late text, twice int GENERATED ALWAYS AS (x * 2) STORED, x int, "
               "also_gone text, time timestamptz NOT NULL, \"Two \"\"words\" text, "
               "id bigint GENERATED ALWAYS AS IDENTITY);"
               "SELECT create_hypertable('odd', 'time', chunk_time_interval => interval '1 day');"
               "ALTER TABLE odd DROP COLUMN also_gone");
    migrate({"--until", "2024-02-01"});
    expect_equal();
    EXPECT_EQ(target.value("SELECT count(*) FROM odd WHERE twice <> x * 2"), "0");
}

TEST_F(CopyRows, CopiesTypesWithoutAPortableBinaryFormatAsText) {
    // Objects in another order, so that their OIDs differ.
    target.run("CREATE TABLE elsewhere (i int); CREATE TYPE unrelated AS ENUM ('u')");
    both("CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE TYPE pair AS (m mood, n int);"
         "CREATE TABLE named (i int);"
         "CREATE TABLE types (time timestamptz NOT NULL, acl aclitem, ref regclass, moods mood[], "
         "p pair, m mood, line text);"
         "SELECT create_hypertable('types', 'time', chunk_time_interval => interval '1 day')");
    source.run(
        "INSERT INTO types SELECT t, makeaclitem(10, 10, 'SELECT', false), "
        "'public.named'::regclass, '{calm,wild}', '(wild,3)', 'calm', E'a\\tb\\nc\\\\N' FROM "
        "generate_series('2024-01-01'::timestamptz, '2024-01-02', '6 hours') t");
    migrate({"--until", "2024-02-01"});
    expect_equal_rows("types");
}

TEST_F(CopyRows, KeepsForeignKeysAndConstraints) {
    both("CREATE TABLE device (id int PRIMARY KEY);"
         "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL REFERENCES device, "
         "value float8 CHECK (value > 0), PRIMARY KEY (device, time));"
         "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day');"
         "INSERT INTO device SELECT generate_series(1, 5)");
    source.run(
        "INSERT INTO readings SELECT t, d, 1 FROM generate_series('2024-01-01'::timestamptz, "
        "'2024-01-04', '1 hour') t, generate_series(1, 5) d");
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyRows, AFailingChunkDoesNotFailOthersAndIsTriedAgain) {
    create_readings();
    target.run("ALTER TABLE readings ADD CONSTRAINT small CHECK (time <> '2024-01-03 12:00')");
    backfill_ok({"stage", "--until", "2024-01-11"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output, HasSubstr("1 chunk could not be copied"));
    EXPECT_THAT(outcome.output, HasSubstr("check constraint"));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL AND error "
                           "LIKE '%check constraint%'"),
              "1");
    expect_equal_rows("readings", "time < '2024-01-03' OR time >= '2024-01-04'");

    target.run("ALTER TABLE readings DROP CONSTRAINT small");
    backfill_ok({"copy"});
    expect_equal();
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL OR error IS "
                           "NOT NULL"),
              "0");
}

TEST_F(CopyRows, SkipsAChunkThatWasDroppedFromTheSource) {
    create_readings();
    backfill_ok({"stage", "--until", "2024-01-11"});
    source.run("SELECT drop_chunks('readings', older_than => '2024-01-03'::timestamptz)");
    const auto output = backfill_ok({"copy"});
    EXPECT_THAT(output, HasSubstr("Skipped 2 chunks"));
    EXPECT_EQ(
        target.value("SELECT count(*) FROM __backfill.task WHERE message LIKE '%gone from the "
                     "source%'"),
        "2");
    expect_equal_rows("readings");
}

TEST_F(CopyRows, NamesTheColumnThatWasAddedOnOneSideSinceStaging) {
    create_readings();
    backfill_ok({"stage", "--until", "2024-01-11"});
    source.run("ALTER TABLE readings ADD COLUMN unit text");
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output, HasSubstr("column \"unit\" is missing in the target"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
}

// Rows of one device follow one another in the chunk, so that its index is updated faster.
TEST_F(CopyRows, InsertedRowsAreSortedByTheColumnsBeforeTheTimeInAnIndex) {
    create_readings();
    both("CREATE INDEX ON readings (device, time)");
    // The last chunk is cut, so it is not copied together with the others.
    migrate({"--until", "2024-01-10 12:00+00"});
    // Four devices: three changes in each chunk.
    EXPECT_EQ(target.value("SELECT string_agg(changes::text, ' ') FROM ("
                           "SELECT count(*) FILTER (WHERE device <> before) AS changes FROM ("
                           "SELECT tableoid, device, lag(device) OVER (PARTITION BY tableoid "
                           "ORDER BY ctid) AS before FROM readings) AS one "
                           "GROUP BY tableoid) AS chunk"),
              "3 3 3 3 3 3 3 3 3 3");
}

TEST_F(CopyRows, RowsKeepTheirOrderWithoutAnIndexOfOtherColumnsBeforeTheTime) {
    create_readings();
    // Expressions are not evaluated, and partial indexes do not have all rows.
    both("CREATE INDEX ON readings (time, device); CREATE INDEX ON readings ((device + 1), time); "
         "CREATE INDEX ON readings (device, time) WHERE device > 2");
    migrate({"--until", "2024-01-10 12:00+00"});
    // Compare chunk by chunk, because the chunks are created in another order than in the source.
    const std::string order =
        "SELECT min(time), md5(string_agg(format('%s %s', time, device), ',' ORDER BY ctid)) "
        "FROM readings WHERE time < '2024-01-10 12:00+00' GROUP BY tableoid ORDER BY 1";
    EXPECT_EQ(target.rows(order), source.rows(order));
}

TEST_F(CopyRows, ReadsInTheSnapshotOfTheTasks) {
    create_readings();
    const auto exporter = source.connect();
    exporter->execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    const auto snapshot = exporter->query("SELECT pg_export_snapshot() AS id").string(0, "id");
    source.run("DELETE FROM readings WHERE device = 1; "
               "INSERT INTO readings VALUES ('2024-01-02', 77, 0)");
    backfill_ok({"stage", "--until", "2024-01-11", "--snapshot", snapshot});
    backfill_ok({"copy"});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 1"), "1440");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 77"), "0");
}

TEST_F(CopyRows, RefusesASnapshotThatNoLongerExists) {
    create_readings();
    const auto exporter = source.connect();
    exporter->execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    const auto snapshot = exporter->query("SELECT pg_export_snapshot() AS id").string(0, "id");
    backfill_ok({"stage", "--until", "2024-01-11", "--snapshot", snapshot});
    exporter->execute("ROLLBACK");
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.errors, HasSubstr("the snapshot " + snapshot));
    EXPECT_THAT(outcome.errors, HasSubstr("no longer exists"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
}

TEST_F(CopyRows, FailsAChunkWhoseTableWasRewrittenSinceTheSnapshot) {
    create_readings();
    const auto exporter = source.connect();
    exporter->execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    const auto snapshot = exporter->query("SELECT pg_export_snapshot() AS id").string(0, "id");
    const auto chunk = source.value("SELECT show_chunks('readings') LIMIT 1");
    source.run("TRUNCATE " + chunk);
    backfill_ok({"stage", "--until", "2024-01-11", "--snapshot", snapshot});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output, HasSubstr("rewritten after the snapshot"));
}

TEST_F(CopyRows, AViolatedDeferredConstraintFailsOnlyItsChunk) {
    both("CREATE TABLE device (id int PRIMARY KEY);"
         "CREATE TABLE t (time timestamptz NOT NULL, device int REFERENCES device "
         "DEFERRABLE INITIALLY DEFERRED);"
         "SELECT create_hypertable('t', 'time', chunk_time_interval => interval '1 day')");
    source.run("INSERT INTO device VALUES (1), (2);"
               "INSERT INTO t VALUES ('2024-01-01', 1), ('2024-01-02', 2), ('2024-01-03', 1)");
    target.run("INSERT INTO device VALUES (1)");
    backfill_ok({"stage", "--until", "2024-01-11"});
    const auto outcome = backfill({"copy", "-p", "1", "--load-strategy", "in-place"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("violates foreign key constraint"));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NOT NULL"), "2");
    target.run("INSERT INTO device VALUES (2)");
    backfill_ok({"copy"});
    expect_equal_rows("t");
}

TEST_F(CopyRows, SettingsOfTheDatabasesDoNotMatter) {
    create_readings();
    for (auto* database : {&source, &target})
        for (const std::string setting :
             {"TimeZone = 'Asia/Kathmandu'", "DateStyle = 'German, DMY'", "search_path = nowhere",
              "statement_timeout = '500ms'", "lock_timeout = '1ms'",
              "default_transaction_read_only = on", "default_transaction_isolation = serializable",
              "extra_float_digits = 0", "bytea_output = escape", "IntervalStyle = sql_standard",
              "idle_in_transaction_session_timeout = '1ms'"})
            database->run(fmt::format("ALTER DATABASE {} SET {}", database->name(), setting));
    migrate({"--from", "2024-01-03T06:00:00", "--until", "2024-01-05T12:00:00"});
    expect_equal_rows("readings", "time >= '2024-01-03 06:00' AND time < '2024-01-05 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1296");
    backfill_ok({"clean"});
}

TEST_F(CopyRows, LeavesStatisticsOnTheChunks) {
    create_readings();
    migrate({"--until", "2024-01-11"});
    EXPECT_EQ(
        target.value("SELECT count(*) FROM show_chunks('readings') c JOIN pg_class ON oid = c "
                     "WHERE reltuples <> 576"),
        "0");
}

TEST_F(CopyRows, LeavesOnlyTheQueueWhichCleanRemoves) {
    create_readings();
    const auto tables =
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'S', 'v') AND c.relname "
        "NOT LIKE '\\_hyper\\_%' AND c.relname NOT LIKE 'pg_toast%' ORDER BY 1";
    const auto before = target.rows(tables);
    backfill_ok({"stage", "--until", "2024-01-11"});
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("10 of 10 tasks unfinished"));
    migrate({"--until", "2024-01-11"});
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("all 10 tasks were finished"));
    EXPECT_EQ(target.rows(tables), before);
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("Nothing to clean"));
}

TEST_F(CopyRows, ReportsEachChunkAndTheTotals) {
    create_readings();
    backfill_ok({"stage", "--until", "2024-01-11"});
    const auto output = backfill_ok({"copy", "-p", "2"});
    for (int i = 1; i <= 10; ++i)
        EXPECT_THAT(output, HasSubstr(fmt::format("[{}/10] public.readings 2024-01-", i)));
    EXPECT_THAT(output, HasSubstr("Copied 10 chunks"));
    EXPECT_THAT(output, HasSubstr("5,760 rows"));
    EXPECT_THAT(output, HasSubstr("Next: "));
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("Nothing to copy"));
}

} // namespace
} // namespace test
