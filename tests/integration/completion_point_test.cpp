// How `completion-point` suggests the time from which both sides have all rows.

#include "base/exit_status.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class CompletionPoint : public Migration {
  protected:
    /// Inserts a row for each second of two hours into the source.
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day');"
            "CREATE TABLE ticks (tick bigint NOT NULL, value int);"
            "SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 1000000)");
        source.run("INSERT INTO readings SELECT t, 1 FROM generate_series("
                   "'2025-06-01 11:00'::timestamptz, '2025-06-01 12:59:59', '1 second') t;"
                   "INSERT INTO ticks SELECT i, 1 FROM generate_series(1, 10000) i");
    }

    /// Copies rows to the target, as if the application had written them to both sides.
    void write_to_target(const std::string& table, const std::string& condition) {
        for (const auto& row :
             source.rows(fmt::format("SELECT * FROM {} WHERE {}", table, condition)))
            values_ += fmt::format("{}('{}', {})", values_.empty() ? "" : ", ",
                                   row.substr(0, row.find('|')), row.substr(row.find('|') + 1));
        target.run(fmt::format("INSERT INTO {} VALUES {}", table, values_));
        values_.clear();
    }

    json find(const std::string& table, int exit_status = exit_done,
              std::vector<std::string> arguments = {}) {
        arguments.insert(arguments.begin(),
                         {"completion-point", "--filter", table, "--output", "json"});
        const auto outcome = backfill(arguments);
        EXPECT_EQ(outcome.exit_status, exit_status) << outcome.output << outcome.errors;
        return json::parse(outcome.output.substr(0, outcome.output.find('\n')));
    }

    std::string values_;
};

TEST_F(CompletionPoint, IsAfterTheLastDifference) {
    // From 12:17 on, some processes write to both sides; from 12:20:30 on, all.
    write_to_target("readings", "time >= '2025-06-01 12:20:30' OR (time >= '2025-06-01 12:17' AND "
                                "extract(second FROM time)::int % 2 = 0)");
    const auto found = find("readings");
    EXPECT_EQ(found["suggested"], "2025-06-01 12:20:30 UTC");
    EXPECT_EQ(found["differing_from"], "2025-06-01 12:20:29 UTC");
    EXPECT_EQ(found["source_rows"], 1);
    EXPECT_EQ(found["target_rows"], 0);
    EXPECT_EQ(found["rows_before"], 105);
    EXPECT_THAT(found["chart"].get<std::string>(), MatchesRegex("-+=+"));
    const auto text = backfill({"completion-point", "--filter", "readings"}).output;
    EXPECT_THAT(text,
                AllOf(HasSubstr("\"public\".\"readings\" by \"time\", in steps of 1 min, from "
                                "2025-06-01 12:17:00 UTC to 2025-06-01 13:00:00 UTC"),
                      HasSubstr("1 row in the source, 0 in the target."),
                      HasSubstr("the oldest at 2025-06-01 12:17:00 UTC"),
                      HasSubstr("Suggested: --until '2025-06-01 12:20:30 UTC', or later."),
                      HasSubstr("For 1 of 1 hypertable: --until '2025-06-01 12:20:30 UTC'")));
}

TEST_F(CompletionPoint, IsAfterAGap) {
    write_to_target("readings",
                    "time >= '2025-06-01 12:10' AND NOT (time >= '2025-06-01 12:30' AND "
                    "time < '2025-06-01 12:31:07')");
    const auto found = find("readings");
    EXPECT_EQ(found["suggested"], "2025-06-01 12:31:07 UTC");
    EXPECT_THAT(found["chart"].get<std::string>(), MatchesRegex("-?=+-+=+"));
}

TEST_F(CompletionPoint, AllowsForLateRows) {
    write_to_target("readings", "time >= '2025-06-01 12:30' OR time = '2025-06-01 11:00:07'");
    const auto found = find("readings");
    EXPECT_EQ(found["suggested"], "2025-06-01 12:30:00 UTC");
    EXPECT_EQ(found["rows_before"], 1);
}

TEST_F(CompletionPoint, IsNotSuggestedIfTheSidesDifferUntilTheEnd) {
    write_to_target("readings", "time >= '2025-06-01 12:10' AND extract(second FROM time) <> 7");
    const auto found = find("readings", exit_failed);
    EXPECT_FALSE(found.contains("suggested"));
    EXPECT_THAT(backfill({"completion-point", "--filter", "readings"}).output,
                AllOf(HasSubstr("No point can be suggested"),
                      HasSubstr("No completion point for 1 hypertable.")));
}

TEST_F(CompletionPoint, IgnoresRowsInFlight) {
    write_to_target("readings", "time >= '2025-06-01 12:10' AND time < '2025-06-01 12:59:50'");
    const auto found = find("readings");
    EXPECT_EQ(found["suggested"], "2025-06-01 12:10:00 UTC");
    EXPECT_THAT(found["chart"].get<std::string>(), MatchesRegex("=+[?]"));
}

TEST_F(CompletionPoint, OfIntegersIsANumber) {
    write_to_target("ticks", "tick >= 7123");
    const auto found = find("ticks");
    EXPECT_EQ(found["suggested"], "7123");
}

TEST_F(CompletionPoint, OfSeveralHypertablesIsTheLatest) {
    write_to_target("ticks", "tick >= 7123");
    write_to_target("readings", "time >= '2025-06-01 12:10:05'");
    EXPECT_THAT(backfill_ok({"completion-point"}),
                HasSubstr("For 2 of 2 hypertables: --until '2025-06-01 12:10:05 UTC'; --until "
                          "'7123', or later."));
}

TEST_F(CompletionPoint, NeedsRowsInTheTarget) {
    EXPECT_EQ(find("readings", exit_failed)["reason"],
              "\"public\".\"readings\" has no rows to compare: the target has none yet");
}

TEST_F(CompletionPoint, LooksBackToSinceOnly) {
    write_to_target("readings", "time < '2025-06-01 12:00' OR time >= '2025-06-01 12:40:10'");
    backfill_ok({"stage", "--until", "2025-06-01 11:30", "--filter", "readings"});
    backfill_ok({"copy"});
    const auto refused = backfill({"completion-point", "--filter", "readings"});
    EXPECT_EQ(refused.exit_status, exit_usage);
    EXPECT_THAT(refused.errors, HasSubstr("--since"));
    const auto found = find("readings", exit_done, {"--since", "2025-06-01 12:30"});
    EXPECT_EQ(found["from"], "2025-06-01 12:30:00 UTC");
    EXPECT_EQ(found["suggested"], "2025-06-01 12:40:10 UTC");
    EXPECT_EQ(find("ticks", exit_failed, {"--since", "2025-06-01 12:30"})["reason"],
              "\"public\".\"ticks\" (\"tick\" bigint) cannot take --since 2025-06-01 12:30");
}

} // namespace
} // namespace test
