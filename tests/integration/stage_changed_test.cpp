// `stage --changed`: chunks that have changed in the source since they were copied are mended.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class StageChanged : public Migration {
  protected:
    using Migration::Migration;

    void create_readings(int devices = 100) {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        change(fmt::format(
            "INSERT INTO readings SELECT t, d, d FROM generate_series(1, {}) d, "
            "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t",
            devices));
    }

    /// Runs SQL in the source, and makes the server publish the counters of changes at once.
    void change(const std::string& sql) { source.run(sql + "; SELECT pg_stat_force_next_flush()"); }

    void copy_readings() {
        create_readings();
        migrate({"--until", "2025-01-01"});
    }

    std::string stage_changed(const std::vector<std::string>& further = {}) {
        std::vector<std::string> arguments{"stage", "--until", "2025-01-01", "--changed"};
        arguments.insert(arguments.end(), further.begin(), further.end());
        return backfill_ok(arguments);
    }

    /// The days of the chunks to copy, each with whether it will be mended.
    std::vector<std::string> to_do() {
        return target.rows(
            "SELECT to_char(to_timestamp(lower(slice) / 1000000) AT TIME ZONE 'UTC', "
            "'MM-DD'), mend FROM __backfill.task WHERE worked IS NULL ORDER BY 1");
    }

    void expect_mended() {
        backfill_ok({"copy"});
        expect_equal_rows("readings");
        backfill_ok({"verify"});
    }
};

TEST_F(StageChanged, QueuesOnlyChunksWhoseRowsHaveChanged) {
    copy_readings();
    EXPECT_THAT(stage_changed(), AllOf(HasSubstr("Staged 0 chunks"), HasSubstr("Skipped 3 chunks"),
                                       Not(HasSubstr("mended"))));
    change("UPDATE readings SET value = -1 WHERE time = '2024-01-01 05:00' AND device = 7");
    change("DELETE FROM readings WHERE time = '2024-01-03 05:00' AND device = 8");
    EXPECT_THAT(backfill_ok({"stage", "--until", "2025-01-01"}), HasSubstr("Skipped 3 chunks"));
    EXPECT_THAT(to_do(), IsEmpty());
    EXPECT_THAT(stage_changed({"--dry-run"}), HasSubstr("2 chunks that have changed since they "
                                                        "were copied, or may have, would be "));
    EXPECT_THAT(to_do(), IsEmpty());
    EXPECT_THAT(stage_changed(), HasSubstr("2 chunks that have changed since they were copied, or "
                                           "may have, will be mended."));
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-03|t"));
    // They remain queued, once.
    EXPECT_THAT(stage_changed(), HasSubstr("Skipped 3 chunks"));
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-03|t"));
    expect_mended();

    change("INSERT INTO readings VALUES ('2024-01-02 05:30', 1, 1), ('2024-01-09', 1, 1)");
    EXPECT_THAT(stage_changed(),
                AllOf(HasSubstr("Staged 1 chunk."), HasSubstr("1 chunk that has changed since it "
                                                              "was copied")));
    EXPECT_THAT(to_do(), ElementsAre("01-02|t", "01-09|f"));
    expect_mended();
    EXPECT_THAT(stage_changed(), HasSubstr("Skipped 4 chunks"));
}

/// Rows that the copy's snapshot does not show were not copied, whenever their transaction began.
TEST_F(StageChanged, FindsChangesThatWereNotCommittedWhenTheChunkWasCopied) {
    create_readings();
    const auto writer = source.connect();
    writer->execute("BEGIN; UPDATE readings SET value = -1 WHERE time = '2024-01-02 05:00'; "
                    "DELETE FROM readings WHERE time = '2024-01-03 05:00'");
    migrate({"--until", "2025-01-01"});
    writer->execute("COMMIT; SELECT pg_stat_force_next_flush()");
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-02|t", "01-03|t"));
    expect_mended();
}

TEST_F(StageChanged, CountsAChunkWithAnotherFileAsChanged) {
    copy_readings();
    source.run("TRUNCATE " + chunks_of(source, "readings").at(1));
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-02|t"));
    expect_mended();
    source.run("VACUUM FULL readings");
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-02|t", "01-03|t"));
    expect_mended();
}

TEST_F(StageChanged, NamesChunksThatAreGoneFromTheSource) {
    copy_readings();
    source.run("SELECT drop_chunks('readings', older_than => '2024-01-02'::timestamptz)");
    EXPECT_THAT(
        stage_changed({"--dry-run"}),
        testing::ContainsRegex("\n1 copied chunk is gone from the source, such as "
                               "\"_timescaledb_internal\"\\.\"_hyper_._1_chunk\"\\. Their rows "
                               "stay in the target; drop_chunks\\(\\) deletes them there\\."));
    EXPECT_THAT(stage_changed({"--output", "json"}), HasSubstr("\"gone\":1"));
    // A new chunk takes the place of one that is gone.
    source.run("TRUNCATE readings; INSERT INTO readings VALUES ('2024-01-03 05:00', 1, 1)");
    EXPECT_THAT(stage_changed(), AllOf(HasSubstr("Staged 1 chunk,"),
                                       HasSubstr("2 copied chunks are gone from the source")));
    backfill_ok({"copy"});
    EXPECT_THAT(target.rows("SELECT time::date, count(*) FROM readings GROUP BY 1 ORDER BY 1"),
                testing::SizeIs(3));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time >= '2024-01-03'"), "1");
}

TEST_F(StageChanged, StatusShowsWhatEachPassFound) {
    copy_readings();
    EXPECT_THAT(backfill_ok({"status"}), Not(HasSubstr("pass")));
    change("UPDATE readings SET value = -1 WHERE time = '2024-01-01 05:00' AND device = 7");
    stage_changed();
    backfill_ok({"copy"});
    source.run("INSERT INTO readings VALUES ('2024-02-01', 1, 1);"
               "SELECT drop_chunks('readings', older_than => '2024-01-02'::timestamptz)");
    stage_changed();
    EXPECT_THAT(
        backfill_ok({"status"}),
        AllOf(testing::ContainsRegex("pass  staged \\(UTC\\) +new  extended  changed  gone +size"),
              testing::ContainsRegex("   1  20..-..-.. ..:.. +-         -        1     -"),
              testing::ContainsRegex("   2  20..-..-.. ..:.. +1         -        -     1")));
    EXPECT_THAT(backfill_ok({"status", "--json"}),
                AllOf(HasSubstr("\"number\":1"), HasSubstr("\"changed\":1")));
}

TEST_F(StageChanged, FindsChangesOfCompressedChunks) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    copy_readings();
    change("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
           "'device'); SELECT compress_chunk(chunk) FROM show_chunks('readings', older_than => "
           "'2024-01-03'::timestamptz) AS chunk");
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'device')");
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-02|t"));
    expect_mended();
    stage_changed();
    EXPECT_THAT(to_do(), IsEmpty());
    change("UPDATE readings SET value = -1 WHERE time = '2024-01-02 05:00' AND device = 7");
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-02|t"));
    expect_mended();
}

TEST_F(StageChanged, CountsWhatIsNotKnownAsChanged) {
    copy_readings();
    source.run("SELECT pg_stat_reset()");
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-02|t", "01-03|t"));
    expect_mended();
    stage_changed();
    EXPECT_THAT(to_do(), IsEmpty());

    source.run(fmt::format("ALTER DATABASE {} SET track_counts = off", source.name()));
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-02|t", "01-03|t"));
    expect_mended();
    // Changes were not counted while the chunks were copied.
    source.run(fmt::format("ALTER DATABASE {} RESET track_counts", source.name()));
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-02|t", "01-03|t"));
}

TEST_F(StageChanged, CountsChunksThatWereCopiedUnderAnOlderSnapshotAsChanged) {
    create_readings();
    const auto exporter = source.connect();
    exporter->execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
    const auto snapshot = exporter->execute("SELECT pg_export_snapshot() AS id").string(0, "id");
    change("UPDATE readings SET value = -1 WHERE time = '2024-01-02 05:00'");
    migrate({"--until", "2025-01-01", "--snapshot", snapshot});
    exporter->execute("COMMIT");
    stage_changed();
    EXPECT_THAT(to_do(), ElementsAre("01-01|t", "01-02|t", "01-03|t"));
    expect_mended();
}

TEST_F(StageChanged, RefusesASnapshot) {
    const auto outcome = backfill(
        {"stage", "--until", "2025-01-01", "--changed", "--snapshot", "00000003-0000001B-1"});
    EXPECT_EQ(outcome.exit_status, 2);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("--changed"), HasSubstr("--snapshot")));
}

/// Passes make both sides equal while the application inserts, updates and deletes only in the
/// source; the last one after it has stopped.
TEST_F(StageChanged, PassesConvergeWhileTheSourceIsWrittenTo) {
    create_readings(4'000); // small chunks would be copied as a whole
    backfill_ok({"stage", "--until", "2025-01-01"});
    std::atomic<bool> stop = false;
    std::atomic<int> written = 0;
    {
        const std::jthread writer([&] {
            const auto connection = source.connect();
            for (int i = 0; i < 20'000 && !stop; ++i) {
                const auto time =
                    fmt::format("'2024-01-01'::timestamptz + {} * interval '7 min'", i * 37 % 600);
                connection->execute(fmt::format(
                    "INSERT INTO readings VALUES ({0}, {1}, 1); UPDATE readings SET value = {1} "
                    "WHERE time = date_trunc('hour', {0}) AND device = {1} % 100; DELETE FROM "
                    "readings WHERE time = date_trunc('hour', {0}) AND device = ({1} + 50) % 100",
                    time, i));
                ++written;
            }
            connection->execute("SELECT pg_stat_force_next_flush()");
        });
        for (int pass = 0; pass < 2; ++pass) {
            const int before = written;
            backfill_ok({"copy"});
            EXPECT_TRUE(eventually([&] { return written > before; }));
            stage_changed();
        }
        stop = true;
    }
    stage_changed();
    expect_mended();
    // Now little differs.
    change("UPDATE readings SET value = -1 WHERE time = '2024-01-03 05:00' AND device = 4000");
    stage_changed();
    expect_mended();
    EXPECT_THAT(target.rows("SELECT message FROM __backfill.task ORDER BY slice DESC LIMIT 1"),
                ElementsAre(HasSubstr("mended ")));
    EXPECT_THAT(stage_changed(), HasSubstr("Staged 0 chunks"));
    EXPECT_THAT(to_do(), IsEmpty());
}

class StageChangedPlain : public StageChanged {
  protected:
    StageChangedPlain() : StageChanged(DatabaseOptions{.with_extension = false}) {}
};

/// The counters are those of the table, so that all of its slices count as changed.
TEST_F(StageChangedPlain, QueuesTheSlicesOfTablesThatHaveChanged) {
    for (const std::string table : {"readings", "events"}) {
        both(fmt::format("CREATE TABLE {0} (time timestamptz NOT NULL, device int, value float8);"
                         "CREATE INDEX ON {0} (time)",
                         table));
        target.run(fmt::format("SELECT create_hypertable('{}', 'time', chunk_time_interval => "
                               "interval '1 day')",
                               table));
        change(fmt::format("INSERT INTO {} SELECT t, 1, 1 FROM generate_series("
                           "'2024-01-01'::timestamptz, '2024-01-02 23:00', '1 hour') t",
                           table));
    }
    migrate({"--until", "2025-01-01"});
    stage_changed();
    EXPECT_THAT(to_do(), IsEmpty());
    change("UPDATE readings SET value = 2 WHERE time = '2024-01-02 05:00'");
    stage_changed();
    EXPECT_THAT(target.rows("SELECT DISTINCT chunk_name FROM __backfill.task WHERE worked IS NULL"),
                ElementsAre("readings"));
    expect_mended();
    // A slice without rows is no longer found in the source.
    change("DELETE FROM readings WHERE time < '2024-01-02'");
    stage_changed();
    expect_mended();
}

} // namespace
} // namespace test
