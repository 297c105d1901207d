// Queues that were changed by hand.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Queue : public Migration {
  protected:
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t");
        backfill_ok({"stage", "--until", "2024-01-04"});
    }

    void change_second_task(const std::string& assignment) {
        target.run(fmt::format("UPDATE __backfill.task SET {} WHERE id = (SELECT min(id) + 1 FROM "
                               "__backfill.task)",
                               assignment));
    }
};

/// A change of a task, and the message about it.
struct Change {
    const char* assignment;
    const char* message;
};

class QueueChangedByHand : public Queue, public testing::WithParamInterface<Change> {};

TEST_P(QueueChangedByHand, FailsOnlyThatTask) {
    change_second_task(GetParam().assignment);
    const auto outcome = backfill({"copy", "-p", "2"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr(GetParam().message));
    EXPECT_THAT(outcome.output + outcome.errors, Not(HasSubstr("json.exception")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NOT NULL"), "2");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "48");
}

INSTANTIATE_TEST_SUITE_P(
    Changes, QueueChangedByHand,
    testing::Values(Change{"slices = '{}'", "its slices in __backfill.task are invalid"},
                    Change{"slices = '{\"time\": [\"1\", 2]}'", "its slices"},
                    Change{"slices = '{\"time\": [1]}'", "its slices"},
                    Change{"slices = 'null'", "its slices"},
                    Change{"slices = '{\"other\": [1, 2]}'", "dimension"},
                    Change{"range = '{}'", "its ranges in __backfill.task are invalid"},
                    Change{"range = '{(,5)}'", "its ranges"},
                    Change{"hypertable_name = E'\\'\"; no such'", "missing in the source"},
                    Change{"target_name = 'no such'", "missing in the target"}));

TEST_F(Queue, ExplainNamesTheInvalidTask) {
    change_second_task("slices = '[]'");
    EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr("fails: its slices"));
}

TEST_F(Queue, AMissingChunkIsSkipped) {
    change_second_task("chunk_name = E'\\'\"; DROP TABLE readings'");
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("gone from the source"));
}

TEST_F(Queue, VerifyNamesTheInvalidTask) {
    backfill_ok({"copy"});
    change_second_task("slices = '[]'");
    const auto outcome = backfill({"verify"});
    EXPECT_EQ(outcome.exit_status, 3) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("its slices"));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE verified IS NOT NULL"), "2");
}

} // namespace
} // namespace test
