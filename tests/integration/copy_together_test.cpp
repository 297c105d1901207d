// `copy` and `verify` of several small chunks together, `copy` of a large chunk by several workers,
// and `copy --explain`.

#include "support/migration.hpp"
#include "support/proxy.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

namespace test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int exit_failed = 1;
constexpr int exit_differences = 3;

class CopyTogether : public Migration {
  protected:
    static constexpr int chunks = 60;

    /// Creates 60 chunks, each with one row more than the one before.
    void create_ticks(const std::string& further_columns = "") {
        both(fmt::format("CREATE TABLE ticks (time int NOT NULL, value int{}); SELECT "
                         "create_hypertable('ticks', 'time', chunk_time_interval => 100)",
                         further_columns));
        source.run(fmt::format("INSERT INTO ticks (time, value) SELECT c * 100 + i, i FROM "
                               "generate_series(0, {}) c, generate_series(0, c) i",
                               chunks - 1));
    }

    /// Creates the same chunks in the target, empty.
    void clone_chunks() {
        target.run(fmt::format("INSERT INTO ticks (time) SELECT c * 100 FROM "
                               "generate_series(0, {}) c; DELETE FROM ticks",
                               chunks - 1));
        target.run("VACUUM ticks");
    }

    /// The rows of dimension_slice that sessions have read until now, on both sides. Waits until
    /// the other sessions have ended, because they publish their counters then.
    std::int64_t rows_read_of_the_catalog() {
        std::int64_t read = 0;
        for (auto* server : {&source, &target}) {
            EXPECT_TRUE(eventually([&] {
                return server->value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                     "current_database() AND backend_type = 'client backend' "
                                     "AND pid <> pg_backend_pid()") == "0";
            }));
            read += std::stoll(server->value("SELECT seq_tup_read + idx_tup_fetch FROM "
                                             "pg_stat_all_tables WHERE relid = "
                                             "'_timescaledb_catalog.dimension_slice'::regclass"));
        }
        return read;
    }

    /// The number of chunks that were finished together with others. They have the same duration.
    int finished_together() {
        return std::stoi(target.value("SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM "
                                      "__backfill.task GROUP BY seconds HAVING count(*) > 1) s"));
    }
};

TEST_F(CopyTogether, TakesFewRoundTripsPerChunk) {
    create_ticks();
    clone_chunks();
    backfill_ok({"stage", "--until", "100000"});
    for (const auto* command : {"copy", "verify"}) {
        const auto to_source = Proxy::in_front_of(source.uri());
        const auto to_target = Proxy::in_front_of(target.uri());
        const auto outcome =
            run_program({command, "-p", "2", "--source", to_source.uri(source.uri()), "--target",
                         to_target.uri(target.uri())});
        EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
        const auto round_trips = to_source.round_trips() + to_target.round_trips();
        RecordProperty(fmt::format("round_trips_of_{}", command), fmt::to_string(round_trips));
        // Connecting alone takes about 70 of them.
        EXPECT_LT(round_trips, chunks * 3) << command;
    }
    expect_equal();
}

TEST_F(CopyTogether, ReadsFewRowsOfTheCatalogPerChunk) {
    constexpr int many = 1000;
    both("CREATE TABLE ticks (time int NOT NULL); "
         "SELECT create_hypertable('ticks', 'time', chunk_time_interval => 1)");
    source.run(fmt::format("INSERT INTO ticks SELECT generate_series(1, {})", many));
    for (const auto* command : {"stage", "copy", "verify"}) {
        const auto before = rows_read_of_the_catalog();
        if (command == std::string("stage"))
            backfill_ok({command, "--until", "100000"});
        else
            backfill_ok({command, "-p", "2"});
        // Reading all slices for each chunk would be 1,000 per chunk. How many are read depends on
        // how many transactions the workers share the chunks out to: 110 were seen on a busy
        // machine.
        const auto read = rows_read_of_the_catalog() - before;
        RecordProperty(fmt::format("rows_read_by_{}", command), fmt::to_string(read));
        EXPECT_LT(read, 300 * many) << command;
    }
    expect_equal();
}

TEST_F(CopyTogether, CountsTheRowsOfEachChunk) {
    create_ticks();
    clone_chunks();
    source.run("DELETE FROM ticks WHERE time < 100"); // leaves an empty chunk
    migrate({"--until", "100000"}, "2");
    EXPECT_GT(finished_together(), chunks / 2);
    EXPECT_THAT(target.rows("SELECT lower(slice) FROM __backfill.task WHERE rows_copied <> "
                            "CASE lower(slice) WHEN 0 THEN 0 ELSE lower(slice) / 100 + 1 END"),
                IsEmpty());
    expect_equal();
    backfill_ok({"verify"});
}

TEST_F(CopyTogether, CreatesAbsentChunks) {
    create_ticks();
    migrate({"--until", "100000"}, "2");
    EXPECT_GT(finished_together(), chunks / 2);
    expect_equal();
    backfill_ok({"verify"});
}

TEST_F(CopyTogether, CreatesAbsentChunksBesideEmptyOnes) {
    create_ticks();
    source.run("DELETE FROM ticks WHERE time % 1000 < 100"); // leaves 6 empty chunks
    migrate({"--until", "100000"}, "2");
    EXPECT_GT(finished_together(), chunks / 2);
    const auto* rows = "SELECT time, value FROM ticks ORDER BY time";
    EXPECT_EQ(source.rows(rows), target.rows(rows));
    backfill_ok({"verify"});
}

TEST_F(CopyTogether, CopiesOneByOneWhatCannotBeCopiedTogether) {
    create_ticks(", sum int GENERATED ALWAYS AS (time + value) STORED");
    clone_chunks();
    // Existing rows in the range are replaced.
    target.run("INSERT INTO ticks SELECT time, 999 FROM generate_series(1000, 5950, 10) time");
    source.run("SELECT drop_chunks('ticks', newer_than => 3000, older_than => 3200)");
    backfill_ok({"stage", "--from", "1050", "--until", "5050"});
    source.run("SELECT drop_chunks('ticks', newer_than => 4000, older_than => 4200)");
    if (is_community()) {
        both("ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_orderby = 'time')");
        source.run("SELECT compress_chunk(c) FROM show_chunks('ticks', newer_than => 2000, "
                   "older_than => 2500) c");
        target.run("SELECT compress_chunk(c) FROM show_chunks('ticks', newer_than => 2300, "
                   "older_than => 2800) c");
    }
    const auto output = backfill_ok({"copy", "-p", "2"});
    EXPECT_THAT(output, HasSubstr("it is gone from the source"));
    EXPECT_GT(finished_together(), 0);
    const std::string copied = "(time >= 1050 AND time < 3000 OR time >= 3200 AND time < 4000 OR "
                               "time >= 4200 AND time < 5050)";
    expect_equal_rows("ticks", copied);
    EXPECT_EQ(target.value("SELECT count(*) FROM ticks WHERE value = 999 AND " + copied), "0");
    EXPECT_EQ(target.value("SELECT count(*) FROM ticks WHERE value = 999 AND NOT " + copied),
              "136");
    EXPECT_EQ(backfill({"verify"}).exit_status, 0);
}

TEST_F(CopyTogether, AChunkThatFailsDoesNotFailTheOthers) {
    create_ticks();
    clone_chunks();
    target.run("ALTER TABLE ticks ADD CHECK (time <> 3007)");
    backfill_ok({"stage", "--until", "100000"});
    const auto outcome = backfill({"copy", "-p", "2"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output, HasSubstr("1 chunk could not be copied"));
    EXPECT_THAT(outcome.output, HasSubstr("violates check constraint"));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NOT NULL"), "59");
    expect_equal_rows("ticks", "time < 3000 OR time >= 3100");
    target.run("ALTER TABLE ticks DROP CONSTRAINT ticks_time_check");
    backfill_ok({"copy"});
    expect_equal();
}

TEST_F(CopyTogether, ATriggerMaySkipRows) {
    create_ticks();
    clone_chunks();
    target.run("CREATE FUNCTION public.leave_out() RETURNS trigger LANGUAGE plpgsql AS "
               "'BEGIN IF new.value = 3 THEN RETURN NULL; END IF; RETURN new; END';"
               "CREATE TRIGGER leave_out BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION "
               "public.leave_out()");
    backfill_ok({"stage", "--until", "100000"});
    backfill_ok({"copy", "--parallelism", "2", "--fire-triggers"});
    expect_equal_rows("ticks", "value <> 3");
    EXPECT_EQ(target.value("SELECT count(*) FROM ticks WHERE value = 3"), "0");
}

TEST_F(CopyTogether, SupportsTypesThatAreCopiedAsText) {
    both("CREATE TYPE mood AS ENUM ('sad', 'happy');"
         "CREATE TYPE place AS (x int, how mood)");
    create_ticks(", places place[], name text, relation regclass");
    source.run(R"(UPDATE ticks SET places = ARRAY[(value, 'happy')::place], name = E'tab\t\\N\n')"
               ", relation = 'pg_class'");
    clone_chunks();
    migrate({"--until", "100000"}, "2");
    EXPECT_GT(finished_together(), 0);
    expect_equal();
    backfill_ok({"verify"});
}

TEST_F(CopyTogether, VerifyDescribesTheChunkThatDiffers) {
    create_ticks();
    migrate({"--until", "100000"}, "2");
    target.run("UPDATE ticks SET value = -1 WHERE time = 4015");
    for (const auto* mode : {"digest", "aggregate"}) {
        const auto outcome = backfill({"verify", "--all", "--mode", mode});
        EXPECT_EQ(outcome.exit_status, exit_differences);
        EXPECT_THAT(outcome.output, HasSubstr("59 equal"));
        EXPECT_THAT(outcome.output, HasSubstr("4015"));
        EXPECT_THAT(outcome.output, HasSubstr("value=-1"));
    }
}

TEST_F(CopyTogether, ExplainPrintsPlansAndReasonsAndChangesNothing) {
    create_ticks();
    source.run("INSERT INTO ticks SELECT 10000, i FROM generate_series(1, 10) i");
    clone_chunks();
    target.run("INSERT INTO ticks VALUES (5, 5)");
    backfill_ok({"stage", "--until", "5950"});
    const auto state = [&] {
        return target.rows("SELECT relname || relfilenode FROM pg_class ORDER BY 1");
    };
    const auto before = state();
    const auto tasks = target.rows("SELECT task::text FROM __backfill.task ORDER BY id");
    const auto output = backfill_ok({"copy", "--explain"});
    EXPECT_EQ(state(), before);
    EXPECT_EQ(target.rows("SELECT task::text FROM __backfill.task ORDER BY id"), tasks);
    EXPECT_THAT(output, HasSubstr(": in place: the target's chunk holds rows\n"));
    EXPECT_THAT(output, HasSubstr(": in place: a bound cuts the chunk\n"));
    EXPECT_THAT(output,
                HasSubstr(is_community() && version_at_least(2, 22) ? ": in place: it is small\n"
                                                                    : ": in place: "));
    EXPECT_THAT(output, HasSubstr("\n60 chunks: in place\n"));

    source.run("SELECT drop_chunks('ticks', older_than => 200)");
    EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                HasSubstr(": skipped: it is gone from the source\n"));
}

TEST_F(CopyTogether, ExplainNamesEachWay) {
    NEEDS_COMMUNITY_EDITION();
    create_ticks();
    backfill_ok({"stage", "--until", "100000"});
    EXPECT_THAT(backfill_ok({"copy", "--explain", "--load-strategy", "attach"}),
                HasSubstr("60 chunks: load, then attach\n"));
    EXPECT_THAT(backfill_ok({"copy", "--explain", "--load-strategy", "in-place"}),
                HasSubstr("60 chunks: create the chunk, then in place\n"));
    target.run("SELECT set_chunk_time_interval('ticks', 70); INSERT INTO ticks VALUES (130, 1)");
    EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                HasSubstr(": through the hypertable: the target's chunks have other slices\n"));
}

TEST_F(CopyTogether, WarnsAboutAttachingOnOldVersions) {
    create_ticks();
    backfill_ok({"stage", "--until", "500"});
    const auto output = backfill_ok({"copy", "--load-strategy", "attach"});
    EXPECT_THAT(output,
                HasSubstr(!is_community() ? "Note: the target's Apache edition cannot attach"
                          : version_at_least(2, 22) ? "Copied 5 chunks"
                                                    : "Note: the target has TimescaleDB"));
    expect_equal_rows("ticks", "time < 500");
    EXPECT_EQ(backfill({"copy", "--load-strategy", "fast"}).exit_status, 2);
}

class CopyShared : public Migration {
  protected:
    /// Creates and stages a chunk of about 100 MB, with rows of 4 kB that are not compressed.
    void create_large_chunk() {
        both("CREATE TABLE blobs (time timestamptz NOT NULL, number int, blob text); SELECT "
             "create_hypertable('blobs', 'time'); ALTER TABLE blobs ALTER blob SET STORAGE PLAIN");
        source.run("INSERT INTO blobs SELECT '2024-01-01'::timestamptz + i * interval '1 s', i, "
                   "repeat('x', 4000) FROM generate_series(1, 25000) i");
        backfill_ok({"stage", "--until", "2025-01-01"});
    }
};

TEST_F(CopyShared, SeveralWorkersReadOneLargeChunk) {
    NEEDS_COMMUNITY_EDITION();
    create_large_chunk();
    // The target answers slowly, so that the test can observe the workers.
    const auto to_target = Proxy::in_front_of(target.uri(), std::chrono::milliseconds(20));
    Program program({"copy", "-p", "4", "--load-strategy", "attach", "--source", source.uri(),
                     "--target", to_target.uri(target.uri())});
    const auto readers = [&] {
        return std::stoi(source.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                      "current_database() AND query LIKE 'COPY (SELECT%ctid%'"));
    };
    EXPECT_TRUE(eventually([&] { return readers() >= 2; }));
    const auto outcome = program.wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("25,000 rows"));
    expect_equal();
    backfill_ok({"verify"});
    EXPECT_THAT(target.rows("SELECT relname FROM pg_class WHERE relname LIKE 'staging%'"),
                IsEmpty());
}

TEST_F(CopyShared, APieceThatFailsFailsTheChunk) {
    NEEDS_COMMUNITY_EDITION();
    create_large_chunk();
    target.run("ALTER TABLE blobs ADD CONSTRAINT small CHECK (number < 24000)");
    const auto outcome = backfill({"copy", "-p", "4", "--load-strategy", "attach"});
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("violates check constraint \"small\""));
    EXPECT_EQ(target.value("SELECT count(*) FROM blobs"), "0");
    EXPECT_THAT(target.rows("SELECT relname FROM pg_class WHERE relname LIKE 'staging%'"),
                IsEmpty());
    target.run("ALTER TABLE blobs DROP CONSTRAINT small");
    backfill_ok({"copy", "-p", "4", "--load-strategy", "attach"});
    expect_equal();
}

TEST_F(CopyShared, TheSecondSignalStopsAllHelpers) {
    NEEDS_COMMUNITY_EDITION();
    create_large_chunk();
    target.run("CREATE FUNCTION public.slow(int) RETURNS bool LANGUAGE sql AS "
               "'SELECT pg_sleep(0.002) IS NOT NULL'; ALTER TABLE blobs ADD CONSTRAINT slow CHECK "
               "(public.slow(number))");
    const auto program = start({"copy", "-p", "4", "--load-strategy", "attach"});
    ASSERT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND query LIKE 'COPY \"__backfill\"%'") == "4";
    }));
    interrupt(*program);
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, 130);
    EXPECT_THAT(target.rows("SELECT relname FROM pg_class WHERE relname LIKE 'staging%'"),
                IsEmpty());
    EXPECT_EQ(target.value("SELECT count(*) FROM blobs"), "0");
    target.run("ALTER TABLE blobs DROP CONSTRAINT slow");
    backfill_ok({"copy", "--load-strategy", "attach"});
    expect_equal();
}

} // namespace
} // namespace test
