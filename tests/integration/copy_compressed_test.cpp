// `copy` of compressed chunks and continuous aggregates, on the Community edition.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Each compressed chunk's status bits, number of batches, and sizes from the catalog. Where the
/// catalog has the name of the compressed table depends on the version.
constexpr auto compressed_chunks = R"(
    SELECT s.range_start, ch.status,
           (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %s',
               coalesce(to_jsonb(cs) ->> 'compress_relid',
                        (SELECT format('%I.%I', to_jsonb(cc) ->> 'schema_name',
                                                to_jsonb(cc) ->> 'table_name')
                         FROM _timescaledb_catalog.chunk cc
                         WHERE cc.id = (to_jsonb(ch) ->> 'compressed_chunk_id')::int))),
               false, true, '')))[1]::text AS batches,
           size.numrows_pre_compression, size.numrows_post_compression,
           size.compressed_heap_size > 0
    FROM _timescaledb_catalog.chunk ch
    JOIN _timescaledb_catalog.chunk_constraint cc ON cc.chunk_id = ch.id
    JOIN _timescaledb_catalog.dimension_slice s ON s.id = cc.dimension_slice_id
    LEFT JOIN _timescaledb_catalog.compression_chunk_size size ON size.chunk_id = ch.id
    LEFT JOIN _timescaledb_catalog.compression_settings cs
           ON cs.relid = to_regclass(coalesce(to_jsonb(ch) ->> 'relid',
                  format('%I.%I', to_jsonb(ch) ->> 'schema_name', to_jsonb(ch) ->> 'table_name')))
    WHERE ch.status & 1 = 1
    ORDER BY 1)";

class CopyCompressed : public Migration {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        NEEDS_SAME_VERSION();
    }

    static constexpr auto create_table =
        "CREATE TABLE metrics (time timestamptz NOT NULL, device int, value float8, note text);"
        "SELECT create_hypertable('metrics', 'time', chunk_time_interval => interval '1 day');"
        "ALTER TABLE metrics SET (timescaledb.compress, timescaledb.compress_segmentby = 'device', "
        "timescaledb.compress_orderby = 'time DESC')";

    /// Inserts six days of rows into the source, and compresses the first four.
    void fill_source() {
        source.run("INSERT INTO metrics SELECT t, d, d * 1.5, 'note ' || d FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-06 23:50', '10 min') t, "
                   "generate_series(1, 3) d;"
                   "SELECT compress_chunk(c) FROM "
                   "show_chunks('metrics', older_than => '2024-01-05'::timestamptz) c");
    }

    void create_and_fill() {
        both(create_table);
        fill_source();
    }

    void clone() {
        source.run(create_table);
        fill_source();
        clone_schema();
    }

    /// Inserts rows into the target, all over the range, which the copy replaces.
    void write_stale_rows_to_target() {
        target.run("INSERT INTO metrics SELECT t, 99, 0, 'stale' FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-06', '1 hour') t");
    }

    /// Expects this number of notes about chunks whose settings differ.
    static void expect_decompressed(int chunks, const std::string& output) {
        const std::string note = "decompressed: the compression settings differ";
        int found = 0;
        for (auto at = output.find(note); at != std::string::npos; at = output.find(note, at + 1))
            ++found;
        EXPECT_EQ(found, chunks) << output;
    }

    /// The segmentby columns of each compressed chunk.
    static std::string segments_of(Database& database) {
        return database.value(
            "SELECT string_agg(settings.segmentby::text, ' ' ORDER BY chunk.range_start) "
            "FROM timescaledb_information.chunks AS chunk "
            "JOIN _timescaledb_catalog.compression_settings AS settings "
            "ON settings.relid = format('%I.%I', chunk_schema, chunk_name)::regclass "
            "WHERE chunk.is_compressed");
    }

    void expect_same_batches() {
        EXPECT_EQ(source.rows(compressed_chunks), target.rows(compressed_chunks));
    }

    void expect_batches_to_be_copied() {
        backfill_ok({"stage", "--until", "2024-02-01"});
        EXPECT_THAT(backfill_ok({"copy"}), Not(HasSubstr("decompressed")));
        expect_equal();
        expect_same_batches();
    }
};

class OtherVersion : public CopyCompressed {
  protected:
    void SetUp() override {
        if (is_same_version())
            GTEST_SKIP() << "needs two TimescaleDB versions";
    }
};

// They are compressed again if compression is enabled in the target. One warning says so.
TEST_F(OtherVersion, CompressedChunksAreCopiedAsRows) {
    const bool from_community = source.is_community();
    const bool to_community = target.is_community();
    for (auto* side : {&source, &target})
        side->run("CREATE TABLE metrics (time timestamptz NOT NULL, device int, value float8, note "
                  "text); SELECT create_hypertable('metrics', 'time', chunk_time_interval => "
                  "interval '1 day')");
    const auto enable = "ALTER TABLE metrics SET (timescaledb.compress, "
                        "timescaledb.compress_segmentby = 'device')";
    if (to_community)
        target.run(enable);
    source.run("INSERT INTO metrics SELECT t, d, d, NULL FROM generate_series("
               "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t, "
               "generate_series(1, 3) d");
    if (from_community) {
        source.run(enable);
        source.run("SELECT compress_chunk(show_chunks('metrics')); "
                   "INSERT INTO metrics VALUES ('2024-01-02 12:34', 1, 7, 'partial')");
    }
    write_stale_rows_to_target();
    target.run("DELETE FROM metrics WHERE time >= '2024-01-03'"); // and absent ones
    backfill_ok({"stage", "--until", "2024-01-05"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    if (from_community) {
        EXPECT_THAT(outcome.errors, HasSubstr("compressed chunks are copied decompressed"));
        EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1);
    }
    expect_equal_rows("metrics", "time < '2024-01-05'");
    if (from_community && to_community) {
        EXPECT_EQ(target.value("SELECT count(*) FROM timescaledb_information.chunks "
                               "WHERE is_compressed"),
                  "4");
    }
    backfill_ok({"verify"});
}

TEST_F(CopyCompressed, CopiesUnchangedBatchesIntoAbsentChunks) {
    create_and_fill();
    migrate({"--until", "2024-02-01"});
    expect_equal();
    expect_same_batches();
}

TEST_F(CopyCompressed, CopiesUnchangedBatchesIntoEmptyChunksOfADumpedSchema) {
    clone();
    migrate({"--until", "2024-02-01"});
    expect_equal();
    expect_same_batches();
}

TEST_F(CopyCompressed, CopiesPartialChunksIntoAbsentChunks) {
    create_and_fill();
    source.run("INSERT INTO metrics VALUES ('2024-01-02 12:34', 1, 7, 'late'), "
               "('2024-01-03 12:34', 8, 7, 'late')");
    migrate({"--until", "2024-02-01"});
    expect_equal();
    expect_same_batches();
    EXPECT_EQ(target.value("SELECT count(*) FROM _timescaledb_catalog.chunk WHERE status & 8 = 8"),
              "2");
}

TEST_F(CopyCompressed, CopiesPartialChunksIntoEmptyChunksOfADumpedSchema) {
    source.run(create_table);
    fill_source();
    clone_schema(); // before the chunks become partial
    source.run("INSERT INTO metrics VALUES ('2024-01-02 12:34', 1, 7, 'late'), "
               "('2024-01-03 12:34', 8, 7, 'late')");
    migrate({"--until", "2024-02-01"});
    expect_equal();
    EXPECT_EQ(target.value("SELECT count(*) FROM _timescaledb_catalog.chunk WHERE status & 8 = 8"),
              "2");
}

TEST_F(CopyCompressed, CopiesPartialChunksOfATableWithAPrimaryKey) {
    both(
        "CREATE TABLE metrics (time timestamptz, device int, value float8, note text, "
        "PRIMARY KEY (device, time));"
        "SELECT create_hypertable('metrics', 'time', chunk_time_interval => interval '1 day');"
        "ALTER TABLE metrics SET (timescaledb.compress, timescaledb.compress_segmentby = 'device')");
    fill_source();
    source.run("INSERT INTO metrics VALUES ('2024-01-02 12:34', 1, 7, 'late')");
    migrate({"--until", "2024-02-01"});
    expect_equal();
    backfill_ok({"clean"});
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyCompressed, CopyingTwiceDuplicatesNoRows) {
    create_and_fill();
    source.run("INSERT INTO metrics VALUES ('2024-01-02 12:34', 1, 7, 'late')");
    for (int i = 0; i < 2; ++i) {
        migrate({"--until", "2024-02-01"});
        expect_equal();
        expect_same_batches();
        backfill_ok({"clean"});
    }
}

TEST_F(CopyCompressed, ReplacesRowsThatTheTargetHas) {
    create_and_fill();
    write_stale_rows_to_target();
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyCompressed, ReplacesBatchesThatTheTargetHas) {
    create_and_fill();
    write_stale_rows_to_target();
    target.run("SELECT compress_chunk(c) FROM show_chunks('metrics') c;"
               "INSERT INTO metrics VALUES ('2024-01-02 00:00:01', 98, 0, 'stale and partial')");
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyCompressed, KeepsRowsBeyondABoundInACompressedChunk) {
    create_and_fill();
    write_stale_rows_to_target();
    target.run("SELECT compress_chunk(c) FROM show_chunks('metrics') c");
    migrate({"--from", "2024-01-01T06:00:00", "--until", "2024-01-03T12:00:00"});
    const std::string inside = "time >= '2024-01-01 06:00' AND time < '2024-01-03 12:00'";
    expect_equal_rows("metrics", inside);
    EXPECT_EQ(
        target.value("SELECT count(*) FROM metrics WHERE device = 99 AND NOT (" + inside + ")"),
        "67");
    EXPECT_EQ(target.value("SELECT count(*) FROM timescaledb_information.chunks WHERE NOT "
                           "is_compressed"),
              "0");
}

TEST_F(CopyCompressed, CopiesRowsUpToABoundIntoAbsentChunks) {
    create_and_fill();
    migrate({"--until", "2024-01-03T12:00:00"});
    expect_equal_rows("metrics", "time < '2024-01-03 12:00'");
    EXPECT_EQ(target.value("SELECT count(*) FROM metrics WHERE time >= '2024-01-03 12:00'"), "0");
    EXPECT_EQ(target.value("SELECT string_agg(is_compressed::text, ' ') FROM "
                           "timescaledb_information.chunks"),
              "true true true");
}

TEST_F(CopyCompressed, CopiesChunksCompressedOrDecompressedAfterStaging) {
    clone();
    backfill_ok({"stage", "--until", "2024-02-01"});
    source.run("SELECT decompress_chunk(c) FROM "
               "show_chunks('metrics', older_than => '2024-01-03'::timestamptz) c;"
               "SELECT compress_chunk(c) FROM "
               "show_chunks('metrics', newer_than => '2024-01-05'::timestamptz) c");
    backfill_ok({"copy"});
    expect_equal();
}

TEST_F(CopyCompressed, CopiesRowsIfTheTargetHasOtherSettings) {
    create_and_fill();
    target.run("ALTER TABLE metrics SET (timescaledb.compress_segmentby = 'note', "
               "timescaledb.compress_orderby = 'device, time')");
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("decompressed: the compression settings differ"));
    expect_equal();
}

TEST_F(CopyCompressed, CopiesBatchesWithDefaultSettings) {
    both("CREATE TABLE metrics (time timestamptz NOT NULL, device int, value float8, note text);"
         "SELECT create_hypertable('metrics', 'time', chunk_time_interval => interval '1 day');"
         "ALTER TABLE metrics SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    fill_source();
    expect_batches_to_be_copied();
}

/// From 2.22 on, it chooses them when a chunk is compressed, according to the hypertable's indexes.
TEST_F(CopyCompressed, CopiesBatchesWithSparseIndexesThatTimescaleDbChooses) {
    both(std::string(create_table) + "; CREATE INDEX ON metrics (note); CREATE INDEX ON metrics "
                                     "(value)");
    fill_source();
    expect_batches_to_be_copied();
    EXPECT_EQ(target.value("SELECT count(*) FROM metrics WHERE note = 'note 2'"),
              source.value("SELECT count(*) FROM metrics WHERE note = 'note 2'"));
}

TEST_F(CopyCompressed, CopiesRowsIfBuildsHashBloomFiltersDifferently) {
    if (!version_at_least(2, 22) || version_at_least(2, 24))
        GTEST_SKIP() << "needs bloom filters whose names do not show their hashes";
    both(std::string(create_table) + "; CREATE INDEX ON metrics (note)");
    fill_source();
    // A build without UMASH returns this for the probe.
    target.run("ALTER FUNCTION _timescaledb_functions.bloom1_contains RENAME TO real_contains;"
               "CREATE FUNCTION _timescaledb_functions.bloom1_contains("
               "_timescaledb_internal.bloom1, anyelement) RETURNS boolean LANGUAGE sql IMMUTABLE "
               "AS $$SELECT CASE WHEN $2::text = 'test text' THEN $1::text = '\\x0004004808000840' "
               "ELSE _timescaledb_functions.real_contains($1, $2) END$$");
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("may hash its bloom filters differently"));
    EXPECT_EQ(target.value("SELECT count(*) FROM metrics WHERE note = 'note 2'"),
              source.value("SELECT count(*) FROM metrics WHERE note = 'note 2'"));
}

TEST_F(CopyCompressed, CopiesChunksWhoseSettingsTheTargetChoosesDifferently) {
    both("CREATE TABLE metrics (time timestamptz NOT NULL, device int, value float8, note text);"
         "SELECT create_hypertable('metrics', 'time', chunk_time_interval => interval '1 day');"
         "ALTER TABLE metrics SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    source.run("ALTER TABLE metrics SET (timescaledb.compress_orderby = 'value')");
    fill_source();
    source.run("INSERT INTO metrics VALUES ('2024-01-02 12:34', 1, 7, 'late')");
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyCompressed, CopiesRowsIfSettingsChangedOnBothSidesAfterCompression) {
    create_and_fill();
    both("ALTER TABLE metrics SET (timescaledb.compress_segmentby = 'note')");
    backfill_ok({"stage", "--until", "2024-02-01"});
    expect_decompressed(4, backfill_ok({"copy"}));
    expect_equal();
    EXPECT_EQ(segments_of(target), "{note} {note} {note} {note}");
}

TEST_F(CopyCompressed, CopiesBatchesIfSettingsChangedInTheSourceAfterCompression) {
    create_and_fill();
    source.run("ALTER TABLE metrics SET (timescaledb.compress_segmentby = 'note')");
    backfill_ok({"stage", "--until", "2024-02-01"});
    expect_decompressed(0, backfill_ok({"copy"})); // the target's settings are those of the chunks
    expect_equal();
    expect_same_batches();
    EXPECT_EQ(segments_of(target), "{device} {device} {device} {device}");
}

TEST_F(CopyCompressed, CopiesBatchesOnlyIntoOldChunksIfSettingsChangedInTheTarget) {
    create_and_fill();
    target.run("INSERT INTO metrics SELECT t, 99, 0, 'stale' FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-02 23:00', '1 hour') t;"
               "SELECT compress_chunk(c) FROM show_chunks('metrics') c;"
               "ALTER TABLE metrics SET (timescaledb.compress_segmentby = 'note')");
    backfill_ok({"stage", "--until", "2024-02-01"});
    // Two chunks exist with the old settings; two are absent, and get the new ones.
    expect_decompressed(2, backfill_ok({"copy"}));
    expect_equal();
    EXPECT_EQ(segments_of(target), "{device} {device} {note} {note}");
}

TEST_F(CopyCompressed, CopiesRowsIfTheTargetDoesNotCompress) {
    create_and_fill();
    target.run("ALTER TABLE metrics SET (timescaledb.compress = false)");
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("compression is not enabled on the target"));
    expect_equal_rows("metrics");
}

TEST_F(CopyCompressed, SupportsOtherOrdersOfColumnsAndDroppedColumns) {
    source.run(create_table);
    source.run("ALTER TABLE metrics ADD COLUMN gone int");
    fill_source();
    source.run("ALTER TABLE metrics DROP COLUMN gone");
    target.run("CREATE TABLE metrics (note text, value float8, time timestamptz NOT NULL, device "
               "int);"
               "SELECT create_hypertable('metrics', 'time', chunk_time_interval => interval '1 "
               "day');"
               "ALTER TABLE metrics SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'device', timescaledb.compress_orderby = 'time DESC')");
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyCompressed, SupportsOtherOrdersOfColumnsInExistingBatches) {
    const auto settings = "SELECT create_hypertable('metrics', 'time', chunk_time_interval => "
                          "interval '1 day');"
                          "ALTER TABLE metrics SET (timescaledb.compress, "
                          "timescaledb.compress_segmentby = 'device', "
                          "timescaledb.compress_orderby = 'time DESC')";
    source.run(
        "CREATE TABLE metrics (time timestamptz NOT NULL, device int, value int, other int);");
    target.run(
        "CREATE TABLE metrics (other int, value int, device int, time timestamptz NOT NULL);");
    both(settings);
    source.run("INSERT INTO metrics SELECT t, 1, 2, 3 FROM generate_series("
               "'2024-01-01'::timestamptz, '2024-01-02 23:00', '1 hour') t");
    target.run("INSERT INTO metrics (time, device) VALUES ('2024-01-01', 1), ('2024-01-02', 1)");
    both("SELECT compress_chunk(c) FROM show_chunks('metrics') c");
    migrate({"--until", "2025-01-01"});
    expect_equal();
    backfill_ok({"verify"});
}

TEST_F(CopyCompressed, SupportsDeferredForeignKeysAndOtherSettings) {
    both("CREATE TABLE devices (id int PRIMARY KEY); INSERT INTO devices VALUES (1), (2), (3)");
    source.run(create_table);
    fill_source();
    target.run(create_table);
    target.run("ALTER TABLE metrics SET (timescaledb.compress_segmentby = 'device, note');"
               "ALTER TABLE metrics ADD FOREIGN KEY (device) REFERENCES devices DEFERRABLE "
               "INITIALLY DEFERRED");
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyCompressed, CopiesUnorderedBatches) {
    if (!version_at_least(2, 21))
        GTEST_SKIP() << "needs TimescaleDB 2.21, which can make unordered batches";
    create_and_fill();
    // COPY makes them from 2.21 on, INSERT from 2.23 on.
    source.run(
        version_at_least(2, 23)
            ? "SET timescaledb.enable_direct_compress_insert = on;"
              "INSERT INTO metrics SELECT '2024-01-20'::timestamptz + g * interval '1 min', 1, g, "
              "'direct' FROM generate_series(1000, 1, -1) g"
            : "SET timescaledb.enable_direct_compress_copy = on;"
              "COPY metrics FROM PROGRAM 'seq 1000 -1 1 | awk ''{printf \"2024-01-20 "
              "%02d:%02d:00+00,1,%d,direct\\n\", $1 / 60, $1 % 60, $1}''' (FORMAT csv)");
    ASSERT_THAT(
        source.value("SELECT count(*) FROM _timescaledb_catalog.chunk WHERE status & 2 = 2"),
        Not("0"));
    migrate({"--until", "2024-02-01"});
    expect_equal_rows("metrics");
    EXPECT_EQ(source.rows("SELECT * FROM metrics ORDER BY time DESC, device LIMIT 100"),
              target.rows("SELECT * FROM metrics ORDER BY time DESC, device LIMIT 100"));
}

TEST_F(CopyCompressed, SupportsSpaceDimensionsAndNamesThatNeedQuotes) {
    both(
        "CREATE SCHEMA \"Sch ema\";"
        "CREATE TABLE \"Sch ema\".\"Me\"\"trics\" (\"The Time\" timestamptz NOT NULL, \"dev\"\"ice\" "
        "int, \"sélect\" float8);"
        "SELECT create_hypertable('\"Sch ema\".\"Me\"\"trics\"', 'The Time', 'dev\"ice', 2);"
        "ALTER TABLE \"Sch ema\".\"Me\"\"trics\" SET (timescaledb.compress, "
        "timescaledb.compress_segmentby = '\"dev\"\"ice\"')");
    source.run(
        "INSERT INTO \"Sch ema\".\"Me\"\"trics\" SELECT t, d, 1 FROM "
        "generate_series('2024-01-01'::timestamptz, '2024-02-01', '1 hour') t, "
        "generate_series(1, 6) d;"
        "SELECT compress_chunk(c) FROM show_chunks('\"Sch ema\".\"Me\"\"trics\"', older_than "
        "=> '2024-01-20'::timestamptz) c");
    migrate({"--until", "2024-01-25T05:00"});
    const std::string condition = "\"The Time\" < '2024-01-25 05:00'";
    expect_equal_rows("\"Sch ema\".\"Me\"\"trics\"", condition);
    EXPECT_EQ(
        target.value("SELECT count(*) FROM \"Sch ema\".\"Me\"\"trics\" WHERE NOT " + condition),
        "0");
}

TEST_F(CopyCompressed, WorksForAnOwnerWhoMayNotCreateTablesInTheSchemaOfChunks) {
    const auto role = fmt::format("owner_of_{}", target.name());
    target.run(fmt::format("CREATE ROLE {} LOGIN PASSWORD 'secret'; GRANT CREATE ON DATABASE {} TO "
                           "{}; GRANT ALL ON SCHEMA public TO {}",
                           role, target.name(), role, role));
    both(create_table);
    target.run(fmt::format("ALTER TABLE metrics OWNER TO {}", role));
    fill_source();
    const auto uri = target.uri("user=" + role + "&password=secret");
    const std::vector<std::string> connections{"--source", source.uri(), "--target", uri};
    auto stage = connections;
    stage.insert(stage.begin(), {"stage", "--until", "2024-02-01"});
    auto copy = connections;
    copy.insert(copy.begin(), "copy");
    for (const auto& command : {stage, copy}) {
        const auto outcome = run_program(command);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
    expect_equal();
    target.run(fmt::format(
        "DROP TABLE metrics; DROP SCHEMA __backfill CASCADE; DROP OWNED BY {0}; DROP ROLE {0}",
        role));
}

class CopyAggregates : public Migration {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        NEEDS_SAME_VERSION();
    }

    static constexpr auto create_tables =
        "CREATE TABLE raw (time timestamptz NOT NULL, device int, value float8);"
        "SELECT create_hypertable('raw', 'time', chunk_time_interval => interval '1 day')";
    static constexpr auto create_aggregates =
        "CREATE SCHEMA agg;"
        "CREATE MATERIALIZED VIEW agg.hourly WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('1 hour', time) AS bucket, device, avg(value) AS value FROM raw GROUP BY 1, 2 "
        "WITH NO DATA;"
        "CREATE MATERIALIZED VIEW agg.daily WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('1 day', bucket) AS bucket, device, avg(value) AS value FROM agg.hourly GROUP "
        "BY 1, 2 WITH NO DATA;"
        "CREATE MATERIALIZED VIEW agg.\"Weekly\" WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('7 days', bucket) AS bucket, device, avg(value) AS value FROM agg.daily GROUP "
        "BY 1, 2 WITH NO DATA";

    void refresh_source() {
        for (const std::string name : {"agg.hourly", "agg.daily", "agg.\"Weekly\""})
            source.run(
                fmt::format("CALL refresh_continuous_aggregate('{}', NULL, '2024-02-01')", name));
    }

    void fill_source() {
        source.run("INSERT INTO raw SELECT t, d, random() FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-31', '30 min') t, "
                   "generate_series(1, 3) d");
        source.run(create_aggregates);
        refresh_source();
        // Drop old raw data, which then only the aggregates contain.
        source.run("SELECT drop_chunks('raw', older_than => '2024-01-10'::timestamptz)");
    }

    static std::vector<std::string> invalidations(Database& database) {
        auto rows =
            database.rows("SELECT 'hypertable', hypertable_id, lowest_modified_value, "
                          "greatest_modified_value FROM "
                          "_timescaledb_catalog.continuous_aggs_hypertable_invalidation_log "
                          "ORDER BY 1, 2, 3, 4");
        const auto more =
            database.rows("SELECT 'materialization', materialization_id, lowest_modified_value, "
                          "greatest_modified_value FROM "
                          "_timescaledb_catalog.continuous_aggs_materialization_invalidation_log "
                          "ORDER BY 1, 2, 3, 4");
        rows.insert(rows.end(), more.begin(), more.end());
        return rows;
    }

    /// True if the target can load rows in place without recording invalidations.
    bool can_avoid_invalidations() { return !version_at_least(2, 23) || version_at_least(2, 28); }
};

TEST_F(CopyAggregates, MaterializedDataOfEveryLevelIsCopied) {
    source.run(create_tables);
    fill_source();
    clone_schema();
    const auto before = invalidations(target);
    migrate({"--until", "2024-02-01"});
    expect_equal();
    EXPECT_GT(std::stoi(target.value("SELECT count(*) FROM agg.\"Weekly\"")), 0);
    if (can_avoid_invalidations()) {
        EXPECT_EQ(invalidations(target), before);
    }
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_trigger WHERE tgname = "
                           "'ts_cagg_invalidation_trigger'"),
              source.value("SELECT count(*) FROM pg_trigger WHERE tgname = "
                           "'ts_cagg_invalidation_trigger'"));
}

TEST_F(CopyAggregates, FindTheMaterializationHypertableWhateverItsName) {
    both(create_tables);
    target.run(
        "CREATE MATERIALIZED VIEW first WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('1 hour', time) AS bucket, max(value) FROM raw GROUP BY 1 WITH NO DATA");
    target.run(create_aggregates);
    target.run("DROP MATERIALIZED VIEW first");
    fill_source();
    migrate({"--until", "2024-02-01"});
    expect_equal();
}

TEST_F(CopyAggregates, CompressedMaterializedDataIsCopied) {
    source.run(create_tables);
    fill_source();
    source.run("ALTER MATERIALIZED VIEW agg.hourly SET (timescaledb.compress);"
               "SELECT compress_chunk(c) FROM show_chunks('agg.hourly') c");
    clone_schema();
    const auto before = invalidations(target);
    migrate({"--until", "2024-02-01"});
    expect_equal();
    if (can_avoid_invalidations()) {
        EXPECT_EQ(invalidations(target), before);
    }
}

TEST_F(CopyAggregates, WritersStillInvalidateAfterTheCopy) {
    source.run(create_tables);
    fill_source();
    clone_schema();
    migrate({"--until", "2024-02-01"});
    const auto before = invalidations(target).size();
    target.run("INSERT INTO raw VALUES ('2024-01-15', 1, 1)");
    EXPECT_EQ(invalidations(target).size(), before + 1);
}

} // namespace
} // namespace test
