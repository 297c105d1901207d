// Rows of the target that cannot simply be deleted, because foreign keys reference them or a
// publication forbids deletes.

#include "base/exit_status.hpp"
#include "support/migration.hpp"
#include "support/random.hpp"
#include "support/temporary_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// ---------------------------------------------------------------- foreign keys

/// A hypertable with a row per day. Tables of the target reference it with each action.
class ReferencedRows : public Migration {
  protected:
    void SetUp() override {
        if (!version_at_least(2, 16) || !version_at_least(source, 2, 16))
            GTEST_SKIP() << "foreign keys may not reference hypertables";
        both("CREATE TABLE sample (at timestamptz, id int, v float8, "
             "note text DEFAULT 'none', PRIMARY KEY (at, id));"
             "SELECT create_hypertable('sample', 'at', chunk_time_interval => interval '1 day');"
             "INSERT INTO sample SELECT '2025-06-01 10:00+00'::timestamptz + i * interval '1 day', "
             "i, i FROM generate_series(1, 6) i");
        target.run("CREATE TABLE cascaded (n int PRIMARY KEY, at timestamptz, id int);"
                   "CREATE TABLE emptied (LIKE cascaded INCLUDING INDEXES);"
                   "CREATE TABLE defaulted (LIKE cascaded INCLUDING INDEXES);"
                   "CREATE TABLE restricted (LIKE cascaded INCLUDING INDEXES);"
                   "CREATE TABLE untouched (LIKE cascaded INCLUDING INDEXES);"
                   "INSERT INTO cascaded SELECT id, at, id FROM sample WHERE id <= 5");
        for (const auto& [table, action] : actions)
            if (table != "cascaded")
                target.run(fmt::format("INSERT INTO {} TABLE cascaded", table));
        add_keys();
    }

    void add_keys(const std::string& option = "") {
        for (const auto& [table, action] : actions)
            target.run(fmt::format("ALTER TABLE {0} ADD CONSTRAINT \"{0}'s key\" FOREIGN KEY "
                                   "(at, id) REFERENCES sample ON DELETE {1} ON UPDATE CASCADE {2}",
                                   table, action, option));
    }

    void drop_key(const std::string& table) {
        target.run(fmt::format("ALTER TABLE {0} DROP CONSTRAINT \"{0}'s key\"", table));
    }

    void drop_keys() {
        for (const auto& [table, action] : actions)
            drop_key(table);
    }

    /// Drops all chunks. Before, drop_keys() must be called: drop_chunks() fails on 2.19.3
    /// and 2.29.2 if there are foreign keys, and drops them on 2.27.2.
    void drop_chunks() {
        target.run("SELECT drop_chunks('sample', older_than => '2030-01-01'::timestamptz)");
    }

    /// Expects that no key was dropped.
    void expect_keys() {
        EXPECT_EQ(target.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND "
                               "confrelid = 'sample'::regclass"),
                  "5");
    }

    std::vector<std::string> referencing() {
        std::vector<std::string> all;
        for (const auto& [table, action] : actions)
            for (const auto& row :
                 target.rows(fmt::format("SELECT '{0}', * FROM {0} ORDER BY n", table)))
                all.push_back(row);
        return all;
    }

    /// Copying succeeds only if all referenced rows are on both sides.
    void copy_again() {
        backfill_ok({"stage", "--until", "2026-01-01"});
        backfill_ok({"copy"});
        expect_equal_rows("sample");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }

    const std::vector<std::pair<std::string, std::string>> actions{{"cascaded", "CASCADE"},
                                                                   {"emptied", "SET NULL"},
                                                                   {"defaulted", "SET DEFAULT"},
                                                                   {"restricted", "RESTRICT"},
                                                                   {"untouched", "NO ACTION"}};
};

TEST_F(ReferencedRows, AreNotRewritten) {
    const auto before = referencing();
    const auto versions = target.rows("SELECT id, xmin FROM sample ORDER BY id");
    backfill_ok({"stage", "--until", "2026-01-01"});
    EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                AllOf(HasSubstr("in place, only what differs"),
                      HasSubstr("foreign keys reference rows of the target's chunk")));
    backfill_ok({"copy"});
    EXPECT_EQ(referencing(), before);
    EXPECT_EQ(target.rows("SELECT id, xmin FROM sample ORDER BY id"), versions);
    backfill_ok({"verify"});
}

TEST_F(ReferencedRows, GetTheSourcesValues) {
    const auto before = referencing();
    source.run("UPDATE sample SET v = -1, note = NULL WHERE id IN (1, 3); "
               "INSERT INTO sample VALUES ('2025-06-02 11:00+00', 1, 7), ('2025-07-02', 1, 7);"
               "DELETE FROM sample WHERE id = 6"); // which no row references
    copy_again();
    EXPECT_EQ(referencing(), before);
    expect_keys();
    EXPECT_EQ(target.value("SELECT count(*) FROM sample"), "7");
}

/// The range cuts a chunk.
TEST_F(ReferencedRows, OutsideTheRangeAreKept) {
    both("INSERT INTO sample VALUES ('2025-06-03 23:00+00', 1, 1)");
    source.run("UPDATE sample SET v = -1");
    target.run("UPDATE sample SET note = 'its own'");
    const auto before = referencing();
    migrate({"--from", "2025-06-02", "--until", "2025-06-03 12:00"});
    EXPECT_EQ(referencing(), before);
    expect_equal_rows("sample", "at >= '2025-06-02' AND at < '2025-06-03 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM sample WHERE note = 'its own'"), "5");
}

TEST_F(ReferencedRows, ThatOnlyTheTargetHasFireTheActionsOfForeignKeys) {
    drop_key("restricted");
    drop_key("untouched");
    source.run("DELETE FROM sample WHERE id = 2");
    copy_again();
    EXPECT_EQ(target.value("SELECT array_agg(n ORDER BY n) FROM cascaded"), "{1,3,4,5}");
    EXPECT_EQ(target.value("SELECT array_agg(coalesce(id, 0) ORDER BY n) FROM emptied"),
              "{1,0,3,4,5}");
    EXPECT_EQ(target.value("SELECT array_agg(coalesce(id, 0) ORDER BY n) FROM defaulted"),
              "{1,0,3,4,5}");
}

TEST_F(ReferencedRows, ThatOnlyTheTargetHasFailTheirChunkIfDeletesAreRestricted) {
    source.run("DELETE FROM sample WHERE id = 2");
    const auto before = referencing();
    for (const auto* table : {"restricted", "untouched"}) {
        backfill_ok({"stage", "--until", "2026-01-01"});
        const auto outcome = backfill({"copy"});
        EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
        EXPECT_THAT(outcome.output, AllOf(HasSubstr("_chunk\") failed: "),
                                          HasSubstr("the target has rows that differ from "
                                                    "the source's and cannot be replaced"),
                                          HasSubstr(fmt::format("on table \"{}\"", table))));
        EXPECT_EQ(referencing(), before);
        EXPECT_EQ(target.value("SELECT count(*) FROM sample"), "6");
        backfill_ok({"clean"});
        if (table == std::string("restricted"))
            drop_key(table);
    }
}

TEST_F(ReferencedRows, AreKeptIfTheTargetsChunksHaveOtherSlices) {
    drop_keys();
    target.run("CREATE TABLE saved AS TABLE sample; "
               "SELECT set_chunk_time_interval('sample', interval '7 hours')");
    drop_chunks();
    target.run("INSERT INTO sample TABLE saved");
    add_keys();
    source.run("UPDATE sample SET v = -1 WHERE id = 1; "
               "INSERT INTO sample VALUES ('2025-06-02 00:00+00', 1, 7);"
               "DELETE FROM sample WHERE id = 6");
    const auto before = referencing();
    copy_again();
    EXPECT_EQ(referencing(), before);
    expect_keys();
    EXPECT_NE(target.value("SELECT count(*) FROM show_chunks('sample')"), "6");
}

/// The Apache edition can create a chunk only by a row that is deleted again.
TEST_F(ReferencedRows, MayBeReferencedBeforeTheyAreCopied) {
    drop_keys();
    drop_chunks();
    add_keys("NOT VALID");
    const auto before = referencing();
    copy_again();
    EXPECT_EQ(referencing(), before);
    expect_keys();
}

TEST_F(ReferencedRows, OfCompressedChunksAreKept) {
    NEEDS_COMMUNITY_EDITION();
    // TimescaleDB does not compress chunks that are referenced.
    drop_keys();
    both("ALTER TABLE sample SET (timescaledb.compress, timescaledb.compress_segmentby = 'id');"
         "SELECT compress_chunk(c) FROM show_chunks('sample', older_than => "
         "'2025-06-05'::timestamptz) c");
    add_keys();
    // One chunk becomes partial, one is compressed only in the source, and one only in the target.
    target.run("INSERT INTO sample VALUES ('2025-06-02 12:00+00', 77, 7)");
    source.run("SELECT decompress_chunk(c) FROM show_chunks('sample', newer_than => "
               "'2025-06-03'::timestamptz, older_than => '2025-06-04'::timestamptz) c;"
               "UPDATE sample SET v = -1 WHERE id = 3;"
               "SELECT compress_chunk(c) FROM show_chunks('sample', newer_than => "
               "'2025-06-05'::timestamptz, older_than => '2025-06-06'::timestamptz) c");
    const auto before = referencing();
    backfill_ok({"stage", "--until", "2026-01-01"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("it stays uncompressed"));
    EXPECT_EQ(referencing(), before);
    expect_equal_rows("sample");
    backfill_ok({"verify"});
}

/// The writer's rows would be compressed immediately, without the unique index that foreign keys
/// need.
TEST_F(ReferencedRows, AreKeptIfTheTargetUsesDirectCompress) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    if (!version_at_least(2, 29))
        GTEST_SKIP() << "needs the option timescaledb.direct_compress";
    struct Round {
        const char* interval; ///< in the target
        bool compressed;      ///< in the target, before the copy
    };
    constexpr std::array all{Round{"1 day", false}, Round{"1 day", true}, Round{"7 hours", false},
                             Round{"7 hours", true}};
    target.run("CREATE TABLE saved AS TABLE sample");
    source.run("UPDATE sample SET v = -v WHERE id IN (1, 3)");
    for (const auto& round : all) {
        SCOPED_TRACE(fmt::format("{}, {}", round.interval, round.compressed));
        drop_keys();
        target.run(
            fmt::format("SELECT set_chunk_time_interval('sample', interval '{}')", round.interval));
        drop_chunks();
        target.run("INSERT INTO sample TABLE saved; DELETE FROM cascaded WHERE n = 70;"
                   "ALTER TABLE sample SET (timescaledb.compress, timescaledb.compress_segmentby = "
                   "'id', timescaledb.direct_compress = true);"
                   "SELECT alter_job(job_id, scheduled => false) FROM "
                   "timescaledb_information.jobs WHERE hypertable_name = 'sample'");
        if (round.compressed)
            target.run("SELECT compress_chunk(c) FROM show_chunks('sample') c");
        add_keys();
        source.run("DELETE FROM sample WHERE id = 70");
        auto expected = referencing();
        expected.insert(expected.begin() + 5, "cascaded|70|2025-06-02 12:30:00+00|70");

        backfill_ok({"stage", "--until", "2025-06-04"});
        const auto writer = target.connect();
        writer->execute("SET search_path = public");
        const auto outcome = backfill_while(
            source,
            fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", chunks_of(source, "sample")[0]),
            {"copy", "--parallelism", "1"}, [&](postgres::Connection& connection) {
                const std::string batch =
                    "INSERT INTO sample SELECT '2025-06-02 12:00+00'::timestamptz + i * interval "
                    "'1 min', 70, 7 FROM generate_series(0, 30) i";
                connection.execute(batch);
                writer->begin_pipeline(
                    {{batch}, {"INSERT INTO cascaded VALUES (70, '2025-06-02 12:30+00', 70)"}});
                // If batches are decompressed, the writer must wait.
                if (!round.compressed)
                    writer->finish_pipeline();
            });
        if (round.compressed)
            writer->finish_pipeline();
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        EXPECT_EQ(referencing(), expected);
        expect_keys();
        expect_equal_rows("sample", "at < '2025-06-04'");
        EXPECT_EQ(target.value("SELECT count(*) FROM sample"), "37");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
}

/// A writer inserts a row, and rows that reference it, while its chunk is copied.
TEST_F(ReferencedRows, ThatAreLateAreKept) {
    backfill_ok({"stage", "--until", "2025-06-03"});
    const auto chunk = chunks_of(source, "sample").front();
    const auto outcome = backfill_while(
        source, fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", chunk), {"copy"},
        [&](postgres::Connection& connection) {
            for (const auto* row :
                 {"('2025-06-02 12:00+00', 70, 7)", "('2025-06-02 13:00+00', 71, 7)"})
                connection.execute(fmt::format("INSERT INTO sample VALUES {}", row));
            target.run("INSERT INTO sample VALUES ('2025-06-02 12:00+00', 70, 7), "
                       "('2025-06-02 14:00+00', 72, 7);"
                       "INSERT INTO cascaded VALUES (70, '2025-06-02 12:00+00', 70), "
                       "(72, '2025-06-02 14:00+00', 72);"
                       "UPDATE sample SET v = 100 WHERE id = 1");
        });
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT array_agg(n ORDER BY n) FROM cascaded"), "{1,2,3,4,5,70,72}");
    EXPECT_THAT(target.rows("SELECT id, v FROM sample WHERE at < '2025-06-03' ORDER BY id"),
                ElementsAre("1|100", "70|7", "71|7", "72|7"));
}

TEST_F(ReferencedRows, AreReportedByCheck) {
    const auto rows = backfill({"check", "--until", "2026-01-01"}).output;
    EXPECT_THAT(
        rows,
        AllOf(HasSubstr("\"public\".\"cascaded\" references \"public\".\"sample\" (ON DELETE "
                        "CASCADE): rows that both sides have are kept; rows that only the target "
                        "has are deleted, and the rows that reference them are deleted"),
              HasSubstr("(ON DELETE SET NULL): "), HasSubstr("(ON DELETE SET DEFAULT): "),
              HasSubstr("(ON DELETE RESTRICT): "), HasSubstr("(ON DELETE NO ACTION): ")));
    const auto none = backfill({"check", "--until", "2025-01-01"}).output;
    EXPECT_THAT(none, AllOf(HasSubstr("(ON DELETE CASCADE), which has no rows in the range that "
                                      "copy would replace; dropping one of its chunks fails"),
                            Not(HasSubstr("rows that both sides have are kept"))));
}

// ---------------------------------------------------------------- any rows

/// Whatever rows the two sides have, the target gets the source's rows, with any key.
TEST_F(ReferencedRows, OfAnyKindBecomeTheSources) {
    const auto seed = first_seed();
    SCOPED_TRACE(fmt::format("BACKFILL_TEST_SEED={}", seed));
    Random random(seed);
    target.run("DROP TABLE cascaded, emptied, defaulted, restricted, untouched");
    for (int round = 0; round < rounds(6); ++round) {
        both("DROP TABLE IF EXISTS reader; DROP TABLE sample;"
             "CREATE TABLE sample (gone int, at timestamptz NOT NULL, id int, n numeric, "
             "twice int GENERATED ALWAYS AS (id * 2) STORED, body json, "
             "serial int GENERATED ALWAYS AS IDENTITY, \"odd \"\" {}\" text, UNIQUE (at, id));"
             "ALTER TABLE sample DROP COLUMN gone;"
             "SELECT create_hypertable('sample', 'at', chunk_time_interval => interval '1 day')");
        const bool has_other_slices = random.chance(30);
        if (has_other_slices)
            target.run("SELECT set_chunk_time_interval('sample', interval '5 hours')");
        for (int i = 0; i < 40; ++i) {
            const auto id = random.between(0, 4);
            const auto row = fmt::format(
                "INSERT INTO sample (at, id, n, body, serial, \"odd \"\" {{}}\") OVERRIDING SYSTEM "
                "VALUE VALUES ('2025-06-0{} {}:00+00', {}, {}, '{}', {}, {}) ON CONFLICT DO NOTHING",
                random.between(1, 3), random.between(0, 3), id == 0 ? "NULL" : std::to_string(id),
                random.pick<std::string>({"1", "1.0", "NULL"}),
                random.pick<std::string>({"{}", "{ }"}), random.between(1, 2),
                random.pick<std::string>({"NULL", "''", "'a'"}));
            const auto where = random.between(0, 3);
            if (where != 0)
                source.run(row);
            if (where != 1)
                target.run(row);
        }
        // The key is not checked, because 2.19.3 does not find rows of a hypertable with a dropped
        // column.
        target.run("CREATE TABLE reader AS SELECT at, id FROM sample WHERE id > 0;"
                   "ALTER TABLE reader ADD FOREIGN KEY (at, id) REFERENCES sample (at, id) "
                   "ON DELETE CASCADE NOT VALID");
        const auto kept = source.rows("SELECT at, id FROM sample WHERE id > 0");
        backfill_ok({"stage", "--until", "2026-01-01"});
        backfill_ok({"copy"});
        expect_equal_rows("sample");
        // What is left references rows that the source has.
        for (const auto& row : target.rows("SELECT at, id FROM reader"))
            EXPECT_NE(std::ranges::find(kept, row), kept.end());
        backfill_ok({"verify"});
        backfill_ok({"clean"});
        if (HasFailure())
            return;
    }
}

// ---------------------------------------------------------------- publications

/// A hypertable without a key, in a publication of the target.
class PublishedRows : public Migration {
  protected:
    void make_readings(const std::string& key = "") {
        both(fmt::format("CREATE TABLE readings (time timestamptz NOT NULL, device int{});"
                         "SELECT create_hypertable('readings', 'time', chunk_time_interval => "
                         "interval '1 day', create_default_indexes => false)",
                         key));
        source.run("INSERT INTO readings SELECT t, d FROM generate_series(1, 3) d, generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t");
    }

    void publish(const std::string& what = "FOR ALL TABLES") {
        target.run("SET client_min_messages = error; CREATE PUBLICATION everything " + what);
    }

    void copy_again() {
        backfill_ok({"stage", "--until", "2024-02-01"});
        backfill_ok({"copy"});
        expect_equal_rows("readings");
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }

    /// Expects that the copy fails with the server's reason, and changes nothing.
    void expect_refused() {
        const auto before = target.rows("SELECT * FROM readings ORDER BY 1, 2");
        backfill_ok({"stage", "--until", "2024-02-01"});
        const auto outcome = backfill({"copy"});
        EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
        EXPECT_THAT(outcome.output,
                    AllOf(HasSubstr("cannot be replaced: "), HasSubstr("replica identity")));
        EXPECT_EQ(target.rows("SELECT * FROM readings ORDER BY 1, 2"), before);
        backfill_ok({"clean"});
    }
};

// New batches cannot be distinguished from old ones.
TEST_F(PublishedRows, AreRefusedIfTheTargetUsesDirectCompress) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    if (!version_at_least(2, 29))
        GTEST_SKIP() << "needs the option timescaledb.direct_compress";
    make_readings();
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    target.run("INSERT INTO readings VALUES ('2024-01-01', 1);"
               "SELECT compress_chunk(c) FROM show_chunks('readings') c;"
               "ALTER TABLE readings SET (timescaledb.direct_compress = true);"
               "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs "
               "WHERE hypertable_name = 'readings'");
    publish();
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("the application writes compressed batches to the "
                                          "target's chunk"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time < '2024-01-02'"), "1");

    target.run("ALTER TABLE readings SET (timescaledb.direct_compress = false)");
    backfill_ok({"copy"});
    expect_equal_rows("readings");
    backfill_ok({"verify"});
}

TEST_F(PublishedRows, AreAddedToEmptyChunks) {
    make_readings();
    target.run("INSERT INTO readings SELECT t, 1 FROM generate_series('2024-01-01'::timestamptz, "
               "'2024-01-03', '1 day') t; TRUNCATE readings");
    publish();
    copy_again();
}

TEST_F(PublishedRows, AreKeptIfTheyAreTheSame) {
    make_readings();
    publish();
    // The target must get a row as often as the source has it.
    source.run("INSERT INTO readings SELECT '2024-01-01 05:00', 1 FROM generate_series(1, 4)");
    target.run("INSERT INTO readings SELECT '2024-01-01 05:00', 1 FROM generate_series(1, 2);"
               "INSERT INTO readings VALUES ('2024-01-02', 3)");
    copy_again();
    copy_again();
    target.run("INSERT INTO readings VALUES ('2024-01-02', 9)");
    expect_refused();
    EXPECT_THAT(backfill({"check", "--until", "2024-02-01"}).output,
                HasSubstr("ALTER TABLE \"public\".\"readings\" REPLICA IDENTITY FULL"));
    target.run("ALTER TABLE readings REPLICA IDENTITY FULL");
    copy_again();
    EXPECT_THAT(backfill({"check", "--until", "2024-02-01"}).output,
                Not(HasSubstr("REPLICA IDENTITY")));
}

TEST_F(PublishedRows, OfTablesAndSchemasAreKept) {
    make_readings();
    copy_again();
    std::vector<std::string> publications{"FOR TABLE readings"};
    if (std::stoi(target.value("SHOW server_version_num")) >= 150000)
        publications.emplace_back("FOR TABLES IN SCHEMA _timescaledb_internal");
    for (const auto& publication : publications) {
        SCOPED_TRACE(publication);
        publish(publication);
        copy_again();
        target.run("INSERT INTO readings VALUES ('2024-01-02', 9)");
        expect_refused();
        target.run("DROP PUBLICATION everything; DELETE FROM readings WHERE device = 9");
    }
}

/// A row filter may only name columns of the replica identity, and a list has to have all of them.
TEST_F(PublishedRows, OfColumnsOutsideTheirKeyAreKept) {
    if (std::stoi(target.value("SHOW server_version_num")) < 150000)
        GTEST_SKIP() << "needs publications with row filters";
    make_readings(", value int, PRIMARY KEY (time, device)");
    copy_again();
    for (const auto* publication :
         {"FOR TABLE readings WHERE (value > 0)", "FOR TABLE readings (time, value)"}) {
        SCOPED_TRACE(publication);
        publish(publication);
        copy_again();
        target.run("INSERT INTO readings VALUES ('2024-01-02', 9)");
        expect_refused();
        EXPECT_THAT(backfill({"check", "--until", "2024-02-01"}).output,
                    HasSubstr("does not cover the publication's row filter or column list"));
        target.run("DROP PUBLICATION everything; DELETE FROM readings WHERE device = 9");
    }
    publish("FOR TABLE readings (device, time) WHERE (device > 0)");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 9)");
    EXPECT_THAT(backfill({"check", "--until", "2024-02-01"}).output,
                Not(HasSubstr("does not cover")));
    copy_again();
}

TEST_F(PublishedRows, OfCompressedChunksAreReplaced) {
    NEEDS_COMMUNITY_EDITION();
    make_readings(" NOT NULL, UNIQUE (time, device)");
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    source.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
    publish();
    copy_again();
    copy_again();
    expect_equal();
    target.run("INSERT INTO readings VALUES ('2024-01-02 07:00', 9)");
    expect_refused();
    // Chunks get the replica identity, but their compressed tables do not.
    target.run("ALTER TABLE readings REPLICA IDENTITY FULL");
    copy_again();
    expect_equal();
}

/// A writer inserts rows while their chunk, which was empty, is loaded. Nothing distinguishes them
/// from the source's rows.
TEST_F(PublishedRows, ThatAreLateAreKeptAsOftenAsInTheSource) {
    make_readings();
    publish();
    const auto chunk = chunks_of(source, "readings").front();
    for (const auto* time : {"12:34", "12:35"}) {
        const auto row = fmt::format("INSERT INTO readings VALUES ('2024-01-01 {}', 7)", time);
        backfill_ok({"stage", "--until", "2024-01-02"});
        const auto outcome =
            backfill_while(source, fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", chunk),
                           {"copy"}, [&](postgres::Connection& connection) {
                               connection.execute(row);
                               connection.execute(row);
                               target.run(row);
                           });
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        expect_equal_rows("readings", "time < '2024-01-02'");
        backfill_ok({"clean"});
    }
}

/// TimescaleDB itself cannot refresh them.
TEST_F(PublishedRows, OfAggregatesAreReportedByCheck) {
    NEEDS_COMMUNITY_EDITION();
    make_readings();
    both("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT time_bucket('1 "
         "day', time) AS day, count(*) FROM readings GROUP BY 1 WITH NO DATA");
    const auto findings = [&] {
        return backfill({"check", "--until", "2024-02-01", "--filter", "daily"}).output;
    };
    EXPECT_THAT(findings(), Not(HasSubstr("publications")));
    publish();
    const auto table = target.value(
        "SELECT format('\"%s\".\"%s\"', materialization_hypertable_schema, "
        "materialization_hypertable_name) FROM timescaledb_information.continuous_aggregates");
    EXPECT_THAT(findings(), HasSubstr(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", table)));
    target.run(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", table));
    EXPECT_THAT(findings(), Not(HasSubstr("REPLICA IDENTITY")));
    source.run("CALL refresh_continuous_aggregate('daily', NULL, '2024-01-03')");
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy"});
    backfill_ok({"refresh-caggs"});
    expect_equal();
}

TEST_F(PublishedRows, DoNotBlockTheQueue) {
    make_readings();
    publish();
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_EQ(target.value("SELECT string_agg(relname, ', ') FROM pg_class WHERE relnamespace = "
                           "'__backfill'::regnamespace AND relkind = 'r' AND NOT EXISTS (SELECT "
                           "FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)"),
              "");
    backfill_ok({"pause"});
    backfill_ok({"resume"});
    backfill_ok({"set-parallelism", "3"});
    backfill_ok({"copy"});
    backfill_ok({"verify", "--requeue"});
}

/// A target with wal_level = logical.
class DecodedPublication : public Migration {
  protected:
    static void SetUpTestSuite() {
        if (TemporaryServer::is_available())
            server = std::make_unique<TemporaryServer>(
                ServerOptions{.configuration = "wal_level = logical\n"});
    }
    static void TearDownTestSuite() { server.reset(); }

    DecodedPublication() : Migration(nullptr, server.get()) {}

    static inline std::unique_ptr<TemporaryServer> server;
};

TEST_F(DecodedPublication, OfAllTablesIncludesTheQueue) {
    if (!server)
        GTEST_SKIP() << "needs a server of its own";
    both("CREATE TABLE readings (time timestamptz NOT NULL);"
         "SELECT create_hypertable('readings', 'time')");
    target.run("CREATE PUBLICATION one FOR TABLE readings");
    EXPECT_THAT(backfill({"check"}).output, Not(HasSubstr("publications")));
    target.run("CREATE PUBLICATION \"All\" FOR ALL TABLES");
    EXPECT_THAT(backfill({"check"}).output,
                HasSubstr("publications: \"All\": all tables of the target, including the queue in "
                          "__backfill"));
}

} // namespace
} // namespace test
