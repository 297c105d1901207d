// `copy` and `verify` if the target's chunks have other slices than the source's. Rows are loaded
// through the hypertable, in one transaction for each of the source's chunks.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace test {
namespace {

using testing::HasSubstr;

/// The dimensions of the same table on the two sides, as arguments of create_hypertable().
struct Dimensions {
    const char* name;
    const char* source;
    const char* target;
    /// Changes the target's future chunks, after chunks for some days exist.
    const char* change_target = "SELECT";

    friend std::ostream& operator<<(std::ostream& out, const Dimensions& dimensions) {
        return out << dimensions.name;
    }
};

class OtherSlices : public Migration, public testing::WithParamInterface<Dimensions> {
  protected:
    void SetUp() override {
        make(source, GetParam().source);
        make(target, GetParam().target);
        source.run("INSERT INTO cpu SELECT t, h, h % 4, extract(hour FROM t) FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-08 23:00', '1 hour') t, "
                   "generate_series(1, 12) h");
        // Rows to replace, up to the bound: some of other hosts, and some with the same keys.
        write_stale_rows("2024-01-03", "2024-01-05");
        target.run(GetParam().change_target);
        write_stale_rows("2024-01-05", "2024-01-09");
    }

    static void make(Database& database, const std::string& dimensions) {
        database.run(fmt::format(
            "CREATE FUNCTION parity(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS "
            "'SELECT ($1::text::int % 2) * 1500000000';"
            "CREATE TABLE cpu (time timestamptz NOT NULL, host int NOT NULL, zone int NOT NULL, "
            "load float8, PRIMARY KEY (time, host, zone));"
            "SELECT create_hypertable('cpu', 'time', {})",
            dimensions));
    }

    void write_stale_rows(const std::string& from, const std::string& to) {
        target.run(fmt::format("INSERT INTO cpu SELECT t, h, h % 4, -1 FROM generate_series("
                               "'{}'::timestamptz, '{}'::timestamptz - interval '1 h', '4 hours') "
                               "t, generate_series(10, 14) h",
                               from, to));
    }

    void stage() { backfill_ok({"stage", "--until", until}); }

    std::vector<std::string> rows_beyond() {
        return target.rows(fmt::format("SELECT * FROM cpu WHERE NOT ({}) ORDER BY 1, 2", within));
    }

    static constexpr auto until = "2024-01-07T18:00";
    static constexpr auto within = "time < '2024-01-07 18:00'";
};

TEST_P(OtherSlices, RowsAreReplacedUpToTheBound) {
    const auto beyond = rows_beyond();
    ASSERT_FALSE(beyond.empty());
    stage();
    EXPECT_THAT(backfill_ok({"copy", "-p", "4"}), HasSubstr("through the hypertable"));
    expect_equal_rows("cpu", within);
    EXPECT_EQ(rows_beyond(), beyond);
    backfill_ok({"verify"});
}

TEST_P(OtherSlices, VerifyFindsDifferencesAndCopyRepairsThem) {
    stage();
    backfill_ok({"copy", "-p", "4"});
    target.run("DELETE FROM cpu WHERE time = '2024-01-04 05:00' AND host = 3;"
               "UPDATE cpu SET load = 99 WHERE time = '2024-01-02 05:00' AND host = 5;"
               "INSERT INTO cpu VALUES ('2024-01-06 05:00', 77, 1, 0)");
    const auto outcome = backfill({"verify", "--requeue"});
    EXPECT_EQ(outcome.exit_status, 3) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("host=3"));
    EXPECT_THAT(outcome.output, HasSubstr("host=5"));
    EXPECT_THAT(outcome.output, HasSubstr("host=77"));
    backfill_ok({"copy", "-p", "4"});
    expect_equal_rows("cpu", within);
    backfill_ok({"verify"});
}

TEST_P(OtherSlices, AChunkThatFailsChangesNoRows) {
    target.run("ALTER TABLE cpu ADD CONSTRAINT refused CHECK (time <> '2024-01-04 12:00' OR "
               "host <> 12 OR load = -1)");
    // The source's chunk of the refused row. Its hosts depend on their hashes.
    const auto chunk = source.value("SELECT tableoid::regclass FROM cpu WHERE "
                                    "time = '2024-01-04 12:00' AND host = 12");
    const auto rows = "SELECT * FROM cpu WHERE time >= '2024-01-04' AND time < '2024-01-05' AND "
                      "load = -1 ORDER BY 1, 2";
    const auto before = target.rows(rows);
    stage();
    const auto outcome = backfill({"copy", "-p", "4"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("1 chunk could not be copied"));
    EXPECT_THAT(outcome.output, HasSubstr("refused"));
    // The hosts of this chunk keep their stale rows, and get no new ones.
    const auto keys = source.rows(fmt::format("SELECT DISTINCT host FROM {} ORDER BY 1", chunk));
    for (const auto& key : keys)
        EXPECT_EQ(target.value(fmt::format("SELECT count(*) FROM cpu WHERE host = {} AND "
                                           "time >= '2024-01-04' AND time < '2024-01-05' AND "
                                           "load >= 0",
                                           key)),
                  "0");
    EXPECT_FALSE(keys.empty());
    for (const auto& row : target.rows(rows))
        EXPECT_THAT(before, testing::Contains(row));
    expect_equal_rows("cpu", "time < '2024-01-04' OR (time >= '2024-01-05' AND "
                             "time < '2024-01-07 18:00')");

    target.run("ALTER TABLE cpu DROP CONSTRAINT refused");
    backfill_ok({"copy", "-p", "4"});
    expect_equal_rows("cpu", within);
    backfill_ok({"verify"});
}

TEST_P(OtherSlices, CompressedChunksAreReplacedToo) {
    NEEDS_COMMUNITY_EDITION();
    both("ALTER TABLE cpu SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'host, zone'); SELECT compress_chunk(c) FROM show_chunks('cpu') c");
    source.run("INSERT INTO cpu VALUES ('2024-01-03 12:34', 1, 1, 7)"); // partial
    const auto beyond = rows_beyond();
    stage();
    EXPECT_THAT(backfill_ok({"copy", "-p", "4"}), HasSubstr("through the hypertable"));
    expect_equal_rows("cpu", within);
    EXPECT_EQ(rows_beyond(), beyond);
    backfill_ok({"verify"});
}

INSTANTIATE_TEST_SUITE_P(
    Pairs, OtherSlices,
    testing::Values(
        Dimensions{"ShorterInterval", "chunk_time_interval => interval '1 day'",
                   "chunk_time_interval => interval '7 hours'"},
        Dimensions{"LongerInterval", "chunk_time_interval => interval '1 day'",
                   "chunk_time_interval => interval '3 days'"},
        Dimensions{"MorePartitions", "'host', 2, chunk_time_interval => interval '1 day'",
                   "'host', 3, chunk_time_interval => interval '1 day'"},
        Dimensions{"OtherSpaceDimension", "'host', 2, chunk_time_interval => interval '1 day'",
                   "'zone', 2, chunk_time_interval => interval '1 day'"},
        Dimensions{
            "OtherPartitioningFunction", "'host', 2, chunk_time_interval => interval '1 day'",
            "'host', 2, partitioning_func => 'parity', chunk_time_interval => interval '1 day'"},
        Dimensions{"SpaceDimensionInTheTargetAlone", "chunk_time_interval => interval '1 day'",
                   "'host', 2, chunk_time_interval => interval '1 day'"},
        Dimensions{"IntervalChangedMeanwhile", "chunk_time_interval => interval '1 day'",
                   "chunk_time_interval => interval '1 day'",
                   "SELECT set_chunk_time_interval('cpu', interval '36 hours')"}),
    [](const auto& dimensions) { return std::string(dimensions.param.name); });

} // namespace
} // namespace test
