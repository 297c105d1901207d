// The places and owners of chunks and their compressed tables, their statistics in the catalog, and
// the access method of TimescaleDB 2.18 to 2.21. All on the Community edition.

#include "postgres/quote.hpp"
#include "support/migration.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Storage : public Migration {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        NEEDS_SAME_VERSION();
    }

    /// Creates a hypertable with three days of rows in the source: a compressed chunk, a partial
    /// one and an uncompressed one.
    void make(const std::string& more_of_hypertable = "") {
        both(fmt::format(
            "CREATE TABLE parcels (time timestamptz NOT NULL, device int, note text);"
            "SELECT create_hypertable('parcels', 'time', chunk_time_interval => interval '1 day'{});"
            "ALTER TABLE parcels SET (timescaledb.compress, timescaledb.compress_segmentby = "
            "'device', timescaledb.compress_orderby = 'time')",
            more_of_hypertable));
        source.run("INSERT INTO parcels SELECT t, d, 'note ' || d FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-03 23:30', '30 min') t, "
                   "generate_series(1, 3) d;"
                   "SELECT compress_chunk(c) FROM "
                   "show_chunks('parcels', older_than => '2024-01-03'::timestamptz) c;"
                   "INSERT INTO parcels VALUES ('2024-01-02 12:34', 1, 'partial')");
    }

    /// Uses the hypertable as an application would, in a session of its own.
    void expect_usable(const std::string& role = "") {
        const auto session = target.connect();
        const auto run = [&](const std::string& sql) {
            EXPECT_NO_THROW(session->execute(sql)) << sql;
        };
        if (!role.empty())
            run("SET ROLE " + role);
        for (const auto* day : {"2024-01-01", "2024-01-02", "2024-01-03"})
            EXPECT_EQ(
                session
                    ->execute(fmt::format("SELECT count(*) AS rows FROM parcels WHERE device = "
                                          "2 AND time >= '{0}' AND time < timestamptz '{0}' + "
                                          "interval '1 day'",
                                          day))
                    .integer(0, "rows"),
                48)
                << day;
        run("INSERT INTO parcels SELECT time, 4, 'new' FROM parcels WHERE device = 1");
        run("SELECT compress_chunk(c) FROM show_chunks('parcels') c");
        run("UPDATE parcels SET note = 'changed' WHERE device = 3");
        run("ALTER TABLE parcels ADD COLUMN added int");
        run("ALTER TABLE parcels RENAME COLUMN note TO remark");
        run("GRANT SELECT ON parcels TO PUBLIC");
        run("DELETE FROM parcels WHERE device = 2");
        run("SELECT decompress_chunk(c) FROM show_chunks('parcels', older_than => "
            "'2024-01-02'::timestamptz) c");
        run("SELECT drop_chunks('parcels', older_than => '2024-01-03'::timestamptz)");
        EXPECT_EQ(session->execute("SELECT count(*) AS rows FROM parcels").integer(0, "rows"),
                  3 * 48);
        run("DROP TABLE parcels");
    }

    /// The statistics of compressed chunks, without their IDs.
    static constexpr auto sizes =
        "SELECT slice.range_start, to_jsonb(size) - 'chunk_id' - 'compressed_chunk_id' "
        "FROM _timescaledb_catalog.compression_chunk_size AS size "
        "JOIN _timescaledb_catalog.chunk_constraint USING (chunk_id) "
        "JOIN _timescaledb_catalog.dimension_slice AS slice ON slice.id = dimension_slice_id "
        "ORDER BY 1";

    static std::string first_day(Database& database, const std::string& expression) {
        return database.value(fmt::format(
            "SELECT {} FROM _timescaledb_catalog.compression_chunk_size WHERE chunk_id = "
            "_timescaledb_functions.chunk_id_from_relid({}::regclass)",
            expression, postgres::quote_literal(chunks_of(database, "parcels").front())));
    }

    /// The statements that `check` advises for a finding.
    /// \param finding the beginning of its text.
    std::string remedy_for(const std::string& finding) const {
        const auto output = backfill({"check", "--until", "2024-02-01"}).output;
        const std::string remedy = "Remedy: in the target: ";
        const auto begin = output.find(remedy, output.find(finding));
        EXPECT_NE(begin, std::string::npos) << output;
        return begin == std::string::npos
                   ? ""
                   : output.substr(begin + remedy.size(),
                                   output.find('\n', begin) - begin - remedy.size());
    }

    /// The quoted names of the compressed tables that the program has created in the target.
    std::vector<std::string> own_compressed_tables() {
        return target.rows("SELECT format('%I.%I', nspname, relname) FROM pg_class "
                           "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
                           "WHERE relname LIKE 'compress\\_backfill\\_%' AND relkind = 'r' "
                           "ORDER BY relname");
    }
};

// ---------------------------------------------------------------- places

TEST_F(Storage, SupportsChunksInAnotherSchema) {
    make(", associated_schema_name => 'own chunks', associated_table_prefix => 'p'");
    migrate({"--until", "2024-02-01"});
    expect_equal();
    backfill_ok({"verify"});
    EXPECT_EQ(backfill({"check", "--until", "2024-02-01"}).output.find("cannot be read"),
              std::string::npos);
    expect_usable();
}

TEST_F(Storage, SupportsChunksInAnotherSchemaAfterCloning) {
    make(", associated_schema_name => 'own chunks'");
    target.run("DROP TABLE parcels; DROP SCHEMA \"own chunks\"");
    clone_schema();
    migrate({"--until", "2024-02-01"});
    expect_equal();
    expect_usable();
}

TEST_F(Storage, SupportsChunksThatWereMovedToAnotherSchema) {
    make();
    target.run("INSERT INTO parcels VALUES ('2024-01-01', 9, 'old'), ('2024-01-03', 9, 'old');"
               "CREATE SCHEMA elsewhere");
    for (const auto& chunk : chunks_of(target, "parcels"))
        target.run(fmt::format("ALTER TABLE {} SET SCHEMA elsewhere", chunk));
    migrate({"--until", "2024-02-01"});
    expect_equal();
    expect_usable();
}

TEST_F(Storage, CheckFindsCompressedTablesInTheWrongSchema) {
    if (version_at_least(2, 29))
        GTEST_SKIP() << "from 2.29 on, the catalog has the OIDs of compressed tables";
    make(", associated_schema_name => 'own chunks'");
    const Role owner(target, "owner");
    target.run(fmt::format("GRANT ALL ON SCHEMA \"own chunks\" TO {0};"
                           "ALTER TABLE parcels OWNER TO {0}",
                           owner.name()));
    migrate({"--until", "2024-02-01"});
    // Earlier releases did this. The catalog still has the old schema, because only TimescaleDB
    // itself would change it.
    const auto tables = own_compressed_tables();
    ASSERT_EQ(tables.size(), 2U);
    for (const auto& table : tables) {
        // Each table needs a session, because a statement's event trigger loads TimescaleDB.
        postgres::Connection plain(
            postgres::ConnectionString(target.uri("options=-c%20timescaledb.disable_load%3Don"),
                                       "the test"),
            "test", "backfill test");
        plain.execute(fmt::format("ALTER TABLE {} SET SCHEMA \"own chunks\"", table));
    }
    if (!version_at_least(2, 28)) { // 2.28.2 reads them nevertheless
        EXPECT_THROW(target.connect()->execute("SELECT count(*) FROM parcels"), postgres::SqlError);
    }

    EXPECT_EQ(backfill({"check", "--until", "2024-02-01"}).exit_status, 1);
    const auto statements = remedy_for("\"public\".\"parcels\": 2 chunks, such as ");
    EXPECT_THAT(statements, HasSubstr("SET SCHEMA \"_timescaledb_internal\""));
    way_to_target = owner.uri();
    EXPECT_THAT(
        backfill({"check", "--until", "2024-02-01"}).output,
        HasSubstr("in the target, as a superuser, because the role may not create tables in "
                  "\"_timescaledb_internal\": ALTER TABLE"));
    way_to_target = target.uri();
    target.connect()->execute(statements);
    EXPECT_THAT(backfill({"check", "--until", "2024-02-01"}).output,
                Not(HasSubstr("cannot be read")));
    expect_equal();
    expect_usable();
}

// ---------------------------------------------------------------- owner and privileges

TEST_F(Storage, CompressedTablesBelongToTheHypertablesOwner) {
    make();
    const Role owner(target, "owner");
    target.run(fmt::format("GRANT ALL ON SCHEMA public TO {0}; ALTER TABLE parcels OWNER TO {0};"
                           "GRANT SELECT ON parcels TO PUBLIC",
                           owner.name()));
    migrate({"--until", "2024-02-01"});
    expect_equal();
    const auto tables = own_compressed_tables();
    EXPECT_EQ(tables.size(), 2U);
    for (const auto& table : tables)
        EXPECT_THAT(
            target.rows(fmt::format("SELECT relowner::regrole::text, relacl::text = (SELECT "
                                    "relacl::text FROM pg_class WHERE oid = "
                                    "'parcels'::regclass) FROM pg_class WHERE oid = "
                                    "{}::regclass",
                                    postgres::quote_literal(table))),
            ElementsAre(owner.name() + "|t"));
    expect_usable(owner.name());
}

// ---------------------------------------------------------------- statistics

TEST_F(Storage, StatisticsOfCompressedChunksAreCopied) {
    make();
    migrate({"--until", "2024-02-01"});
    EXPECT_EQ(target.rows(sizes), source.rows(sizes));
    EXPECT_NE(first_day(target, "numrows_frozen_immediately"), "0");
}

TEST_F(Storage, StatisticsThatTheSourceLacksAreNotInvented) {
    make();
    source.run("UPDATE _timescaledb_catalog.compression_chunk_size SET numrows_pre_compression = "
               "NULL, numrows_post_compression = NULL");
    migrate({"--until", "2024-02-01"});
    EXPECT_EQ(target.rows(sizes), source.rows(sizes));
    backfill_ok({"clean"});
    // The target has statistics now.
    source.run("DELETE FROM _timescaledb_catalog.compression_chunk_size");
    migrate({"--until", "2024-02-01"});
    EXPECT_EQ(target.rows(sizes), source.rows(sizes));
    expect_equal();
    expect_usable();
}

TEST_F(Storage, StatisticsOfReplacedBatchesAreReplaced) {
    make();
    target.run("INSERT INTO parcels VALUES ('2024-01-01', 9, 'old');"
               "SELECT compress_chunk(c) FROM show_chunks('parcels') c");
    migrate({"--until", "2024-02-01"});
    EXPECT_EQ(target.rows(sizes), source.rows(sizes));
    expect_equal();
}

// Such a role may not change the catalog, but unknown numbers can be counted.
TEST_F(Storage, StatisticsAreCountedForARoleThatMayNotSetThem) {
    make();
    const Role owner(target, "owner");
    target.run(fmt::format(
        "GRANT ALL ON SCHEMA public TO {0}; GRANT CREATE ON SCHEMA _timescaledb_internal TO {0};"
        "ALTER TABLE parcels OWNER TO {0}; GRANT CREATE ON DATABASE {1} TO {0};"
        "INSERT INTO parcels VALUES ('2024-01-02', 9, 'old');"
        "SELECT compress_chunk(c) FROM show_chunks('parcels') c",
        owner.name(), target.name()));
    way_to_target = owner.uri();
    const auto pre = first_day(source, "numrows_pre_compression");
    source.run("UPDATE _timescaledb_catalog.compression_chunk_size SET numrows_pre_compression = "
               "NULL WHERE numrows_pre_compression IS NOT NULL");
    migrate({"--until", "2024-02-01"});
    expect_equal();
    EXPECT_EQ(first_day(target, "numrows_pre_compression"), pre);
    EXPECT_EQ(target.value("SELECT sum(numrows_pre_compression) FROM "
                           "_timescaledb_catalog.compression_chunk_size"),
              std::to_string(2 * 3 * 48));
    expect_usable(owner.name());
}

// ---------------------------------------------------------------- hypercore

class Hypercore : public Storage {
  protected:
    void SetUp() override {
        Storage::SetUp();
        if (!IsSkipped() && !has_hypercore(source))
            GTEST_SKIP() << "needs TimescaleDB 2.18 to 2.21";
    }

    static bool has_hypercore(Database& database) {
        return database.value("SELECT count(*) FROM pg_am WHERE amname = 'hypercore'") == "1";
    }

    /// Quotes a name as the program does.
    static std::string quoted(const std::string& chunk) {
        const auto dot = chunk.find('.');
        return postgres::QualifiedName{chunk.substr(0, dot), chunk.substr(dot + 1)}.quoted();
    }

    static void use_hypercore(Database& database, const std::string& chunk) {
        database.run(fmt::format("ALTER TABLE {} SET ACCESS METHOD hypercore", chunk));
    }
};

TEST_F(Hypercore, ChunksOfTheSourceAreCopiedAsRows) {
    make();
    for (const auto& chunk : chunks_of(source, "parcels"))
        use_hypercore(source, chunk);
    // Make a chunk partial.
    source.run("INSERT INTO parcels VALUES ('2024-01-01 12:34', 1, 'partial')");
    const auto outcome = backfill({"check", "--until", "2024-02-01"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("are copied as rows and compressed again"));
    for (int round = 0; round < 2; ++round) { // into absent chunks, then into present ones
        backfill_ok({"stage", "--until", "2024-02-01"});
        EXPECT_THAT(backfill_ok({"copy"}),
                    HasSubstr("decompressed: its access method in the source is hypercore"));
        expect_equal();
        backfill_ok({"verify"});
        backfill_ok({"clean"});
    }
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_class JOIN pg_am ON pg_am.oid = relam "
                           "WHERE amname = 'hypercore'"),
              "0");
    expect_usable();
}

TEST_F(Hypercore, OfAChunkOfTheTargetIsRefused) {
    make();
    target.run("INSERT INTO parcels VALUES ('2024-01-02', 9, 'old');"
               "SELECT compress_chunk(c) FROM show_chunks('parcels') c");
    const auto chunk = chunks_of(target, "parcels").front();
    use_hypercore(target, chunk);
    const auto found = backfill({"check", "--until", "2024-02-01"});
    EXPECT_EQ(found.exit_status, 1);
    EXPECT_THAT(found.output, AllOf(HasSubstr("in the target is hypercore"),
                                    HasSubstr("in the target: ALTER TABLE " + quoted(chunk) +
                                              " SET ACCESS METHOD heap")));
    const auto refused = backfill({"stage", "--until", "2024-02-01"});
    EXPECT_EQ(refused.exit_status, 1);
    EXPECT_THAT(refused.errors,
                AllOf(HasSubstr("cannot stage: the access method of " + quoted(chunk)),
                      HasSubstr("SET ACCESS METHOD heap")));
    EXPECT_EQ(target.value("SELECT to_regclass('__backfill.task') IS NULL"), "t");

    target.run(fmt::format("ALTER TABLE {} SET ACCESS METHOD heap", chunk));
    backfill_ok({"stage", "--until", "2024-02-01"});
    use_hypercore(target, chunk); // after stage has checked it
    const auto outcome = backfill({"copy", "-p", "1"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                HasSubstr("ALTER TABLE " + quoted(chunk) + " SET ACCESS METHOD heap"));
    EXPECT_EQ(target.value("SELECT count(*) FROM parcels WHERE time < '2024-01-02'"), "144");
    EXPECT_EQ(target.value("SELECT count(*) FROM parcels WHERE time >= '2024-01-03'"), "144");
    target.run(fmt::format("ALTER TABLE {} SET ACCESS METHOD heap", chunk));
    backfill_ok({"copy"});
    expect_equal();
}

TEST_F(Hypercore, OfTheTargetsHypertableIsRefused) {
    make();
    target.run("ALTER TABLE parcels SET ACCESS METHOD hypercore");
    const auto refused = backfill({"stage", "--until", "2024-02-01"});
    EXPECT_EQ(refused.exit_status, 1);
    EXPECT_THAT(refused.errors, HasSubstr("the access method of \"public\".\"parcels\""));
    target.run("ALTER TABLE parcels SET ACCESS METHOD heap");
    backfill_ok({"stage", "--until", "2024-02-01"});
    target.run("ALTER TABLE parcels SET ACCESS METHOD hypercore");
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                HasSubstr("ALTER TABLE \"public\".\"parcels\" SET ACCESS METHOD heap"));
    target.run("ALTER TABLE parcels SET ACCESS METHOD heap");
    backfill_ok({"copy"});
    expect_equal();
}

// The role or the database may have this setting.
TEST_F(Hypercore, IsNotUsedForCompressedChunks) {
    make();
    // With other settings than the target's, batches cannot be copied.
    source.run("ALTER TABLE parcels SET (timescaledb.compress_segmentby = '')");
    target.run(fmt::format("ALTER DATABASE {} SET "
                           "timescaledb.default_hypercore_use_access_method = on",
                           target.name()));
    target.reconnect();
    migrate({"--until", "2024-01-02 12:00"});
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_class JOIN pg_am ON pg_am.oid = relam "
                           "WHERE amname = 'hypercore'"),
              "0");
}

} // namespace
} // namespace test
