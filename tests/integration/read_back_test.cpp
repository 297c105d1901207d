// Loaded rows are read back through their hypertable before COMMIT. These are tests with faults
// between load and COMMIT, and of the statement on damaged hypertables.

#include "postgres/session.hpp"
#include "run/read_back.hpp"
#include "sql.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int exit_failed = 1;
constexpr int exit_differences = 3;

class ReadBack : public Migration {
  protected:
    explicit ReadBack(const DatabaseOptions& of_source = {}) : Migration(of_source) {}

    static std::string create(const std::string& columns = "") {
        return fmt::format("CREATE TABLE readings (time timestamptz NOT NULL, device int, "
                           "value float8{}); SELECT create_hypertable('readings', 'time', "
                           "chunk_time_interval => interval '1 day');",
                           columns);
    }

    static std::string rows(int days) {
        return fmt::format("INSERT INTO readings (time, device, value) SELECT "
                           "'2025-06-01 06:00+00'::timestamptz + d * interval '1 day' + i * "
                           "interval '1 minute', d * 100 + i, i FROM generate_series(0, {}) d, "
                           "generate_series(1, 50) i;",
                           days - 1);
    }

    static std::string skip_by(const std::string& column) {
        return fmt::format("SET timescaledb.enable_chunk_skipping = on; SELECT "
                           "enable_chunk_skipping('readings', '{}'); ",
                           column);
    }

    static std::string compress(const std::string& settings = "") {
        return fmt::format("ALTER TABLE readings SET (timescaledb.compress{}); "
                           "SELECT compress_chunk(c) FROM show_chunks('readings') c;",
                           settings);
    }

    /// The statement's error for all chunks of readings in the target; empty if there is none.
    std::string read_back(const std::string& condition = "true", bool loaded = true) {
        const auto json = target.value(fmt::format(
            "SELECT jsonb_agg(jsonb_build_object('schema', h.schema_name, 'hypertable', "
            "h.table_name, 'slices', slices, 'condition', {}, 'loaded', {}, 'added', false)) "
            "FROM _timescaledb_catalog.hypertable h CROSS JOIN LATERAL (SELECT jsonb_object_agg("
            "d.column_name, jsonb_build_array(s.range_start, s.range_end)) AS slices "
            "FROM _timescaledb_catalog.chunk c "
            "JOIN _timescaledb_catalog.chunk_constraint cc ON cc.chunk_id = c.id "
            "JOIN _timescaledb_catalog.dimension_slice s ON s.id = cc.dimension_slice_id "
            "JOIN _timescaledb_catalog.dimension d ON d.id = s.dimension_id "
            "WHERE c.hypertable_id = h.id GROUP BY c.id) AS chunk "
            "WHERE h.table_name = 'readings'",
            postgres::quote_literal(condition), loaded));
        return run_statement(json);
    }

    std::string run_statement(const std::string& json) {
        const auto connection = target.connect();
        postgres::pin_session(*connection,
                              postgres::session_settings(postgres::Access::read_write));
        try {
            connection->query(sql::read_back, {json});
            return "";
        } catch (const postgres::SqlError& error) {
            const auto failure = run::read_back_failure(error);
            EXPECT_TRUE(failure) << error.what();
            return failure.value_or(error.what());
        }
    }

    /// Damages the target between load and COMMIT. Expects that copy fails its chunks with a
    /// reason, that none of their rows stay, and that the next copy succeeds.
    void expect_fault_is_found(const std::string& fault, const std::string& reason,
                               const std::string& rows_before = "0") {
        backfill_ok({"stage", "--until", "2025-07-01"});
        const auto outcome =
            backfill_while(target, lock_where_chunks_go, {"copy", "-p", "1"},
                           [&](postgres::Connection& holder) { holder.execute(fault); });
        EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output + outcome.errors,
                    AllOf(HasSubstr("the loaded rows are not found through their hypertable, so "
                                    "they were rolled back"),
                          HasSubstr(reason)));
        EXPECT_EQ(target.value("SELECT count(*) FROM readings"), rows_before);
        EXPECT_NE(target.value("SELECT count(*) FROM __backfill.task WHERE failed IS NOT NULL"),
                  "0");
        // This copy reports what it has recorded.
        EXPECT_EQ(backfill({"copy"}).exit_status, 0);
        expect_equal_rows("readings");
        EXPECT_EQ(read_back(), "");
    }

    static constexpr auto unrecord = "DELETE FROM _timescaledb_catalog.chunk_column_stats "
                                     "WHERE chunk_id > 0";

    std::string compressed_table() {
        return target.value("SELECT compress_relid::regclass FROM "
                            "_timescaledb_catalog.compression_settings "
                            "WHERE compress_relid IS NOT NULL");
    }

    /// Gives a chunk of the target a wrong constraint, so that the planner excludes the chunk. Its
    /// slices stay.
    void hide(const std::string& chunk) {
        const postgres::ConnectionString without_timescaledb(
            target.uri("options=-c%20timescaledb.disable_load%3Don"), "the test");
        postgres::Connection(without_timescaledb, "target", "backfill test")
            .execute(fmt::format("ALTER TABLE {} ADD CONSTRAINT elsewhere CHECK (time < "
                                 "'2024-01-01') NOT VALID; UPDATE pg_constraint SET convalidated = "
                                 "true WHERE conname = 'elsewhere'",
                                 chunk));
    }

    /// Creates the source's chunks in the target, without rows.
    void make_chunks(int days) {
        target.run("SET timescaledb.enable_chunk_skipping = on;" + rows(days) +
                   "DELETE FROM readings");
        target.run("VACUUM readings");
    }
};

// ---------------------------------------------------------------- between load and COMMIT

TEST_F(ReadBack, FindsAFaultInAChunkThatIsLoadedAlone) {
    both(create() + skip_by("device"));
    source.run(rows(1));
    make_chunks(1);
    expect_fault_is_found(unrecord, "device = ");
}

TEST_F(ReadBack, FindsAFaultInChunksThatAreLoadedTogether) {
    both(create() + skip_by("device"));
    source.run(rows(5));
    make_chunks(5);
    expect_fault_is_found(unrecord, "device = ");
}

TEST_F(ReadBack, FindsAFaultInCompressedChunks) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    both(create() + skip_by("device"));
    source.run(rows(2) + compress());
    make_chunks(2);
    target.run("ALTER TABLE readings SET (timescaledb.compress)");
    expect_fault_is_found(unrecord, "device = ");
}

TEST_F(ReadBack, FindsAFaultInRowsLoadedThroughTheHypertable) {
    source.run(create());
    target.run("CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8); "
               "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval "
               "'36 hours'); " +
               skip_by("device"));
    source.run(rows(2));
    make_chunks(2);
    expect_fault_is_found(unrecord, "device = ");
}

TEST_F(ReadBack, FindsAFaultInAChunkThatIsAttached) {
    NEEDS_COMMUNITY_EDITION();
    both(create());
    source.run(rows(1));
    backfill_ok({"stage", "--until", "2025-07-01"});
    // Chunk skipping is enabled after copy has decided to attach, so the chunk is not recorded.
    const auto outcome =
        backfill_while(target, "LOCK TABLE readings IN SHARE UPDATE EXCLUSIVE MODE",
                       {"copy", "--load-strategy", "attach"}, [&](postgres::Connection& holder) {
                           holder.execute("SET timescaledb.enable_chunk_skipping = on;"
                                          "SELECT enable_chunk_skipping('readings', 'device')");
                       });
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output + outcome.errors,
                HasSubstr("the loaded rows are not found through their hypertable"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('readings')"), "0");
    EXPECT_EQ(backfill({"copy"}).exit_status, 0);
    expect_equal_rows("readings");
    EXPECT_EQ(read_back(), "");
}

/// The parameter is true if the source's table has an index on time. With one, each slice is a
/// task. Without, all rows are loaded through the hypertable at once.
class ReadBackFromPlain : public ReadBack, public testing::WithParamInterface<bool> {
  protected:
    ReadBackFromPlain() : ReadBack(DatabaseOptions{.with_extension = false}) {}
};

INSTANTIATE_TEST_SUITE_P(Index, ReadBackFromPlain, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Indexed" : "Unindexed"; });

TEST_P(ReadBackFromPlain, FindsAFault) {
    source.run("CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8);");
    if (GetParam())
        source.run("CREATE INDEX ON readings (time)");
    target.run(create() + skip_by("device"));
    source.run(rows(3));
    make_chunks(3);
    expect_fault_is_found(unrecord, "device = ");
}

// ---------------------------------------------------------------- the statement

TEST_F(ReadBack, AcceptsRowsThatAreFound) {
    target.run(
        "CREATE TYPE mood AS ENUM ('sad', 'ok');"
        "CREATE TABLE readings (\"the 'time' %s\" timestamptz NOT NULL, \"de\"\"vice %I\" "
        "varchar(20), kind mood, n int, other point);"
        "SELECT create_hypertable('readings', 'the ''time'' %s', "
        "chunk_time_interval => interval '1 day');"
        "SELECT add_dimension('readings', 'de\"vice %I', number_partitions => 3)" +
        std::string(";") + skip_by("n") +
        "INSERT INTO readings SELECT '2025-06-01'::timestamptz + i * interval '1 hour', "
        "nullif('it''s 100%L \\ <&> ' || i % 7, 'it''s 100%L \\ <&> 3'), 'ok', nullif(i, 1), "
        "'(1,2)' FROM generate_series(0, 99) i");
    EXPECT_EQ(read_back(), "");
    if (!is_community())
        return;
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_orderby = "
               "'\"the ''time'' %s\" DESC, n', timescaledb.compress_segmentby = 'kind');"
               "SELECT compress_chunk(c) FROM show_chunks('readings') c;");
    EXPECT_EQ(read_back(), "");
    target.run("INSERT INTO readings VALUES ('2025-06-01 00:30', 'x', 'sad', 7, '(1,2)')");
    EXPECT_EQ(read_back(), "");
}

TEST_F(ReadBack, AcceptsOtherTypesOfTime) {
    for (const auto* type : {"smallint", "int", "bigint", "date", "timestamp"}) {
        const bool is_integer = std::string(type).ends_with("int");
        target.run(fmt::format(
            "CREATE TABLE readings (time {} NOT NULL, n int); SELECT create_hypertable('readings', "
            "'time', chunk_time_interval => {}, create_default_indexes => false);"
            "INSERT INTO readings SELECT {}, i FROM generate_series(-50, 50) i",
            type, is_integer ? "10" : "interval '10 days'",
            is_integer ? "i" : "'2025-01-01'::date + i"));
        EXPECT_EQ(read_back(), "") << type;
        target.run("DROP TABLE readings");
    }
}

TEST_F(ReadBack, AcceptsEmptyChunksIfNothingWasLoaded) {
    target.run(create() + rows(2) + "DELETE FROM readings");
    EXPECT_EQ(read_back("time < '2030-01-01'", false), "");
    EXPECT_THAT(read_back(), HasSubstr("public.readings has none of them"));
}

TEST_F(ReadBack, FindsAWrongConstraint) {
    target.run(create() + rows(1));
    hide(chunks_of(target, "readings").front());
    EXPECT_THAT(read_back(), HasSubstr("is not found in public.readings by \"time\" = "));
}

TEST_F(ReadBack, FindsAWrongSlice) {
    target.run(create() + rows(2));
    target.run("UPDATE _timescaledb_catalog.dimension_slice SET range_end = range_start + 1");
    EXPECT_THAT(read_back(), HasSubstr("is not found in public.readings by \"time\" = "));
}

TEST_F(ReadBack, FindsChunksThatAreNotRecordedForSkipping) {
    target.run(create() + skip_by("device") + rows(3));
    EXPECT_EQ(read_back(), "");
    target.run(
        "DELETE FROM _timescaledb_catalog.chunk_column_stats WHERE id = (SELECT max(id) FROM "
        "_timescaledb_catalog.chunk_column_stats)");
    EXPECT_THAT(read_back(), HasSubstr("AND device = '201'"));
}

TEST_F(ReadBack, FindsAMissingCompressedTable) {
    NEEDS_COMMUNITY_EDITION();
    target.run(create() + rows(1) + compress());
    EXPECT_EQ(read_back(), "");
    const auto table = compressed_table();
    target.run("CREATE SCHEMA elsewhere");
    target.run(fmt::format("UPDATE pg_class SET relnamespace = 'elsewhere'::regnamespace "
                           "WHERE oid = '{}'::regclass",
                           table));
    // Up to 2.28, compressed tables are found by name.
    if (!version_at_least(2, 29)) {
        EXPECT_THAT(read_back(), HasSubstr("cannot be read through their hypertable"));
    }
}

TEST_F(ReadBack, FindsRowsOfAPartialChunkThatIsNotMarkedSo) {
    NEEDS_COMMUNITY_EDITION();
    target.run(create() + rows(1) + compress() +
               "INSERT INTO readings VALUES ('2025-06-01 23:00+00', 1, 1)");
    EXPECT_EQ(read_back(), "");
    target.run("UPDATE _timescaledb_catalog.chunk SET status = 1 WHERE status = 9");
    EXPECT_THAT(read_back(), HasSubstr("is not found in public.readings by \"time\" = "));
}

TEST_F(ReadBack, FindsWrongMetadataOfBatches) {
    NEEDS_COMMUNITY_EDITION();
    target.run(create() + rows(1) + compress(", timescaledb.compress_orderby = 'time, device'"));
    EXPECT_EQ(read_back(), "");
    const auto table = compressed_table();
    target.run(fmt::format("UPDATE {} SET _ts_meta_min_2 = 7000, _ts_meta_max_2 = 7000", table));
    EXPECT_THAT(read_back(), AllOf(HasSubstr("device = "), HasSubstr("is not found")));
}

TEST_F(ReadBack, ReadsOnlyTheEndsOfAChunk) {
    target.run(create());
    target.run("INSERT INTO readings SELECT '2025-06-01'::timestamptz + i * interval '1 second', "
               "i, i FROM generate_series(0, 80000) i; ANALYZE readings");
    target.blocks_read_of_chunks(); // reports the INSERT
    const auto before = target.blocks_read_of_chunks();
    EXPECT_EQ(read_back(), "");
    // The other session reports what it has read when it ends.
    EXPECT_TRUE(eventually([&] { return target.blocks_read_of_chunks() > before; }));
    EXPECT_LT(target.blocks_read_of_chunks() - before, 50);
}

// ---------------------------------------------------------------- verify

TEST_F(ReadBack, VerifyReadsThroughTheHypertable) {
    both(create());
    source.run(rows(2));
    backfill_ok({"stage", "--until", "2025-06-02 06:30"});
    backfill_ok({"copy"});
    backfill_ok({"verify"});
    hide(chunks_of(target, "readings").back());
    const auto outcome = backfill({"verify", "--all"});
    EXPECT_EQ(outcome.exit_status, exit_differences) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("29 rows in the source, 0 rows in the target"));
}

TEST_F(ReadBack, VerifyReadsThroughTheHypertableWithSpaceDimensions) {
    both(
        "CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8); "
        "SELECT create_hypertable('readings', 'time', 'device', 3, chunk_time_interval => interval "
        "'1 day')");
    source.run(rows(3));
    backfill_ok({"stage", "--until", "2025-07-01"});
    backfill_ok({"copy"});
    backfill_ok({"verify"});
    target.run("DELETE FROM readings WHERE device = 1");
    EXPECT_EQ(backfill({"verify", "--all"}).exit_status, exit_differences);
}

} // namespace
} // namespace test
