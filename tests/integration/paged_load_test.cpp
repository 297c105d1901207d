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
using testing::HasSubstr;
using testing::Not;

class PagedLoad : public Migration {
  protected:
    PagedLoad() : Migration(DatabaseOptions{.with_extension = false}) {}

    /// `readings` of five days: more than 64 MiB, and not in the order of time.
    void make_readings(const std::string& partitions = "") {
        const auto* columns = "CREATE TABLE readings (time timestamptz NOT NULL, device int, "
                              "filler text)";
        source.run(columns + partitions);
        target.run(columns);
        target.run("SELECT create_hypertable('readings', 'time', chunk_time_interval => interval "
                   "'1 day')");
        source.run("INSERT INTO readings SELECT '2024-01-01'::timestamptz + g * 7919 % 432000 * "
                   "interval '1 second', g % 10, repeat('x', 1000) FROM generate_series(1, 80000) "
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

    /// The number of rows in the target that the loaded ranges have inserted.
    std::string rows_of_ranges() {
        return target.value("SELECT count(*) FROM readings WHERE xmin IN (SELECT writer FROM "
                            "__backfill.page_range)");
    }
};

TEST_F(PagedLoad, CopiesEachRowOnce) {
    make_readings();
    for (int i = 0; i < 2; ++i) {
        // Then with rows to replace.
        stage();
        EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                    HasSubstr("through the hypertable, by ranges of pages: the source's table has "
                              "no index on time"));
        backfill_ok({"copy", "-p", "3"});
        expect_same_rows();
        EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "5");
        EXPECT_EQ(target.value("SELECT rows_copied FROM __backfill.task"), "80000");
        EXPECT_EQ(target.value("SELECT message FROM __backfill.task"),
                  "through the hypertable, by ranges of pages: the source's table has no index on "
                  "time");
        EXPECT_EQ(target.value("SELECT (SELECT count(*) FROM __backfill.page_load) + "
                               "(SELECT count(*) FROM __backfill.page_range)"),
                  "0");
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
    EXPECT_GT(std::stoi(before), 10'000);
    const auto writers = target.value("SELECT array_agg(writer) FROM __backfill.page_range");
    backfill_ok({"copy"});
    EXPECT_EQ(
        target.value(fmt::format("SELECT count(*) FROM readings WHERE xmin = ANY ('{}')", writers)),
        before);
    expect_same_rows();
    EXPECT_EQ(target.value("SELECT rows_copied FROM __backfill.task"), "80000");
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
    stage();
    ASSERT_NO_FATAL_FAILURE(copy_some_ranges());
    // Written to both, after the first snapshot and before the last; and to the target alone.
    both("INSERT INTO readings VALUES ('2024-01-03 04:05', 88, 'both'), "
         "('2024-01-03 04:05', 88, 'both'), ('2024-02-03 04:05', 88, 'both')");
    target.run("INSERT INTO readings VALUES ('2024-01-04 04:05', 99, 'target')");
    backfill_ok({"copy", "-p", "2"});
    EXPECT_EQ(target.rows("SELECT filler FROM readings WHERE device > 20 ORDER BY 1"),
              (std::vector<std::string>{"both", "both", "both", "target"}));
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
               "interval '1 second', g % 10, 'changed' FROM generate_series(79901, 80000) g");
    backfill_ok({"copy", "-p", "3"});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE filler = 'changed'"), "100");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "80000");
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
    EXPECT_THAT(outcome.output, HasSubstr("duplicate key value violates unique constraint"));
}

TEST_F(PagedLoad, ReadsTheTableInOnePassIfItMayNotReadAPartition) {
    make_readings(" PARTITION BY LIST (device); CREATE TABLE large PARTITION OF readings DEFAULT");
    const Role role(source, "reader");
    source.run("GRANT SELECT ON readings TO " + role.name());
    way_to_source = role.uri();
    stage();
    backfill_ok({"copy"});
    expect_same_rows();
    EXPECT_EQ(target.value("SELECT message FROM __backfill.task"),
              "through the hypertable: \"public\".\"large\" of the source's table has no index on "
              "time");
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
    EXPECT_EQ(target.value("SELECT count(*) FROM reader"), "8000");
}

} // namespace
} // namespace test
