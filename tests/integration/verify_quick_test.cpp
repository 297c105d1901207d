// Comparing the estimates of the two catalogs.

#include "base/exit_status.hpp"
#include "support/migration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class VerifyQuick : public Migration {
  protected:
    /// Creates four chunks of 300 rows.
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, d, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-04 23:59', '1 hour 15 minutes') t, "
                   "generate_series(1, 15) d");
    }

    void migrate_and_analyze(const std::vector<std::string>& stage) {
        migrate(stage);
        both("ANALYZE readings");
    }

    Outcome quick() { return backfill({"verify", "--quick"}); }
};

TEST_F(VerifyQuick, ComparesEstimatesAndMarksNothing) {
    migrate_and_analyze({"--until", "2024-02-01"});
    target.run("UPDATE readings SET value = 2"); // no estimate shows this
    const auto outcome = quick();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("estimates for 4 chunks"), HasSubstr("4 alike (within 5%)."),
                      HasSubstr("Estimates prove nothing")));
    EXPECT_EQ(target.value("SELECT count(compared) FROM __backfill.task"), "0");
    EXPECT_EQ(backfill({"verify"}).exit_status, exit_differences);
}

TEST_F(VerifyQuick, FindsAChunkWithMissingRows) {
    migrate_and_analyze({"--until", "2024-02-01"});
    target.run("DELETE FROM readings WHERE time >= '2024-01-02' AND time < '2024-01-03' AND "
               "device <= 2; ANALYZE readings");
    const auto outcome = quick();
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("public.readings 2024-01-02 – 2024-01-03 (chunk "),
                      HasSubstr(": about 285 rows in the source, about 247 rows in the target\n"),
                      HasSubstr("3 alike (within 5%), 1 different."),
                      HasSubstr("In the source: ANALYZE \"public\".\"readings\""),
                      HasSubstr("In the target: ANALYZE \"public\".\"readings\"")));
}

TEST_F(VerifyQuick, ReportsChunksThatWereNeverAnalyzed) {
    migrate({"--until", "2024-02-01"});
    // Copying has analyzed the target's chunks.
    const auto outcome = quick();
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("4 unknown"), HasSubstr("an unknown number of rows in the source"),
                      HasSubstr("In the source: ANALYZE \"public\".\"readings\""),
                      Not(HasSubstr("In the target:"))));
}

TEST_F(VerifyQuick, ComparesChunksThatTheCompletionPointCuts) {
    target.run("INSERT INTO readings SELECT t, d, 1 FROM generate_series('2024-01-01'::timestamptz,"
               " '2024-01-04 23:59', '1 hour 15 minutes') t, generate_series(1, 15) d "
               "WHERE t >= '2024-01-04 12:00'");
    migrate_and_analyze({"--until", "2024-01-04 12:00", "--from", "2024-01-01 12:00"});
    const auto outcome = quick();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("3 alike (within 5%), 1 not compared (cut by --from)"));
}

TEST_F(VerifyQuick, ComparesCompressedChunks) {
    NEEDS_COMMUNITY_EDITION();
    both("ALTER TABLE readings SET (timescaledb.compress)");
    source.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
    migrate_and_analyze({"--until", "2024-02-01"});
    const auto outcome = quick();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output;
    target.run(
        "SELECT decompress_chunk(c) FROM show_chunks('readings', older_than => "
        "'2024-01-02'::timestamptz) c; DELETE FROM readings WHERE time < '2024-01-01 12:00'; "
        "ANALYZE readings");
    EXPECT_THAT(quick().output, HasSubstr("1 different"));
}

TEST_F(VerifyQuick, RefusesOptionsForReading) {
    EXPECT_EQ(backfill({"verify", "--quick", "--all"}).exit_status, exit_usage);
    EXPECT_EQ(backfill({"verify", "--quick", "--mode", "digest"}).exit_status, exit_usage);
    EXPECT_EQ(quick().exit_status, exit_usage) << "no chunks have been staged";
}

} // namespace
} // namespace test
