// With chunk skipping, filters find copied rows, no matter how they were loaded.

#include "support/client_programs.hpp"
#include "support/migration.hpp"
#include "support/role.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ChunkSkipping : public Migration {
  protected:
    ChunkSkipping() = default;
    explicit ChunkSkipping(const DatabaseOptions& source_options) : Migration(source_options) {}

    static constexpr auto on = "SET timescaledb.enable_chunk_skipping = on;";
    static constexpr auto off = "SET timescaledb.enable_chunk_skipping = off;";

    static std::string create(const std::string& interval = "1 day") {
        return fmt::format("CREATE TABLE parcel (ts timestamptz NOT NULL, tracking int, depot int);"
                           "{} SELECT create_hypertable('parcel', 'ts', chunk_time_interval => "
                           "interval '{}'); SELECT enable_chunk_skipping('parcel', 'tracking'); {}",
                           on, interval, off);
    }

    /// Inserts rows for a number of days. Each day has tracking numbers of its own, from `first`
    /// on.
    static std::string rows(int days, int first = 0) {
        return fmt::format("INSERT INTO parcel SELECT '2025-06-01 06:00+00'::timestamptz + d * "
                           "interval '1 day' + i * interval '1 minute', {} + d * 100 + i, i % 3 "
                           "FROM generate_series(0, {}) d, generate_series(1, 50) i;",
                           first, days - 1);
    }

    static std::string compress(const std::string& chunks = "show_chunks('parcel') c") {
        return fmt::format("ALTER TABLE parcel SET (timescaledb.compress, "
                           "timescaledb.compress_segmentby = 'depot'); "
                           "{} SELECT compress_chunk(c) FROM {}; {}",
                           on, chunks, off);
    }

    void copy(const std::vector<std::string>& options = {}) {
        backfill_ok({"stage", "--until", "2025-07-01"});
        std::vector<std::string> arguments{"copy"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        backfill_ok(arguments);
        expect_equal_rows("parcel");
        expect_found();
    }

    /// Expects that filters with chunk skipping find the same rows as without.
    void expect_found() {
        for (const auto& value :
             target.rows("SELECT DISTINCT tracking FROM parcel WHERE tracking % 7 = 0 OR tracking "
                         "% 100 IN (1, 50) OFFSET 0")) {
            target.run(on);
            const auto found =
                target.value("SELECT count(*) FROM parcel WHERE tracking = " + value);
            target.run(off);
            EXPECT_EQ(found, target.value("SELECT count(*) FROM parcel WHERE tracking = " + value))
                << value;
        }
    }

    /// The number of the target's chunks that are not recorded for chunk skipping.
    std::string unrecorded() {
        return target.value("SELECT count(*) FROM show_chunks('parcel') c WHERE NOT EXISTS (SELECT "
                            "FROM _timescaledb_catalog.chunk_column_stats AS stats WHERE "
                            "stats.chunk_id = _timescaledb_functions.chunk_id_from_relid(c))");
    }

    static std::vector<std::string> ranges(Database& side) {
        return side.rows("SELECT range_start, range_end, valid FROM show_chunks('parcel') c JOIN "
                         "_timescaledb_catalog.chunk_column_stats AS stats ON stats.chunk_id = "
                         "_timescaledb_functions.chunk_id_from_relid(c) ORDER BY 1, 2");
    }
};

TEST_F(ChunkSkipping, FindsRowsOfChunksCopiedOneByOne) {
    both(create());
    source.run("INSERT INTO parcel VALUES ('2025-06-01 12:00+00', 7)");
    copy();
    EXPECT_EQ(unrecorded(), "0");
}

TEST_F(ChunkSkipping, FindsRowsOfChunksCopiedTogether) {
    both(create());
    source.run(rows(12));
    copy();
    EXPECT_EQ(unrecorded(), "0");
}

TEST_F(ChunkSkipping, FindsRowsCopiedThroughTheHypertable) {
    source.run(create());
    target.run(create("36 hours"));
    source.run(rows(6));
    copy();
    EXPECT_EQ(unrecorded(), "0");
}

TEST_F(ChunkSkipping, CopiesTheRangesOfBatches) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    both(create());
    source.run(rows(3) + compress());
    target.run("ALTER TABLE parcel SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'depot')");
    copy();
    EXPECT_EQ(ranges(target), ranges(source));
    EXPECT_THAT(ranges(target), testing::Contains("101|151|t"));
}

TEST_F(ChunkSkipping, DiscardsTheRangesOfReplacedBatches) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    both(create());
    source.run(rows(3, 5000) + compress());
    target.run(rows(3) + compress());
    copy();
    EXPECT_EQ(ranges(target), ranges(source));
}

TEST_F(ChunkSkipping, DiscardsTheRangesIfTheRoleMayNotCopyThem) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    both(create());
    const Role owner(target, "owner");
    target.run(fmt::format("GRANT CREATE ON DATABASE {0} TO {1}; ALTER TABLE parcel OWNER TO {1}",
                           target.name(), owner.name()));
    way_to_target = owner.uri();
    source.run(rows(3, 5000) + compress());
    target.run(rows(3) + compress());
    copy();
    EXPECT_EQ(unrecorded(), "0");
}

TEST_F(ChunkSkipping, FindsRowsOfBatchesThatABoundCuts) {
    NEEDS_COMMUNITY_EDITION();
    both(create());
    source.run(rows(3) + compress());
    target.run("ALTER TABLE parcel SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'depot')");
    backfill_ok({"stage", "--until", "2025-06-02 06:20"});
    backfill_ok({"copy"});
    expect_equal_rows("parcel", "ts < '2025-06-02 06:20+00'");
    expect_found();
}

TEST_F(ChunkSkipping, RecordsChunksThatOtherSessionsCreated) {
    both(create());
    source.run(rows(4));
    target.run("INSERT INTO parcel VALUES ('2025-06-02 23:00+00', 7777), ('2025-06-09', 8888)");
    EXPECT_EQ(unrecorded(), "2");
    const auto check = backfill({"check", "--until", "2025-06-05"});
    EXPECT_EQ(check.exit_status, 1);
    EXPECT_THAT(check.output,
                AllOf(HasSubstr("2 chunks are not recorded for column \"tracking\""),
                      HasSubstr("disable_chunk_skipping"), HasSubstr("enable_chunk_skipping")));
    backfill_ok({"stage", "--until", "2025-06-02 12:00"});
    EXPECT_THAT(backfill({"copy"}).errors, HasSubstr("not recorded for chunk skipping"));
    EXPECT_EQ(unrecorded(), "0");
    expect_found();
    EXPECT_THAT(backfill({"check", "--until", "2025-06-05"}).output,
                Not(HasSubstr("are not recorded for column")));
}

TEST_F(ChunkSkipping, RecordsChunksAsTheOwner) {
    both(create());
    source.run(rows(4));
    target.run("INSERT INTO parcel VALUES ('2025-06-02 23:00+00', 7777), ('2025-06-09', 8888)");
    const Role owner(target, "owner");
    target.run(fmt::format("GRANT CREATE ON DATABASE {0} TO {1}; ALTER TABLE parcel OWNER TO {1}",
                           target.name(), owner.name()));
    way_to_target = owner.uri();
    backfill_ok({"stage", "--until", "2025-06-02 12:00"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("the other chunks are recorded anew"));
    EXPECT_EQ(unrecorded(), "0");
    expect_found();
}

TEST_F(ChunkSkipping, FindsImportedRows) {
    target.run(create());
    const TextFile file("parcel.csv",
                        "ts,tracking,depot\n2025-06-01 12:00+00,7,1\n2025-06-05 12:00+00,8,1\n");
    const auto outcome =
        run_program({"import", "--target", target.uri(), "--table", "parcel", file.path()});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM parcel"), "2");
    EXPECT_EQ(unrecorded(), "0");
    expect_found();
}

TEST_F(ChunkSkipping, IsCloned) {
    NEEDS_SAME_VERSION();
    source.run(create() + rows(2));
    const ClientPrograms programs;
    const auto outcome = backfill({"clone-schema", "--programs", programs.folder()});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_EQ(target.rows("SELECT column_name, range_start, range_end, valid FROM "
                          "_timescaledb_catalog.chunk_column_stats"),
              (std::vector<std::string>{"tracking|-9223372036854775808|9223372036854775807|t"}));
    copy();
}

class ChunkSkippingFromPlain : public ChunkSkipping {
  protected:
    ChunkSkippingFromPlain() : ChunkSkipping({.with_extension = false}) {}
};

TEST_F(ChunkSkippingFromPlain, FindsCopiedRows) {
    source.run("CREATE TABLE parcel (ts timestamptz NOT NULL, tracking int, depot int);"
               "CREATE INDEX ON parcel (ts)");
    source.run(rows(4));
    target.run(create());
    copy();
    EXPECT_EQ(unrecorded(), "0");
}

} // namespace
} // namespace test
