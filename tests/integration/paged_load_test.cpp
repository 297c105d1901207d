// A plain table without an index on time that is large enough to be loaded by ranges of its pages.

#include "base/exit_status.hpp"
#include "support/migration.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class PagedLoad : public Migration {
  protected:
    PagedLoad() : Migration(DatabaseOptions{.with_extension = false}) {}

    void SetUp() override {
        if (std::stoi(source.value("SHOW server_version_num")) < 140000)
            GTEST_SKIP() << "needs a source with PostgreSQL 14 or later";
    }

    /// `readings` of five days: more than 64 MiB, and not in the order of time. Four rows fill a
    /// page.
    void make_readings(const std::string& partitions = "") {
        const auto* columns = "CREATE TABLE readings (time timestamptz NOT NULL, device int, "
                              "filler text)";
        source.run(columns + partitions);
        target.run(columns);
        target.run("SELECT create_hypertable('readings', 'time', chunk_time_interval => interval "
                   "'1 day')");
        source.run("INSERT INTO readings SELECT '2024-01-01'::timestamptz + g * 7919 % 432000 * "
                   "interval '1 second', g % 10, repeat('x', 1900) FROM generate_series(1, 40000) "
                   "g; ANALYZE readings");
    }

    void stage() { backfill_ok({"stage", "--until", "2024-01-06"}); }

    std::string loaded_ranges() {
        return target.value("SELECT count(*) FROM __backfill.page_range WHERE writer IS NOT NULL");
    }

    /// Copies with one worker, slowly, and kills the program when it has loaded some ranges, but
    /// not all.
    void copy_some_ranges() {
        const auto program = start({"copy", "-p", "1", "--max-rate", "8MB/s"});
        ASSERT_TRUE(eventually([&] { return std::stoi(loaded_ranges()) >= 1; }));
        program->signal(SIGKILL);
        program->wait();
        ASSERT_TRUE(eventually([&] { return target.sessions() == 0; }));
        ASSERT_LT(std::stoi(loaded_ranges()), ranges());
    }

    int ranges() { return std::stoi(target.value("SELECT count(*) FROM __backfill.page_range")); }

    /// Like expect_equal_rows(), for rows that are too long to be printed.
    void expect_same_rows(const std::string& where = "true") {
        const auto digest =
            "SELECT concat(count(*), ' rows, ', sum(hashtextextended(row::text, 0))) "
            "FROM readings AS row WHERE " +
            where;
        EXPECT_EQ(source.value(digest), target.value(digest));
    }

    /// The number of rows in the target that the loaded ranges have inserted, also into tables that
    /// will be attached.
    int rows_of_ranges() {
        auto tables = staging_tables();
        tables.emplace_back("readings");
        int rows = 0;
        for (const auto& table : tables)
            rows += std::stoi(
                target.value(fmt::format("SELECT count(*) FROM {} WHERE xmin IN (SELECT writer "
                                         "FROM __backfill.page_range)",
                                         table)));
        return rows;
    }

    std::vector<std::string> staging_tables() {
        return target.rows("SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN "
                           "pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = "
                           "'__backfill' AND relname ~ '^staging' AND relkind = 'r' ORDER BY 1");
    }

    /// What the program has left in the queue's schema, besides the queue.
    std::vector<std::string> leftovers() {
        return target.rows("SELECT relname FROM pg_class WHERE relnamespace = "
                           "to_regnamespace('__backfill') AND relname ~ '^(staging|stand_in)'");
    }

    /// True if the target can make chunks of tables.
    bool attaches() { return is_community() && version_at_least(2, 22); }

    /// How the table is loaded, if its chunks are large.
    std::string way() {
        if (attaches())
            return "by ranges of pages, then attach: the source's table has no index on time";
        return std::string("through the hypertable, by ranges of pages: the source's table has no "
                           "index on time; tables are not attached: ") +
               (is_community() ? "before TimescaleDB 2.22, attaching builds indexes while the "
                                 "hypertable is locked"
                               : "the Apache edition cannot attach tables");
    }

    /// Adds an index to the hypertable. Building it waits at rows of January 3 while
    /// another session has the advisory lock.
    void add_gate() {
        target.run("CREATE FUNCTION gate(of timestamptz) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
                   "$$BEGIN IF of AT TIME ZONE 'UTC' BETWEEN '2024-01-03' AND '2024-01-04' THEN "
                   "PERFORM pg_advisory_xact_lock_shared(1); END IF; RETURN 0; END$$;"
                   "CREATE INDEX gated ON readings (gate(time))");
    }

    /// Shuts the gate until the connection is closed.
    std::unique_ptr<postgres::Connection> shut_gate() {
        auto holder = target.connect();
        holder->execute("SELECT pg_advisory_lock(1)");
        return holder;
    }

    /// Waits for the program to come to the gate.
    bool is_at_gate() {
        return eventually([&] { return target.sessions("wait_event = 'advisory'") > 0; });
    }
};

TEST_F(PagedLoad, CopiesEachRowOnce) {
    make_readings();
    for (int i = 0; i < 2; ++i) {
        // Then with rows to replace.
        stage();
        EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr(way()));
        backfill_ok({"copy", "-p", "3"});
        expect_same_rows();
        EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "5");
        EXPECT_EQ(target.value("SELECT rows_copied FROM __backfill.task"), "40000");
        EXPECT_EQ(target.value("SELECT message FROM __backfill.task"), way());
        EXPECT_EQ(target.value("SELECT (SELECT count(*) FROM __backfill.page_load) + "
                               "(SELECT count(*) FROM __backfill.page_range) + "
                               "(SELECT count(*) FROM __backfill.page_slice)"),
                  "0");
        EXPECT_THAT(leftovers(), IsEmpty());
        // as many indexes as the hypertable
        EXPECT_EQ(target.rows("SELECT DISTINCT count(*) FROM pg_index WHERE indrelid IN (SELECT "
                              "show_chunks('readings')) GROUP BY indrelid"),
                  target.rows("SELECT count(*) FROM pg_index WHERE indrelid = "
                              "'readings'::regclass"));
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
}

TEST_F(PagedLoad, CopiesWhatIsWithinTheBounds) {
    make_readings();
    target.run("INSERT INTO readings VALUES ('2024-01-01 01:00', 99), ('2024-01-04 23:00', 99)");
    backfill_ok({"stage", "--from", "2024-01-01 12:00", "--until", "2024-01-05 12:00"});
    backfill_ok({"copy"});
    EXPECT_EQ(target.rows("SELECT time::date FROM readings WHERE device = 99"),
              (std::vector<std::string>{"2024-01-01"}));
    target.run("DELETE FROM readings WHERE device = 99");
    expect_same_rows("time >= '2024-01-01 12:00' AND time < '2024-01-05 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"),
              source.value("SELECT count(*) FROM readings WHERE time >= '2024-01-01 12:00' AND "
                           "time < '2024-01-05 12:00'"));
}

TEST_F(PagedLoad, ReadsPartitionsAndChildTables) {
    make_readings(" PARTITION BY LIST (device); CREATE TABLE small PARTITION OF readings FOR "
                  "VALUES IN (1, 2); CREATE TABLE rest PARTITION OF readings DEFAULT PARTITION BY "
                  "LIST (device); CREATE TABLE large PARTITION OF rest DEFAULT");
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    // The largest partition comes first.
    EXPECT_EQ(target.value("SELECT DISTINCT table_name FROM __backfill.page_range WHERE writer IS "
                           "NOT NULL"),
              "large");
    backfill_ok({"copy"});
    expect_same_rows();
    backfill_ok({"verify"});
}

TEST_F(PagedLoad, GoesOnWhereAKilledRunStopped) {
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    const auto before = rows_of_ranges();
    EXPECT_GT(before, 8'000); // a range has 8,192
    const auto writers = target.value("SELECT array_agg(writer) FROM __backfill.page_range");
    backfill_ok({"copy"});
    EXPECT_EQ(
        target.value(fmt::format("SELECT count(*) FROM readings WHERE xmin = ANY ('{}')", writers)),
        std::to_string(before));
    expect_same_rows();
    EXPECT_EQ(target.value("SELECT rows_copied FROM __backfill.task"), "40000");
    backfill_ok({"verify"});
}

TEST_F(PagedLoad, StopsAndPausesBetweenRanges) {
    make_readings();
    stage();
    const auto program = start({"copy", "-p", "1", "--max-rate", "8MB/s"});
    ASSERT_TRUE(eventually([&] { return std::stoi(loaded_ranges()) >= 1; }));
    backfill_ok({"pause"});
    EXPECT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM __backfill.run WHERE workers -> 0 ->> 'activity' "
                            "= 'paused'") == "1";
    }));
    const auto loaded = loaded_ranges();
    EXPECT_LT(std::stoi(loaded), ranges());
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    EXPECT_EQ(loaded_ranges(), loaded);
    backfill_ok({"resume"});
    backfill_ok({"copy"});
    expect_same_rows();
}

TEST_F(PagedLoad, KeepsTheApplicationsRowsOnce) {
    make_readings();
    target.run("INSERT INTO readings VALUES ('2024-01-02 03:00', 77, 'before the run')");
    // Equal rows, one of which the application also writes to the target.
    source.run("INSERT INTO readings SELECT '2024-01-04 05:06', 66, 'twice' FROM "
               "generate_series(1, 2)");
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    // Written to both, after the first snapshot and before the last; and to the target alone.
    both("INSERT INTO readings VALUES ('2024-01-03 04:05', 88, 'both'), "
         "('2024-01-03 04:05', 88, 'both'), ('2024-02-03 04:05', 88, 'both')");
    target.run("INSERT INTO readings VALUES ('2024-01-04 04:05', 99, 'target'), "
               "('2024-01-04 05:06', 66, 'twice')");
    backfill_ok({"copy", "-p", "2"});
    EXPECT_EQ(target.rows("SELECT filler FROM readings WHERE device > 20 ORDER BY 1"),
              (std::vector<std::string>{"both", "both", "both", "target", "twice", "twice"}));
    target.run("DELETE FROM readings WHERE device = 99");
    expect_same_rows();
}

TEST_F(PagedLoad, KeepsTheApplicationsRowsWithTheSameKey) {
    make_readings();
    target.run("ALTER TABLE readings ADD UNIQUE (time, device)");
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    // As long as nobody has copied them: the last ones are in the last pages.
    target.run("INSERT INTO readings SELECT '2024-01-01'::timestamptz + g * 7919 % 432000 * "
               "interval '1 second', g % 10, 'changed' FROM generate_series(39901, 40000) g");
    backfill_ok({"copy", "-p", "3"});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE filler = 'changed'"), "100");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "40000");
}

TEST_F(PagedLoad, BeginsAgainIfTheTableWasRewritten) {
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    source.run("CREATE INDEX by_time ON readings (time); CLUSTER readings USING by_time;"
               "DROP INDEX by_time");
    backfill_ok({"copy"});
    expect_same_rows();
    backfill_ok({"verify"});
}

TEST_F(PagedLoad, BeginsAgainWithOtherBounds) {
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    backfill_ok({"stage", "--until", "2024-01-05"});
    source.run("INSERT INTO readings VALUES ('2024-02-03 04:05', 3)");
    backfill_ok({"stage", "--until", "2024-03-01"});
    backfill_ok({"copy"});
    expect_same_rows();
}

TEST_F(PagedLoad, ReadsPartitionsAddedMeanwhile) {
    make_readings(" PARTITION BY LIST (device); CREATE TABLE large PARTITION OF readings FOR "
                  "VALUES IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)");
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    source.run("CREATE TABLE new PARTITION OF readings DEFAULT;"
               "INSERT INTO readings VALUES ('2024-01-03', 10)");
    backfill_ok({"copy"});
    expect_same_rows();
}

TEST_F(PagedLoad, BeginsAgainIfAPartitionWasRenamed) {
    make_readings(" PARTITION BY LIST (device); CREATE TABLE large PARTITION OF readings DEFAULT");
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    source.run("ALTER TABLE large RENAME TO renamed");
    backfill_ok({"copy"});
    expect_same_rows();
}

TEST_F(PagedLoad, BeginsAgainIfTheTargetWasTruncated) {
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    target.run("TRUNCATE readings");
    backfill_ok({"copy"});
    expect_same_rows();
}

TEST_F(PagedLoad, FailsIfRowsViolateAKeyOfTheTarget) {
    make_readings();
    source.run("INSERT INTO readings SELECT * FROM readings LIMIT 1");
    target.run("ALTER TABLE readings ADD UNIQUE (time, device)");
    stage();
    const auto outcome = backfill({"copy", "-p", "1"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output, AnyOf(HasSubstr("duplicate key value violates unique constraint"),
                                      HasSubstr("could not create unique index")));
    EXPECT_THAT(leftovers(), IsEmpty());
    // The next run reads all rows again.
    source.run("DELETE FROM readings WHERE ctid = (SELECT max(ctid) FROM readings)");
    backfill_ok({"copy", "-p", "2"});
    expect_same_rows();
}

TEST_F(PagedLoad, FailsIfARowViolatesAConstraintOfTheTarget) {
    make_readings();
    source.run("INSERT INTO readings VALUES ('2024-01-03', 12)");
    target.run("ALTER TABLE readings ADD CONSTRAINT known CHECK (device < 10)");
    stage();
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output, HasSubstr("violates check constraint \"known\""));
    target.run("ALTER TABLE readings DROP CONSTRAINT known");
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_THAT(leftovers(), IsEmpty());
}

TEST_F(PagedLoad, GoesOnAttachingWhereAKilledRunStopped) {
    if (!attaches())
        GTEST_SKIP() << "no tables are attached";
    make_readings();
    // What building adds, and what a stand-in has.
    both("CREATE TABLE device (id int PRIMARY KEY);"
         "INSERT INTO device SELECT generate_series(0, 100)");
    target.run("ALTER TABLE readings ADD FOREIGN KEY (device) REFERENCES device;"
               "ALTER TABLE readings ADD CONSTRAINT positive CHECK (device >= 0) NOT VALID");
    add_gate();
    stage();
    auto holder = shut_gate();
    const auto program = start({"copy", "-p", "1"});
    ASSERT_TRUE(is_at_gate());
    program->signal(SIGKILL);
    program->wait();
    holder.reset();
    ASSERT_TRUE(eventually([&] { return target.sessions() == 0; }));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.page_slice WHERE writer IS NOT NULL"),
              "2");
    EXPECT_EQ(target.value("SELECT string_agg(DISTINCT time::date::text, ' ') FROM readings"),
              "2024-01-01 2024-01-02");
    EXPECT_THAT(staging_tables(), SizeIs(3));
    EXPECT_EQ(rows_of_ranges(), 40000);
    const auto writers = target.value("SELECT array_agg(writer) FROM __backfill.page_range");
    // Killed again, when a table has its indexes and constraints.
    holder = target.connect();
    holder->execute("BEGIN; LOCK TABLE readings IN SHARE UPDATE EXCLUSIVE MODE");
    const auto second = start({"copy", "-p", "1"});
    ASSERT_TRUE(eventually([&] {
        return target.sessions("wait_event_type = 'Lock' AND wait_event = 'relation'") > 0;
    }));
    second->signal(SIGKILL);
    second->wait();
    holder.reset();
    ASSERT_TRUE(eventually([&] { return target.sessions() == 0; }));
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = "
                           "'" +
                           staging_tables().front() + "'::regclass"),
              "1");
    // An index that was dropped since, and a chunk that the application creates.
    target.run("CREATE INDEX ON " + staging_tables().front() + " (filler)");
    both("INSERT INTO readings VALUES ('2024-01-02 01:02', 88), ('2024-01-04 01:02', 88)");
    backfill_ok({"copy", "-p", "2"});
    expect_same_rows();
    EXPECT_EQ(target.value(fmt::format(
                  "SELECT count(*) FROM readings WHERE xmin = ANY ('{}') OR device = 88", writers)),
              target.value("SELECT count(*) FROM readings WHERE time < '2024-01-04' OR time >= "
                           "'2024-01-05' OR device = 88"));
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_indexes WHERE indexdef ~ 'filler'"), "0");
    EXPECT_THAT(leftovers(), IsEmpty());
    backfill_ok({"verify"});
}

TEST_F(PagedLoad, KeepsWhatIsLoadedIfAStatementIsCancelled) {
    if (!attaches())
        GTEST_SKIP() << "no tables are attached";
    make_readings();
    add_gate();
    stage();
    auto holder = shut_gate();
    const auto program = start({"copy", "-p", "1"});
    ASSERT_TRUE(is_at_gate());
    const auto writers = target.value("SELECT array_agg(writer) FROM __backfill.page_range");
    target.run(fmt::format("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {}",
                           waits_for_advisory_lock));
    EXPECT_EQ(program->wait().exit_status, exit_failed);
    holder.reset();
    EXPECT_THAT(staging_tables(), SizeIs(3));
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_EQ(
        target.value(fmt::format("SELECT count(*) FROM readings WHERE xmin = ANY ('{}')", writers)),
        "40000");
}

TEST_F(PagedLoad, DropsItsTablesIfTheTableHasBecomeSmall) {
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    target.run("UPDATE __backfill.task SET bytes = 1000");
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_THAT(leftovers(), IsEmpty());
    EXPECT_THAT(target.value("SELECT message FROM __backfill.task"),
                StartsWith("through the hypertable: "));
}

TEST_F(PagedLoad, BeginsAgainIfTheHypertableWasChanged) {
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    both("ALTER TABLE readings ADD added int DEFAULT 3");
    backfill_ok({"copy"});
    expect_same_rows("added = 3");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "40000");
    backfill_ok({"clean"});

    // A chunk that still had the column could not be written to.
    target.run("TRUNCATE readings; SELECT drop_chunks('readings', '2030-01-01'::timestamptz)");
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    both("ALTER TABLE readings DROP added");
    backfill_ok({"copy"});
    expect_same_rows();
    target.run("INSERT INTO readings SELECT time FROM readings WHERE device = 1");
    EXPECT_THAT(leftovers(), IsEmpty());
}

TEST_F(PagedLoad, BeginsAgainIfAGatheringTableIsGone) {
    if (!attaches())
        GTEST_SKIP() << "no tables are attached";
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    target.run("DROP TABLE " + staging_tables().front());
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_THAT(leftovers(), IsEmpty());
}

TEST_F(PagedLoad, InsertsGatheredRowsIfTheUserWantsNoAttaching) {
    make_readings();
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    const auto before = rows_of_ranges();
    backfill_ok({"copy", "--load-strategy", "in-place"});
    expect_same_rows();
    EXPECT_GT(before, 8'000); // a range has 8,192
    EXPECT_THAT(leftovers(), IsEmpty());
}

TEST_F(PagedLoad, ReportsEqualKeysOfGatheredRowsAlsoIfItInsertsThem) {
    make_readings();
    source.run("INSERT INTO readings SELECT * FROM readings LIMIT 1");
    target.run("ALTER TABLE readings ADD UNIQUE (time, device)");
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    const auto outcome = backfill({"copy", "--load-strategy", "in-place"});
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
}

TEST_F(PagedLoad, AttachesNoSmallChunks) {
    make_readings();
    target.run("SELECT set_chunk_time_interval('readings', interval '1 hour')");
    stage();
    const auto how = attaches() ? "through the hypertable, by ranges of pages: the source's table "
                                  "has no index on time; tables are not attached: its chunks are "
                                  "small"
                                : way();
    EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr(how));
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "120");
    EXPECT_EQ(target.value("SELECT message FROM __backfill.task"), how);
}

TEST_F(PagedLoad, FindsTheSlicesOfAllTypesOfTime) {
    struct Axis {
        std::string type, value, interval, bound;
    };
    // 40,000 rows in five slices, some of them before the epoch.
    for (const Axis& axis :
         {Axis{"timestamp", "'1999-12-29'::timestamp + s * interval '1 second'", "interval '1 day'",
               "2024-01-01"},
          {"date", "'1969-12-30'::date + s / 86400", "interval '1 day'", "2024-01-01"},
          {"bigint", "s - 200000", "86400", "1000000"},
          {"int", "s - 200000", "86400", "1000000"},
          {"smallint", "s / 40 - 5000", "2160", "10000"}}) {
        const auto create = fmt::format(
            "DROP TABLE IF EXISTS readings; CREATE TABLE readings (time {} NOT NULL, filler text)",
            axis.type);
        both(create);
        target.run(fmt::format("SELECT create_hypertable('readings', 'time', chunk_time_interval "
                               "=> {})",
                               axis.interval));
        source.run(fmt::format("INSERT INTO readings SELECT {}, repeat('x', 1900) FROM (SELECT g * "
                               "7919 % 432000 AS s FROM generate_series(1, 40000) g) AS row; "
                               "ANALYZE readings",
                               axis.value));
        backfill_ok({"stage", "--until", axis.bound});
        backfill_ok({"copy"});
        expect_same_rows();
        EXPECT_THAT(target.value("SELECT message FROM __backfill.task"), HasSubstr(way()));
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
}

TEST_F(PagedLoad, ReadsTheTableInOnePassIfItMayNotReadAPartition) {
    make_readings(" PARTITION BY LIST (device); CREATE TABLE large PARTITION OF readings DEFAULT");
    const Role role(source, "reader");
    source.run("GRANT SELECT ON readings TO " + role.name());
    way_to_source = role.uri();
    stage();
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_THAT(target.value("SELECT message FROM __backfill.task"),
                StartsWith("through the hypertable: \"public\".\"large\" of the source's "
                           "table has no index on time"));
}

TEST_F(PagedLoad, ReplacesOnlyWhatDiffersWhereRowsAreReferenced) {
    if (!version_at_least(2, 16))
        GTEST_SKIP() << "foreign keys may not reference hypertables";
    make_readings();
    target.run("ALTER TABLE readings ADD UNIQUE (time, device)");
    stage();
    backfill_ok({"copy"});
    backfill_ok({"clean"});
    target.run("CREATE TABLE reader AS SELECT time, device FROM readings WHERE device = 2;"
               "ALTER TABLE reader ADD FOREIGN KEY (time, device) REFERENCES readings (time, "
               "device) ON DELETE CASCADE");
    source.run("UPDATE readings SET filler = 'new' WHERE device = 2");
    stage();
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_EQ(target.value("SELECT count(*) FROM reader"), "4000");
}

} // namespace
} // namespace test
