// Commands that a run starts for events.

#include "base/exit_status.hpp"
#include "support/events.hpp"
#include "support/migration.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Hook : public Migration {
  protected:
    /// Stages three chunks, of which the second one cannot be copied.
    void SetUp() override {
        both("CREATE TABLE readings (time timestamptz NOT NULL, value int); "
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => "
             "interval '1 day')");
        source.run("INSERT INTO readings SELECT t, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t");
        target.run("ALTER TABLE readings ADD CHECK (time < '2024-01-02' OR time >= '2024-01-03')");
        backfill_ok({"stage", "--until", "2024-02-01"});
    }

    TemporaryFolder folder;
};

TEST_F(Hook, GetsTheEventsOfFailuresAndOfTheEnd) {
    const auto seen = folder.file("seen");
    const auto outcome = backfill({"copy", "--on-event", "cat >> " + shell_quoted(seen)});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    const auto lines = folder.read("seen");
    EXPECT_THAT(lines,
                AllOf(HasSubstr("\"event\":\"failed\""), HasSubstr("violates check"),
                      HasSubstr("\"event\":\"summary\""), Not(HasSubstr("\"event\":\"copied\""))));
    expect_valid_events(lines);
}

TEST_F(Hook, DoesNotHoldUpTheRun) {
    const auto gate = shell_quoted(folder.file("gate"));
    const auto program = start({"copy", "-p", "1", "--on-event",
                                fmt::format("until [ -e {} ]; do sleep 0.05; done", gate)});
    EXPECT_TRUE(eventually([&] { return program->has_printed("Copied 2 chunks"); }));
    shell("touch " + gate);
    EXPECT_EQ(program->wait().exit_status, exit_failed);
}

TEST_F(Hook, MayLeaveAProcessInASessionOfItsOwn) {
    const auto left = shell_quoted(folder.file("left"));
    const auto outcome = backfill(
        {"copy", "--on-event",
         fmt::format("setsid sh -c 'echo $$ >> {0}; exec sleep 600' & until [ -s {0} ]; do sleep "
                     "0.05; done",
                     left)});
    EXPECT_EQ(outcome.exit_status, exit_failed); // as without a hook
    shell("kill $(cat " + left + ")");           // it is still there
}

TEST_F(Hook, ThatFailsIsAWarning) {
    const auto outcome = backfill({"copy", "--on-event", "echo no mail today >&2; exit 7"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("--on-event has failed with status 7: no mail today"));
    EXPECT_EQ(target.value("SELECT count(worked) FROM __backfill.task"), "2");
}

/// What the program prints about a command that fails, without its own error.
void expect_warning(const std::string& errors, const std::string& warning) {
    EXPECT_THAT(errors, testing::ContainsRegex("timescaledb-backfill: [^\n]*" + warning + "\n"));
}

TEST_F(Hook, ThatFailsIsOneLine) {
    expect_warning(backfill({"copy", "--on-event", "exit 3"}).errors,
                   "--on-event has failed with status 3; run the command by hand");
    expect_warning(backfill({"copy", "--on-event", "no-such-command; exit 9"}).errors,
                   "--on-event has failed with status 9: [^\n]*no-such-command[^\n]*; run the "
                   "command by hand");
    expect_warning(backfill({"copy", "--on-event", "echo one >&2; echo two >&2; exit 9"}).errors,
                   "status 9: one; two; run the command by hand");
}

/// Waits for the ten seconds.
TEST_F(Hook, ThatDoesNotEndIsEnded) {
    const auto outcome = backfill({"copy", "--on-event", "exec sleep 1000"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    expect_warning(outcome.errors, "--on-event was ended: it was still running ten seconds after "
                                   "the run; make the command faster");
    EXPECT_THAT(outcome.errors, Not(HasSubstr("137")));
}

} // namespace
} // namespace test
