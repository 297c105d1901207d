// A source without TimescaleDB: tables that are hypertables in the target only.

#include "base/exit_status.hpp"
#include "support/fault_migration.hpp"
#include "support/migration.hpp"
#include "support/random.hpp"
#include "support/role.hpp"
#include "support/time_axis.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class PlainSource : public Migration {
  protected:
    PlainSource() : Migration(DatabaseOptions{.with_extension = false}) {}

    /// `readings`, of five days, with an index on its time, or without; and the target's
    /// hypertable.
    void make_readings(const std::string& index = "CREATE INDEX ON readings (time, device)",
                       const std::string& interval = "1 day") {
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8)");
        if (!index.empty())
            both(index);
        target.run(fmt::format("SELECT create_hypertable('readings', 'time', chunk_time_interval "
                               "=> interval '{}')",
                               interval));
        // As they would come that are written late: not in the order of their times.
        source.run("INSERT INTO readings SELECT t, d, d FROM generate_series(1, 3) d, "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-05 23:50', '10 min') t");
    }

    void make_unindexed() { make_readings(""); }

    /// What both sides of a refusal have in common. Returns what was said.
    std::string refused(const std::vector<std::string>& arguments, int exit_status = exit_failed) {
        const auto outcome = backfill(arguments);
        EXPECT_EQ(outcome.exit_status, exit_status) << outcome.output << outcome.errors;
        EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1)
            << outcome.errors;
        return outcome.errors;
    }

    std::vector<std::string> tasks(const std::string& list) {
        return target.rows("SELECT " + list + " FROM __backfill.task ORDER BY chunk_name, slice");
    }
};

// ---------------------------------------------------------------- all of it

TEST_F(PlainSource, FromStageToClean) {
    make_readings();
    const auto staged = backfill_ok({"stage", "--until", "2024-01-05 12:00"});
    EXPECT_THAT(staged, HasSubstr("Staged 5 chunks"));
    const auto copied = backfill_ok({"copy"});
    EXPECT_THAT(copied, AllOf(HasSubstr("All 5 staged chunks are copied"),
                              HasSubstr("] public.readings 2024-01-02 – 2024-01-03: 432 rows")));
    expect_equal_rows("readings", "time < '2024-01-05 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time >= '2024-01-05 12:00'"), "0");
    EXPECT_THAT(backfill_ok({"verify"}), HasSubstr("5 chunks"));
    backfill_ok({"verify", "--all", "--mode", "aggregate"});
    EXPECT_THAT(backfill_ok({"stage", "--until", "2024-01-05 12:00"}), HasSubstr("Skipped 5"));
    // What was left out comes, too, when it is asked for.
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy", "--output", "json"}),
                HasSubstr(R"x("part":"[2024-01-05 00:00:00 UTC, 2024-01-06 00:00:00 UTC)")x"));
    expect_equal_rows("readings");
    backfill_ok({"clean"});
    EXPECT_EQ(source.value("SELECT count(*) FROM pg_namespace WHERE nspname = '__backfill'"), "0");
}

TEST_F(PlainSource, PartitionsOddNamesAndOtherTimes) {
    both(R"(CREATE SCHEMA "Odd "" 's";
            CREATE TYPE "Odd "" 's"."Kind" AS ENUM ('a', 'b'))");
    const std::string columns = R"("at "";x" date NOT NULL, "select" "Odd "" 's"."Kind"[],
                                   twice int GENERATED ALWAYS AS (v * 2) STORED, v int)";
    const std::string name = R"("Odd "" 's"."P {1}")";
    source.run(fmt::format(R"(CREATE TABLE {0} ({1}) PARTITION BY RANGE ("at "";x");
        CREATE INDEX ON {0} ("at "";x");
        CREATE TABLE p1 PARTITION OF {0} FOR VALUES FROM ('2023-12-25') TO ('2024-01-10');
        CREATE TABLE p2 PARTITION OF {0} DEFAULT;
        INSERT INTO {0} ("at "";x", "select", v) SELECT date '2024-01-01' + i, '{{a,b}}', i
            FROM generate_series(-5, 40, 5) i)",
                           name, columns));
    target.run(fmt::format(R"(CREATE TABLE {0} ({1}); SELECT create_hypertable('{2}', 'at ";x',
        chunk_time_interval => interval '7 days'))",
                           name, columns, R"("Odd "" ''s"."P {1}")"));
    both("CREATE TABLE ticks (tick int PRIMARY KEY, text text)");
    target.run("SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 100)");
    source.run("INSERT INTO ticks SELECT i, repeat('x', i % 7) FROM generate_series(-250, 250) i");
    backfill_ok({"stage", "--until", "2030-01-01", "--filter", "Odd"});
    backfill_ok({"stage", "--until", "1000", "--filter", "ticks"});
    backfill_ok({"copy"});
    expect_equal_rows(name);
    expect_equal_rows("ticks");
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('ticks')"), "6");
    backfill_ok({"verify"});
}

/// What is staged is cut just as TimescaleDB cuts it.
TEST_F(PlainSource, SlicesAreThoseOfChunks) {
    const auto seed = random_seed();
    SHOW_SEED(seed);
    Random random(seed);
    for (int round = 0; round < rounds(12); ++round) {
        const auto axis = TimeAxis::random(random);
        SCOPED_TRACE(fmt::format("{} from {}, {} of {}", axis.type, axis.origin, axis.chunks,
                                 axis.interval));
        both(fmt::format("DROP TABLE IF EXISTS t; CREATE TABLE t (time {} NOT NULL, i int);"
                         "CREATE INDEX ON t (time DESC)",
                         axis.type));
        const auto make = fmt::format("SELECT create_hypertable('t', 'time', chunk_time_interval "
                                      "=> {}, create_default_indexes => false)",
                                      axis.interval_literal(axis.interval));
        target.run(make);
        for (int i = 0; i < 10; ++i)
            source.run(fmt::format("INSERT INTO t VALUES ({}, {})",
                                   axis.literal(random.between(axis.origin, axis.end() - 1)), i));
        migrate({"--until", axis.type.find("int") == std::string::npos ? "294247-01-03"
                                                                       : "9223372036854775807"});
        backfill_ok({"verify"});
        expect_equal_rows("t");
        const auto slices = tasks("slice");
        backfill_ok({"clean"});
        // And now by itself.
        target.run("TRUNCATE t; DROP TABLE t;" +
                   fmt::format("CREATE TABLE t (time {} NOT NULL, i int)", axis.type));
        target.run(make);
        for (const auto& row : source.rows("SELECT format('(%L, %s)', time, i) FROM t"))
            target.run("INSERT INTO t VALUES " + row);
        EXPECT_EQ(slices,
                  target.rows("SELECT int8range(range_start, range_end) FROM "
                              "_timescaledb_catalog.dimension_slice AS slice "
                              "JOIN _timescaledb_catalog.dimension ON dimension.id = dimension_id "
                              "JOIN _timescaledb_catalog.hypertable ON hypertable.id = "
                              "hypertable_id WHERE table_name = 't' ORDER BY range_start"));
        if (HasFailure())
            return;
    }
}

/// Nanoseconds: the quotient of such a number and a day's has more digits than numeric keeps.
TEST_F(PlainSource, ASliceIsNotSkippedForARowAtTheEndOfTheOneBefore) {
    both("CREATE TABLE t (time bigint NOT NULL, i int); CREATE INDEX ON t (time)");
    target.run("SELECT create_hypertable('t', 'time', chunk_time_interval => 86400000000000, "
               "create_default_indexes => false)");
    source.run("INSERT INTO t SELECT day * 86400000000000 + at, day FROM generate_series(-3, 3) AS "
               "day, unnest(ARRAY[86399999999999, 86399999999990]) AS at;"
               "INSERT INTO t SELECT 1700006400000000000 + day * 86400000000000 - 1, day FROM "
               "generate_series(0, 5) AS day");
    migrate({"--until", "9223372036854775807"});
    expect_equal_rows("t");
}

/// Before PostgreSQL 14, the seconds that extract() returns have no microseconds so far away.
TEST_F(PlainSource, ASliceIsNotSkippedForARowAtItsEndFarAway) {
    both("CREATE TABLE t (time timestamptz NOT NULL); CREATE INDEX ON t (time)");
    target.run("SELECT create_hypertable('t', 'time', chunk_time_interval => interval '1 day', "
               "create_default_indexes => false)");
    source.run("INSERT INTO t VALUES ('3000-01-01 23:59:59.999999'), "
               "('9999-12-31 23:59:59.999999')");
    migrate({"--until", "294247-01-03"});
    expect_equal_rows("t");
    backfill_ok({"verify"});
}

TEST_F(PlainSource, WholeSlicesAreAttached) {
    if (!target.is_community() || !version_at_least(2, 22))
        GTEST_SKIP() << "needs TimescaleDB 2.22 or later, Community edition";
    both("CREATE TABLE large (time timestamptz NOT NULL, padding text)");
    both("ALTER TABLE large ALTER padding SET STORAGE EXTERNAL; CREATE INDEX ON large (time)");
    target.run("SELECT create_hypertable('large', 'time', chunk_time_interval => interval '1 day', "
               "create_default_indexes => false)");
    source.run("INSERT INTO large SELECT t, repeat('x', 8000) FROM generate_series("
               "'2024-01-01'::timestamptz, '2024-01-02 23:59', '1 min') t; ANALYZE large");
    backfill_ok({"stage", "--until", "2024-01-02 12:00"});
    EXPECT_THAT(backfill_ok({"copy", "--explain"}), AllOf(HasSubstr("1 chunk: load, then attach"),
                                                          HasSubstr("a bound cuts the chunk")));
    backfill_ok({"copy"});
    expect_equal_rows("large", "time < '2024-01-02 12:00'");
    backfill_ok({"verify"});
}

/// So that they go together, or are attached, and that progress can be told.
TEST_F(PlainSource, SizesAreEstimatedWithoutStatisticsToo) {
    make_readings();
    const auto bytes = std::stod(source.value("SELECT pg_table_size('readings')"));
    for (const auto* analyze : {"", "ANALYZE readings"}) {
        source.run(analyze);
        backfill_ok({"stage", "--until", "2024-01-06"});
        for (const auto& task : tasks("bytes"))
            EXPECT_NEAR(std::stod(task) * 5, bytes, bytes / 4) << analyze;
        backfill_ok({"clean"});
    }
}

TEST_F(PlainSource, SpaceDimensionsOfTheTargetAreFilled) {
    make_readings();
    target.run("DROP TABLE readings; CREATE TABLE readings (time timestamptz NOT NULL, device int, "
               "value float8); SELECT create_hypertable('readings', 'time', 'device', 3, "
               "chunk_time_interval => interval '1 day')");
    for (int i = 0; i < 2; ++i) {
        backfill_ok({"stage", "--until", "2024-01-04"});
        EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr("through the hypertable"));
        backfill_ok({"copy"});
        expect_equal_rows("readings", "time < '2024-01-04'");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
}

TEST_F(PlainSource, ChunksThatTheTargetCutsElsewhereAreFilled) {
    make_readings();
    target.run(
        "SELECT set_chunk_time_interval('readings', interval '7 hours');"
        "INSERT INTO readings SELECT t, 9, 9 FROM generate_series('2024-01-01'::timestamptz,"
        "'2024-01-03', '1 h') t; SELECT set_chunk_time_interval('readings', interval '1 d')");
    migrate({"--until", "2024-01-05"});
    expect_equal_rows("readings", "time < '2024-01-05'");
    backfill_ok({"verify"});
}

TEST_F(PlainSource, ASnapshotIsReadUnder) {
    make_readings();
    const auto holder = source.connect();
    holder->execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    const auto snapshot =
        holder->query("SELECT pg_export_snapshot() AS snapshot").string(0, "snapshot");
    source.run("INSERT INTO readings VALUES ('2024-01-02 00:01', 7, 7)");
    migrate({"--until", "2024-01-03", "--snapshot", snapshot});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 7"), "0");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "864");
    // A file of its own, which the snapshot does not show.
    backfill_ok({"stage", "--from", "2024-01-03", "--until", "2024-01-04", "--snapshot", snapshot});
    source.run("BEGIN; CREATE TABLE saved AS TABLE readings; TRUNCATE readings; "
               "INSERT INTO readings TABLE saved; COMMIT");
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output, HasSubstr("its table was rewritten after the snapshot"));
    EXPECT_THAT(
        refused({"stage", "--from", "2024-01-04", "--until", "2024-01-05", "--snapshot", snapshot}),
        HasSubstr("\"readings\" was rewritten"));
}

// ---------------------------------------------------------------- without an index on time

TEST_F(PlainSource, ATableWithoutAnIndexGetsOnePass) {
    make_unindexed();
    for (int i = 0; i < 2; ++i) {
        EXPECT_THAT(backfill_ok({"stage", "--until", "2024-01-04 12:00"}),
                    HasSubstr("Staged 1 chunk,"));
        EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                    HasSubstr("through the hypertable: the source's table has no index on time"));
        backfill_ok({"copy"});
        expect_equal_rows("readings", "time < '2024-01-04 12:00'");
        EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time >= '2024-01-04 12:00'"),
                  "0");
        EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "4");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
    EXPECT_THAT(backfill_ok({"stage", "--until", "2000-01-01"}), HasSubstr("Staged 0 chunks"));
}

TEST_F(PlainSource, OnePassIsInOrderOfTime) {
    make_unindexed();
    migrate({"--until", "2030-01-01"});
    EXPECT_EQ(target.value("SELECT count(*) FROM (SELECT time < lag(time) OVER (PARTITION BY "
                           "tableoid ORDER BY ctid) AS before FROM readings) r WHERE before"),
              "0");
}

TEST_F(PlainSource, WhatWasStagedInAnotherWayIsNotStagedTwice) {
    make_readings();
    backfill_ok({"stage", "--until", "2024-01-03"});
    const auto before = tasks("id, slice, range");
    target.run("SELECT set_chunk_time_interval('readings', interval '12 hours')");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-04"}),
                HasSubstr("\"public\".\"readings\" was staged before in other slices"));
    source.run("DROP INDEX readings_time_device_idx");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-04"}), HasSubstr("in other slices"));
    EXPECT_EQ(tasks("id, slice, range"), before);
    // What is not in common, is none of its business.
    source.run("CREATE INDEX ON readings (time)");
    backfill_ok({"stage", "--from", "2024-01-04", "--until", "2024-01-05"});
    backfill_ok({"copy"});
    expect_equal_rows("readings", "time < '2024-01-03' OR time BETWEEN '2024-01-04' AND "
                                  "'2024-01-04 23:59'");
}

TEST_F(PlainSource, RowsThatAreReferencedStay) {
    if (!version_at_least(2, 16))
        GTEST_SKIP() << "foreign keys may not reference hypertables";
    for (const auto* index : {"CREATE INDEX ON readings (time)", ""}) {
        target.run("DROP TABLE IF EXISTS reader");
        both("DROP TABLE IF EXISTS readings");
        make_readings(index);
        target.run("ALTER TABLE readings ADD UNIQUE (time, device)");
        migrate({"--until", "2024-01-04"});
        backfill_ok({"clean"});
        target.run("CREATE TABLE reader AS SELECT time, device FROM readings WHERE value = 2;"
                   "ALTER TABLE reader ADD FOREIGN KEY (time, device) "
                   "REFERENCES readings (time, device) ON DELETE CASCADE");
        source.run("UPDATE readings SET value = value + 10 WHERE device = 2; "
                   "DELETE FROM readings WHERE device = 3 AND time < '2024-01-02'");
        migrate({"--until", "2024-01-04"});
        expect_equal_rows("readings", "time < '2024-01-04'");
        EXPECT_EQ(target.value("SELECT count(*) FROM reader"), "432");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
}

// ---------------------------------------------------------------- the other commands

TEST_F(PlainSource, VerifyFindsDifferencesAndCopiesAgain) {
    make_readings();
    migrate({"--until", "2024-01-05"});
    target.run("UPDATE readings SET value = 99 WHERE time = '2024-01-02 10:00' AND device = 2;"
               "DELETE FROM readings WHERE time = '2024-01-03 10:00' AND device = 1");
    const auto outcome = backfill({"verify", "--requeue"});
    EXPECT_EQ(outcome.exit_status, exit_differences) << outcome.errors;
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("2024-01-02 10:00:00"), HasSubstr("2024-01-03 10:00:00"),
                      HasSubstr("value"), HasSubstr("2 chunks to copy.")));
    backfill_ok({"copy"});
    expect_equal_rows("readings", "time < '2024-01-05'");
    backfill_ok({"verify"});
    EXPECT_THAT(refused({"verify", "--quick"}, exit_usage), HasSubstr("has no TimescaleDB"));
}

/// Versions write these values in different ways, and PostgreSQL 12 lacks some of their functions.
TEST_F(PlainSource, AggregatesOfNumbersAndIntervalsAreCompared) {
    both("CREATE TABLE t (time timestamptz NOT NULL, n numeric, i interval, l pg_lsn);"
         "CREATE INDEX ON t (time)");
    target.run("SELECT create_hypertable('t', 'time', create_default_indexes => false)");
    source.run("INSERT INTO t VALUES ('2024-01-01', 100.00, '1 mon 00:00:00.000001', '0/1'),"
               "('2024-01-02', -0.120, '-178000000 years 3 days -00:00:01.5', 'FFFFFFFF/FFFFFFFF'),"
               "('2024-01-03', 1e30, NULL, NULL), ('2024-01-04', 1e-20, '1 year', '16/B374D848')");
    migrate({"--until", "2024-01-05"});
    const std::vector<std::string> verify{"verify", "--all", "--mode", "aggregate"};
    backfill_ok(verify);
    target.run("UPDATE t SET n = n * 1.000, i = i - interval '1 mon' + interval '30 days'");
    backfill_ok(verify);
    const auto expect_difference = [&](const std::string& column, const std::string& value) {
        target.run(fmt::format("CREATE TABLE saved AS TABLE t; UPDATE t SET {} = {} "
                               "WHERE time = '2024-01-02'",
                               column, value));
        const auto outcome = backfill(verify);
        EXPECT_EQ(outcome.exit_status, exit_differences) << value;
        EXPECT_THAT(outcome.output, HasSubstr(column)) << value;
        target.run("DELETE FROM t; INSERT INTO t TABLE saved; DROP TABLE saved");
    };
    expect_difference("n", "n - 1e-15");
    expect_difference("n", "'NaN'");
    expect_difference("i", "i + interval '1 microsecond'");
    expect_difference("l", "'FFFFFFFF/FFFFFFFE'");
    backfill_ok(verify);
}

TEST_F(PlainSource, FiltersAndTablesThatOnlyOneSideHas) {
    make_readings();
    both("CREATE TABLE other (time timestamptz NOT NULL)");
    source.run("CREATE INDEX ON other (time); INSERT INTO other VALUES ('2024-01-01')");
    target.run("SELECT create_hypertable('other', 'time');"
               "CREATE TABLE alone (time timestamptz NOT NULL);"
               "SELECT create_hypertable('alone', 'time')");
    source.run("CREATE TABLE plain (time timestamptz)");
    backfill_ok({"stage", "--until", "2024-01-02", "--filter", "other"});
    EXPECT_THAT(tasks("chunk_name"), ElementsAre("other"));
    backfill_ok({"stage", "--until", "2024-01-02"});
    EXPECT_THAT(tasks("chunk_name"), ElementsAre("other", "readings"));
    EXPECT_THAT(refused({"stage", "--until", "2024-01-02", "--filter", "alone"}, exit_usage),
                HasSubstr("no table with the name of a hypertable of the target that --filter "
                          "'alone' matches"));
    EXPECT_THAT(backfill({"stage", "--filter", "(", "--until", "2024-01-02"}).errors,
                HasSubstr("is not a POSIX regular expression"));
}

TEST_F(PlainSource, AggregatesOfTheTargetAreRefreshed) {
    if (!target.is_community())
        GTEST_SKIP() << "needs the Community edition";
    make_readings();
    // The second one has been refreshed when there was nothing: what comes is not beyond it.
    target.run("CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS SELECT "
               "time_bucket('1 hour', time) AS hour, device, sum(value) AS total FROM readings "
               "GROUP BY 1, 2 WITH NO DATA");
    target.run("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
               "time_bucket('1 day', hour) AS day, sum(total) AS total FROM hourly "
               "GROUP BY 1 WITH NO DATA");
    target.run("INSERT INTO readings VALUES ('2024-01-20', 1, 1)");
    target.run("CALL refresh_continuous_aggregate('hourly', '2023-01-01', '2024-02-01')");
    const auto nothing = backfill({"refresh-caggs"});
    EXPECT_EQ(nothing.exit_status, exit_usage);
    EXPECT_THAT(nothing.errors, HasSubstr("no chunks have been staged"));
    backfill_ok({"stage", "--until", "2024-01-05"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("Refreshed 0 of 2"));
    backfill_ok({"copy"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}),
                AllOf(HasSubstr("Refreshed 2 of 2"), HasSubstr("2024-01-05")));
    const auto materialized = [&](const std::string& view) {
        return target.value(fmt::format(
            "SELECT format('%I.%I', materialization_hypertable_schema, "
            "materialization_hypertable_name) FROM timescaledb_information.continuous_aggregates "
            "WHERE view_name = '{}'",
            view));
    };
    EXPECT_EQ(target.rows("SELECT hour, device, total FROM " + materialized("hourly") +
                          " WHERE hour < '2024-01-05' ORDER BY 1, 2"),
              source.rows("SELECT date_trunc('hour', time) AS hour, device, "
                          "sum(value) FROM readings WHERE time < '2024-01-05' GROUP BY 1, 2 "
                          "ORDER BY 1, 2"));
    EXPECT_EQ(
        target.value("SELECT count(*) FROM " + materialized("daily") + " WHERE day < '2024-01-05'"),
        "4");
    EXPECT_THAT(backfill_ok({"refresh-caggs", "--filter", "daily"}), HasSubstr("Refreshed 1 of 1"));
}

TEST_F(PlainSource, CompletionPointComparesBoth) {
    make_readings();
    // Written to both since noon of the fourth.
    target.run("INSERT INTO readings SELECT t, d, d FROM generate_series(1, 3) d, generate_series("
               "'2024-01-04 12:00'::timestamptz, '2024-01-05 23:50', '10 min') t");
    EXPECT_THAT(backfill_ok({"completion-point", "--since", "2024-01-03"}),
                HasSubstr("Suggested: --until '2024-01-04 11:52:00 UTC', or later"));
}

TEST_F(PlainSource, CheckSaysWhatIsSpecial) {
    make_unindexed();
    both("CREATE TABLE indexed (time timestamptz NOT NULL)");
    source.run("CREATE INDEX ON indexed (time); INSERT INTO indexed VALUES ('2024-01-01')");
    target.run("SELECT create_hypertable('indexed', 'time');"
               "CREATE TABLE alone (time timestamptz NOT NULL);"
               "SELECT create_hypertable('alone', 'time')");
    const auto outcome = backfill({"check", "--until", "2024-01-05"});
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    const auto way =
        std::stoi(source.value("SHOW server_version_num")) >= 140000
            ? AllOf(HasSubstr("copy reads the table by ranges of its pages, and chunks are "
                              "complete only when all are read"),
                    HasSubstr("a row that UPDATE moves to another page before the next copy may be "
                              "missing or be there twice, which verify finds"))
            : AllOf(HasSubstr("copy reads the table in one pass, and begins again if"),
                    HasSubstr("in the source if chunks should be copied one by one"));
    EXPECT_THAT(
        outcome.output,
        AllOf(HasSubstr("without TimescaleDB"),
              HasSubstr("\"public\".\"readings\" has none in the source: copy reads the table "),
              way, HasSubstr("CREATE INDEX ON \"public\".\"readings\" (\"time\")"),
              Not(HasSubstr("\"public\".\"indexed\" has none")),
              HasSubstr(
                  "\"public\".\"alone\" exists in the target, but the source has no table of that "
                  "name"),
              HasSubstr("\"public\".\"indexed\": 1 chunk"), HasSubstr("0 errors"),
              Not(HasSubstr("compression"))));
    source.run("ALTER TABLE readings ALTER time DROP NOT NULL; INSERT INTO readings VALUES (NULL)");
    const auto with_null = backfill({"check", "--until", "2024-01-05", "--filter", "readings"});
    EXPECT_EQ(with_null.exit_status, exit_failed);
    EXPECT_THAT(with_null.output,
                AllOf(HasSubstr("has rows without a time"), Not(HasSubstr("\"alone\""))));
}

/// What inherits from a table is read with it, in the usual layout: the parent has neither rows nor
/// indexes.
TEST_F(PlainSource, ChildrenAreFoundByTheirIndexes) {
    make_unindexed();
    source.run(
        "CREATE TABLE old (CHECK (time < '2024-01-03'), PRIMARY KEY (time, device)) INHERITS "
        "(readings); CREATE TABLE new () INHERITS (readings); CREATE INDEX ON new (time DESC);"
        "CREATE TABLE grandchild () INHERITS (new);"
        "INSERT INTO old SELECT * FROM ONLY readings WHERE time < '2024-01-03';"
        "INSERT INTO new SELECT * FROM ONLY readings WHERE time >= '2024-01-03';"
        "TRUNCATE ONLY readings");
    const auto check = backfill({"check", "--until", "2024-01-06"});
    EXPECT_THAT(check.output, AllOf(Not(HasSubstr("CREATE INDEX")),
                                    HasSubstr("\"public\".\"readings\": 5 chunks")));
    migrate({"--until", "2024-01-06"});
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task"), "5");
    expect_equal_rows("readings");
    backfill_ok({"verify"});
}

TEST_F(PlainSource, AChildWithoutAnIndexIsReadOnce) {
    make_readings();
    source.run("CREATE TABLE \"a child\" () INHERITS (readings); INSERT INTO \"a child\" VALUES "
               "('2024-01-02', 9, 9); CREATE TABLE empty () INHERITS (readings)");
    const auto check = backfill({"check", "--until", "2024-01-06"});
    EXPECT_THAT(check.output,
                AllOf(HasSubstr("\"public\".\"readings\", of which \"public\".\"a child\" has"),
                      HasSubstr("CREATE INDEX ON \"public\".\"a child\" (\"time\")"),
                      Not(HasSubstr("\"empty\""))));
    backfill_ok({"stage", "--until", "2024-01-06"});
    EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                HasSubstr("\"public\".\"a child\" of the source's table has no index on time"));
    backfill_ok({"copy"});
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task"), "1");
    expect_equal_rows("readings");
    backfill_ok({"verify"});
}

TEST_F(PlainSource, ColumnsOfChildrenAreNotLost) {
    make_readings();
    source.run("CREATE TABLE child (extra text, \"more \"\"\" int[]) INHERITS (readings);"
               "INSERT INTO child VALUES ('2024-01-02', 9, 9, 'lost')");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-06"}),
                AllOf(HasSubstr("\"public\".\"readings\": column \"extra\" (text) is only in "
                                "\"public\".\"child\", which inherits from it"),
                      HasSubstr("column \"more \"\"\" (integer[]) is only in"),
                      HasSubstr("ALTER TABLE \"public\".\"readings\" ADD COLUMN \"extra\" text, on "
                                "both sides"),
                      Not(HasSubstr("like the source's"))));
    const auto check = backfill({"check", "--until", "2024-01-06"});
    EXPECT_EQ(check.exit_status, exit_failed);
    EXPECT_THAT(check.output,
                AllOf(HasSubstr("column \"extra\" (text) is only in"),
                      HasSubstr("Remedy: ALTER TABLE \"public\".\"readings\" ADD COLUMN \"extra\" "
                                "text, on both sides, or leave it out"),
                      Not(HasSubstr("like the source's")), Not(HasSubstr("nothing to copy"))));
    target.run("ALTER TABLE readings ADD COLUMN extra text, ADD COLUMN \"more \"\"\" bigint[]");
    EXPECT_THAT(
        refused({"stage", "--until", "2024-01-06"}),
        AllOf(HasSubstr("ADD COLUMN \"extra\" text, in the source; "),
              HasSubstr("in the source, and change the type of the target's column to that, too"),
              Not(HasSubstr("missing in the source"))));
    target.run("ALTER TABLE readings DROP COLUMN extra, DROP COLUMN \"more \"\"\"");
    both("ALTER TABLE readings ADD COLUMN extra text, ADD COLUMN \"more \"\"\" int[]");
    source.run("CREATE INDEX ON child (time)");
    migrate({"--until", "2024-01-06"});
    expect_equal_rows("readings");
    EXPECT_EQ(target.value("SELECT extra FROM readings WHERE device = 9"), "lost");
}

/// A child may allow what its parent does not.
TEST_F(PlainSource, RowsOfChildrenWithoutATimeAreRefused) {
    if (std::stoi(source.value("SHOW server_version_num")) >= 180000)
        GTEST_SKIP() << "NOT NULL is inherited";
    make_readings();
    source.run("CREATE TABLE child () INHERITS (readings); CREATE INDEX ON child (time);"
               "ALTER TABLE child ALTER time DROP NOT NULL; INSERT INTO child VALUES (NULL)");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-06"}), HasSubstr("has rows without a time"));
}

TEST_F(PlainSource, CheckDoesNotWaitForRowsOfTheTimeItLooksFor) {
    target.run("CREATE TABLE readings (time timestamptz, device int);"
               "SELECT create_hypertable('readings', 'time')");
    // A partition of rows without an end, none of which is in the range, or has no time.
    source.run(
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA "
        "WRAPPER file_fdw; CREATE TABLE readings (time timestamptz, device int) PARTITION BY "
        "LIST (device); CREATE FOREIGN TABLE endless PARTITION OF readings FOR VALUES IN (1) "
        "SERVER files OPTIONS (program 'yes 2030-01-01,1', format 'csv')");
    const auto outcome = backfill({"check", "--until", "2024-01-05"});
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("\"public\".\"readings\": could not determine within 5 s which "
                                "slices of time have rows; the table is counted as one chunk"),
                      HasSubstr("\"public\".\"readings\": could not determine within 5 s whether "
                                "there are rows without a time"),
                      HasSubstr("\"public\".\"readings\": 1 chunk, "), Not(HasSubstr("NOT NULL"))));
}

// ---------------------------------------------------------------- what is refused

TEST_F(PlainSource, RowsThatFitNoChunkAreRefused) {
    make_readings();
    source.run("ALTER TABLE readings ALTER time DROP NOT NULL; INSERT INTO readings VALUES (NULL)");
    EXPECT_THAT(
        refused({"stage", "--until", "2024-01-05"}),
        AllOf(HasSubstr("\"public\".\"readings\" has rows without a time"), HasSubstr("--filter")));
    source.run("DELETE FROM readings WHERE time IS NULL; "
               "INSERT INTO readings VALUES ('infinity'), ('-infinity')");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-05"}), HasSubstr("is infinite"));
    backfill_ok({"stage", "--from", "2024-01-01", "--until", "2024-01-05"});
}

TEST_F(PlainSource, DifferencesAreNamed) {
    EXPECT_THAT(refused({"stage", "--until", "2024-01-05"}, exit_usage),
                HasSubstr("has no TimescaleDB, and no table with the name of a hypertable"));
    make_readings();
    source.run("ALTER TABLE readings ALTER device TYPE bigint, DROP COLUMN value");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-05"}),
                AllOf(HasSubstr("column \"device\" is bigint in the source and integer"),
                      HasSubstr("column \"value\" (double precision) is missing in the source")));
    source.run("ALTER TABLE readings RENAME time TO at");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-05"}),
                HasSubstr("column \"time\" (timestamp with time zone) is missing in the source"));
    // The other way round, TimescaleDB is needed.
    const auto reversed =
        backfill_between(target.uri(), source.uri(), {"stage", "--until", "2024-01-05"});
    EXPECT_EQ(reversed.exit_status, exit_failed);
    EXPECT_THAT(reversed.errors, HasSubstr("the target"));
    EXPECT_THAT(reversed.errors, HasSubstr("no timescaledb extension"));
}

TEST_F(PlainSource, TimesThatAFunctionMakesAreRefused) {
    both("CREATE TABLE documents (body jsonb NOT NULL);"
         "CREATE FUNCTION at(jsonb) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS "
         "$$SELECT '2024-01-01'::timestamptz$$");
    target.run("SELECT create_hypertable('documents', 'body', chunk_time_interval => interval "
               "'1 day', time_partitioning_func => 'at')");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-05"}),
                HasSubstr("\"documents\": its time is"));
}

TEST_F(PlainSource, MissingPrivilegesAreNamed) {
    make_readings();
    const Role role(source, "reader");
    way_to_source = role.uri();
    source.run("REVOKE ALL ON readings FROM PUBLIC");
    EXPECT_THAT(refused({"stage", "--until", "2024-01-05"}),
                HasSubstr("GRANT SELECT ON \"public\".\"readings\" TO"));
    source.run(fmt::format("GRANT SELECT ON readings TO {}; ALTER TABLE readings ENABLE ROW LEVEL "
                           "SECURITY",
                           role.name()));
    EXPECT_THAT(refused({"stage", "--until", "2024-01-05"}), HasSubstr("BYPASSRLS"));
    source.run("ALTER TABLE readings DISABLE ROW LEVEL SECURITY");
    migrate({"--until", "2024-01-05"});
    expect_equal_rows("readings", "time < '2024-01-05'");
}

// ---------------------------------------------------------------- whatever happens

TEST_F(PlainSource, AWorkerThatIsKilledLeavesNothingBehind) {
    for (const auto* index : {"CREATE INDEX ON readings (time)", ""}) {
        both("DROP TABLE IF EXISTS readings");
        make_readings(index);
        backfill_ok({"stage", "--until", "2024-01-05"});
        target.run("CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF "
                   "random() < 0.01 THEN PERFORM pg_catalog.pg_sleep(0.01); END IF; RETURN new; "
                   "END $$; CREATE TRIGGER nap BEFORE INSERT ON readings FOR EACH ROW EXECUTE "
                   "FUNCTION nap()");
        for (int i = 0; i < 5; ++i) {
            const auto program = start({"copy", "-p", "2", "--fire-triggers"});
            std::this_thread::sleep_for(std::chrono::milliseconds(60 * (i + 1)));
            program->signal(SIGKILL);
            program->wait();
        }
        EXPECT_TRUE(eventually([&] { return target.sessions() == 0; }));
        backfill_ok({"copy"});
        expect_equal_rows("readings", "time < '2024-01-05'");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
        target.run("DROP TABLE readings; DROP FUNCTION nap()");
    }
}

/// Connections that are cut at random.
class PlainFaults : public PlainSource, public testing::WithParamInterface<bool> {};

TEST_P(PlainFaults, LostConnectionsLoseNoRows) {
    const auto seed = random_seed();
    SHOW_SEED(seed);
    Random random(seed);
    make_readings(GetParam() ? "CREATE INDEX ON readings (time)" : "");
    for (int round = 0; round < rounds(3); ++round) {
        target.run("TRUNCATE readings");
        backfill_ok({"stage", "--until", "2024-01-05"});
        const auto program = start({"copy", "-p", "2"});
        for (int i = 0; i < 6; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(random.between(5, 150)));
            auto& server = random.between(0, 1) == 0 ? source : target;
            server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                       "current_database() AND application_name LIKE 'timescaledb-backfill%' "
                       "ORDER BY random() LIMIT 1");
        }
        const auto outcome = program->wait();
        EXPECT_TRUE(outcome.exit_status == exit_done || outcome.exit_status == exit_failed)
            << outcome.output << outcome.errors;
        backfill_ok({"copy"});
        expect_equal_rows("readings", "time < '2024-01-05'");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
}

INSTANTIATE_TEST_SUITE_P(Index, PlainFaults, testing::Bool(), [](const auto& parameters) {
    return std::string(parameters.param ? "ByTime" : "Without");
});

} // namespace
} // namespace test
