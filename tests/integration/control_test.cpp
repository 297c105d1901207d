// Watching and controlling runs from another process.

#include "base/exit_status.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <memory>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Control : public Migration {
  protected:
    /// Stages six chunks of one hypertable, and one of another.
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day');"
            "CREATE TABLE \"Other one\" (tick int NOT NULL);"
            "SELECT create_hypertable('\"Other one\"', 'tick', chunk_time_interval => 100)");
        source.run("INSERT INTO readings SELECT t, d, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-06 23:00', '1 hour') t, "
                   "generate_series(1, 3) d; INSERT INTO \"Other one\" VALUES (1)");
        backfill_ok({"stage", "--until", "2024-02-01", "--filter", "readings"});
        backfill_ok({"stage", "--until", "100", "--filter", "Other"});
    }

    /// Locks the source's chunks until the returned connection is closed.
    std::unique_ptr<postgres::Connection> lock_source() {
        auto holder = source.connect();
        holder->execute("SET application_name = 'a job of somebody''s'; BEGIN");
        for (const auto& chunk : chunks_of(source, "readings"))
            holder->execute(fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", chunk));
        return holder;
    }

    std::unique_ptr<Program> start_copy(const std::string& workers,
                                        std::vector<std::string> options = {}) {
        options.insert(options.begin(), {"copy", "-p", workers});
        return start(options);
    }

    json status() { return json::parse(backfill_ok({"status", "--json"})); }

    /// The number of workers that wait for a lock in the source.
    int waiting() {
        return std::stoi(source.value(
            fmt::format("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND application_name LIKE 'timescaledb-backfill%' AND {}",
                        waits_for_lock)));
    }

    std::string finished() { return target.value("SELECT count(worked) FROM __backfill.task"); }

    static void expect_done(Program& program) {
        const auto outcome = program.wait();
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    }
};

TEST_F(Control, StatusShowsProgressBeforeAndAfterARun) {
    EXPECT_THAT(backfill_ok({"status"}), AllOf(HasSubstr("public.readings"), HasSubstr("0/6"),
                                               HasSubstr("public.\"Other one\""), HasSubstr("0/7"),
                                               HasSubstr("Nothing is running.")));
    backfill_ok({"copy"});
    target.run("UPDATE readings SET value = 2 WHERE time = '2024-01-03 05:00'");
    backfill({"verify"});
    const auto now = status();
    EXPECT_EQ(now["total"]["chunks"], 7);
    EXPECT_EQ(now["total"]["done"], 7);
    EXPECT_EQ(now["total"]["disk_bytes"], now["total"]["disk_bytes_done"]);
    EXPECT_EQ(now["total"]["verified"], 6);
    EXPECT_EQ(now["total"]["differing"], 1);
    EXPECT_EQ(now["runs"].size(), 0U);
    EXPECT_EQ(now["hypertables"][1]["name"], "readings");
    // The run and the worker are recorded.
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task JOIN __backfill.run ON run.id = "
                           "task.run WHERE command = 'copy' AND worker >= 1 AND run.ended IS NOT "
                           "NULL"),
              "7");
}

TEST_F(Control, StatusShowsWhatEachWorkerDoesAndWaitsFor) {
    auto holder = lock_source();
    const auto program = start_copy("2");
    json run;
    EXPECT_TRUE(eventually([&] {
        const auto now = status();
        if (now["runs"].size() != 1)
            return false;
        run = now["runs"][0];
        return run["workers"].size() == 2 && now["total"]["in_flight"] > 0 &&
               run["workers"][0]["remark"] != "";
    })) << run;
    EXPECT_EQ(run["command"], "copy");
    EXPECT_EQ(run["pid"], program->pid());
    EXPECT_EQ(run["chunks"], 7);
    EXPECT_THAT(run["workers"][0]["remark"].get<std::string>(),
                AllOf(testing::StartsWith("waiting for "),
                      HasSubstr(" a job of somebody's to release a lock on"),
                      HasSubstr("in the source")));
    EXPECT_THAT(backfill_ok({"status"}),
                AllOf(HasSubstr("copy on "), HasSubstr("1: preparing public.readings 2024-01-0"),
                      HasSubstr(" (waiting for ")));
    holder.reset();
    expect_done(*program);
    EXPECT_THAT(backfill_ok({"status"}), HasSubstr("Nothing is running."));
}

TEST_F(Control, StatusListsFailedChunks) {
    target.run("ALTER TABLE readings ADD CONSTRAINT refused CHECK (time < '2024-01-02')");
    EXPECT_EQ(backfill({"copy"}).exit_status, exit_failed);
    EXPECT_THAT(backfill_ok({"status", "--failed"}),
                AllOf(HasSubstr("Failed chunks"), HasSubstr("refused"),
                      HasSubstr("\n  public.readings 2024-01-03 – 2024-01-04 (chunk \"_timesc")));
    const auto failure = json::parse(backfill_ok({"status", "--failed", "--json"}))["failures"][0];
    EXPECT_EQ(failure["hypertable_name"], "readings");
    EXPECT_THAT(failure["range"].get<std::string>(), HasSubstr(" – 2024-01-0"));
    EXPECT_THAT(backfill_ok({"status"}), Not(HasSubstr("refused")));
    EXPECT_EQ(status()["total"]["failed"], 5);
}

TEST_F(Control, StatusReportsAKilledProcessUntilTheNextRun) {
    auto holder = lock_source();
    const auto program = start_copy("1");
    ASSERT_TRUE(eventually([&] { return status()["runs"].size() == 1; }));
    program->signal(SIGKILL);
    program->wait();
    target.run("UPDATE __backfill.run SET seen = seen - interval '1 hour'");
    // The server may have to notice that the sessions are gone.
    EXPECT_TRUE(eventually([&] {
        const auto text = backfill_ok({"status"});
        return text.find("copy on ") != std::string::npos &&
               text.find("has ended without a report; its last one was 1 h 0 min ago") !=
                   std::string::npos;
    }));
    EXPECT_THAT(backfill_ok({"status"}), HasSubstr("Nothing is running."));
    EXPECT_THAT(backfill_ok({"pause"}), HasSubstr("(nothing is running)"));
    backfill_ok({"resume"});
    holder.reset();
    backfill_ok({"copy"});
    EXPECT_THAT(backfill_ok({"status"}), Not(HasSubstr("without a report")));
    EXPECT_EQ(status()["runs"], json::array());
}

/// Its sessions remain: it cannot reach the target, or the server does not know that it is gone.
TEST_F(Control, StatusReportsASilentProcess) {
    auto holder = lock_source();
    const auto program = start_copy("1");
    ASSERT_TRUE(eventually([&] { return status()["runs"].size() == 1; }));
    const auto session = target.connect();
    session->execute("SET application_name = 'timescaledb-backfill copy 01234567'");
    program->signal(SIGKILL);
    program->wait();
    target.run("UPDATE __backfill.run SET seen = clock_timestamp()");
    EXPECT_TRUE(eventually(
        [&] { return backfill_ok({"status"}).find("; no report for ") != std::string::npos; }));
    EXPECT_THAT(backfill_ok({"status"}), Not(HasSubstr("Nothing is running.")));
}

TEST_F(Control, WatchEndsWhenAllIsDone) {
    const auto program = start_copy("2", {"--max-rate", "5kB"});
    const auto watch = backfill({"status", "--watch"});
    EXPECT_EQ(watch.exit_status, exit_done) << watch.errors;
    EXPECT_THAT(watch.output, HasSubstr("7/7"));
    expect_done(*program);
}

TEST_F(Control, StatusNeedsAQueue) {
    backfill_ok({"clean"});
    const auto outcome = backfill({"status"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.errors, HasSubstr("no chunks have been staged"));
}

TEST_F(Control, PausedRunsWaitForResume) {
    EXPECT_THAT(backfill_ok({"pause"}), HasSubstr("nothing is running"));
    const auto program = start_copy("2");
    EXPECT_TRUE(eventually([&] {
        const auto now = status();
        return now["runs"].size() == 1 && !now["runs"][0]["workers"].empty() &&
               now["runs"][0]["workers"][0]["activity"] == "paused";
    }));
    EXPECT_EQ(finished(), "0");
    EXPECT_THAT(backfill_ok({"status"}), HasSubstr("Paused. Next: "));
    EXPECT_THAT(backfill_ok({"resume"}), HasSubstr("copy on"));
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("Paused: workers finish their current chunks"),
                                      HasSubstr("Resumed.")));
    EXPECT_EQ(finished(), "7");
}

TEST_F(Control, PausingFinishesTheChunksInProgress) {
    auto holder = lock_source();
    // Copy chunks one by one; otherwise, small ones are copied together.
    const auto program = start_copy("1", {"--load-strategy", "attach"});
    ASSERT_TRUE(eventually([&] { return waiting() == 1; }));
    backfill_ok({"pause"});
    // After this time, the run publishes that it is paused.
    const auto paused = target.value("SELECT clock_timestamp()");
    ASSERT_TRUE(eventually([&] {
        return target.value(fmt::format("SELECT count(*) FROM __backfill.run WHERE seen > '{}'",
                                        paused)) == "1";
    }));
    holder.reset();
    ASSERT_TRUE(eventually([&] {
        const auto runs = status()["runs"];
        return runs.size() == 1 && runs[0]["workers"].size() == 1 &&
               runs[0]["workers"][0]["activity"] == "paused";
    }));
    EXPECT_NE(finished(), "0");
    program->signal(SIGINT); // ends even a paused run
    program->wait();
    expect_equal_rows("readings", "time < '2024-01-01'");
}

TEST_F(Control, ParallelismChangesDuringARun) {
    auto holder = lock_source();
    const auto program = start_copy("1");
    ASSERT_TRUE(eventually([&] { return waiting() == 1 && status()["runs"].size() == 1; }));
    EXPECT_THAT(backfill_ok({"set-parallelism", "4"}),
                AllOf(HasSubstr("4 workers"), HasSubstr("copy on")));
    EXPECT_TRUE(eventually([&] { return waiting() > 1; }));
    backfill_ok({"set-parallelism", "1"});
    holder.reset();
    expect_done(*program);
    EXPECT_EQ(finished(), "7");
    expect_equal_rows("readings");
}

/// A worker is dismissed while it has the last chunk. The other worker has ended.
class DismissedWorker : public Control {
  protected:
    void SetUp() override {
        Control::SetUp();
        target.run("UPDATE __backfill.task SET bytes = 5e6"); // so that each is claimed alone
    }

    /// Waits until the run has applied all settings.
    void expect_applied() {
        for (int times = 0; times < 2; ++times) { // a run applies them after it updates `seen`
            const auto now = target.value("SELECT clock_timestamp()");
            ASSERT_TRUE(eventually(
                [&] { return target.value("SELECT max(seen) FROM __backfill.run") > now; }));
        }
    }

    /// Starts a command with two workers. Returns when the second worker waits for the lock on its
    /// chunk and is dismissed, and the first has nothing to do.
    void dismiss_second(const std::string& command) {
        const auto chunks = chunks_of(source, "readings");
        std::array<std::unique_ptr<postgres::Connection>, 2> locks;
        for (std::size_t i = 0; i < locks.size(); ++i) {
            locks[i] = source.connect();
            locks[i]->execute(
                fmt::format("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", chunks[i]));
        }
        program = start({command, "-p", "2"});
        json workers;
        const auto working = [&](std::size_t number) {
            const auto runs = status()["runs"];
            workers = runs.empty() ? json::array() : runs[0]["workers"];
            return workers.size() == number;
        };
        const auto is_of_second = [&](const std::string& chunk) {
            return workers[1]["worker"] == 2 && workers[1]["chunk"].is_string() &&
                   workers[1]["chunk"].get<std::string>().ends_with(
                       chunk.substr(chunk.find('.') + 1) + '"');
        };
        // The status is up to a second older than the locks.
        ASSERT_TRUE(eventually([&] {
            return waiting() == 2 && working(2) &&
                   (is_of_second(chunks[0]) || is_of_second(chunks[1]));
        }));
        const std::size_t own = is_of_second(chunks[0]) ? 0 : 1;
        lock = std::move(locks[own]);
        locks[1 - own].reset();
        ASSERT_TRUE(eventually([&] { return working(1); }));
        ASSERT_EQ(workers[0]["worker"], 2);
        backfill_ok({"set-parallelism", "1"});
        expect_applied();
        waits_since_dismissal_ = waits_since(source);
    }

    /// Ends the worker's session, and waits until the worker waits for the lock again.
    void expect_another_attempt() {
        source.run(fmt::format(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND application_name LIKE 'timescaledb-backfill%' AND {}",
            waits_for_lock));
        EXPECT_TRUE(eventually(
            [&] { return program->has_ended() || waits_since(source) > waits_since_dismissal_; }));
        EXPECT_FALSE(program->has_ended());
    }

    std::unique_ptr<Program> program;
    std::unique_ptr<postgres::Connection> lock;

  private:
    std::string waits_since_dismissal_;
};

TEST_F(DismissedWorker, OfCopyRetriesItsChunkOnNewConnections) {
    dismiss_second("copy");
    expect_another_attempt();
    lock.reset();
    expect_done(*program);
    EXPECT_EQ(finished(), "7");
    expect_equal_rows("readings");
}

TEST_F(DismissedWorker, OfVerifyRetriesItsChunkOnNewConnections) {
    backfill_ok({"copy"});
    dismiss_second("verify");
    expect_another_attempt();
    lock.reset();
    expect_done(*program);
    EXPECT_EQ(target.value("SELECT count(verified) FROM __backfill.task"), "7");
}

TEST_F(Control, InvalidParallelismIsRefused) {
    for (const auto* number : {"0", "1001", "-1", "many"})
        EXPECT_EQ(backfill({"set-parallelism", number}).exit_status, exit_usage) << number;
    EXPECT_EQ(backfill({"set-parallelism"}).exit_status, exit_usage);
}

TEST_F(Control, TheRateIsLimited) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    // COPY sends about 13 kB. There is no wait after the last data of a chunk.
    expect_done(*start_copy("1", {"--max-rate", "4kB"}));
    EXPECT_GT(Clock::now() - start, std::chrono::milliseconds(1500));
    expect_equal_rows("readings");
}

} // namespace
} // namespace test
