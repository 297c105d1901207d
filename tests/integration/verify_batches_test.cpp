// How `verify` compares compressed chunks: by their batches, or by their rows.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto by_batches = ", by compressed batches\n";

class VerifyBatches : public Migration {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        NEEDS_SAME_VERSION();
        if (!version_at_least(2, 21)) // the first minor version after 2.20.1
            GTEST_SKIP() << "before 2.20.1, batches of NULLs cannot be sent";
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8, note "
             "text, none int); SELECT create_hypertable('readings', 'time', chunk_time_interval => "
             "interval '1 day');"
             "ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
             "'device', timescaledb.compress_orderby = 'time')");
        source.run("INSERT INTO readings SELECT t, d, d, 'note ' || d FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-02 23:50', '10 min') t, "
                   "generate_series(1, 4) d;"
                   "SELECT compress_chunk(show_chunks('readings'))");
    }

    void copy() {
        backfill_ok({"stage", "--until", "2024-02-01"});
        backfill_ok({"copy"});
    }

    std::string expect_equal(const std::vector<std::string>& options = {}) {
        std::vector<std::string> arguments{"verify", "--all", "--verbose"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        auto output = backfill_ok(arguments);
        EXPECT_THAT(output, HasSubstr("2 equal."));
        return output;
    }

    std::string expect_a_difference() {
        auto outcome = backfill({"verify", "--all"});
        EXPECT_EQ(outcome.exit_status, 3) << outcome.output << outcome.errors;
        return outcome.output;
    }
};

TEST_F(VerifyBatches, AreComparedUnlessRowsAreAskedFor) {
    copy();
    EXPECT_THAT(
        expect_equal({"--verbose"}),
        AllOf(HasSubstr(by_batches), HasSubstr("All were compared by compressed batches.")));
    EXPECT_THAT(
        backfill_ok({"verify", "--all", "--output", "json"}),
        AllOf(HasSubstr(R"("compared":"batches")"), Not(HasSubstr(R"("compared":"rows")"))));
    EXPECT_THAT(expect_equal({"--mode", "digest-rows"}), Not(HasSubstr("compressed batches")));
}

TEST_F(VerifyBatches, ThatDifferAreComparedByRows) {
    copy();
    target.run("ALTER TABLE readings SET (timescaledb.compress_orderby = 'time DESC');"
               "SELECT decompress_chunk(c), compress_chunk(c) FROM (SELECT c FROM "
               "show_chunks('readings') c ORDER BY c LIMIT 1) AS first");
    EXPECT_THAT(expect_equal({"--verbose"}),
                AllOf(HasSubstr(by_batches), HasSubstr("1 was compared by")));
}

TEST_F(VerifyBatches, ThatDifferInAValueDiffer) {
    copy();
    target.run("UPDATE readings SET value = 5 WHERE time = '2024-01-01 12:00' AND device = 3;"
               "SELECT compress_chunk(c) FROM show_chunks('readings') c");
    EXPECT_THAT(expect_a_difference(),
                AllOf(HasSubstr("in column value"), HasSubstr("1 equal, 1 different.")));
}

TEST_F(VerifyBatches, RowsOutsideBatchesAreCompared) {
    source.run("INSERT INTO readings VALUES ('2024-01-01 12:34', 7, 7, 'x')");
    copy();
    EXPECT_THAT(expect_equal(), HasSubstr("All were compared by compressed batches."));
    target.run("UPDATE readings SET note = 'y' WHERE device = 7");
    EXPECT_THAT(expect_a_difference(), HasSubstr("in column note"));
}

// The value of a column that was added later is not in the batches.
TEST_F(VerifyBatches, DoNotDecideAboutColumnsAddedLater) {
    copy();
    source.run("ALTER TABLE readings ADD COLUMN unit text DEFAULT 'm'");
    target.run("ALTER TABLE readings ADD COLUMN unit text DEFAULT 'km'");
    EXPECT_THAT(expect_a_difference(), HasSubstr("in column unit"));
}

TEST_F(VerifyBatches, AreNotEqualIfTheHypertableDoesNotShowAllRows) {
    source.run("INSERT INTO readings VALUES ('2024-01-01 12:34', 7, 7, 'x')");
    copy();
    expect_equal();
    // The flag of partial chunks is missing.
    target.run("UPDATE _timescaledb_catalog.chunk SET status = 1 WHERE status & 8 = 8");
    EXPECT_THAT(expect_a_difference(), HasSubstr("577 rows in the source, 576 rows in the target"));
}

} // namespace
} // namespace test
