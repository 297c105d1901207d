// Runs that wait for what the servers feel.

#include "base/exit_status.hpp"
#include "support/events.hpp"
#include "support/migration.hpp"
#include "support/with_standby.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <regex>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

/// What the suites share: two chunks, in the queue.
void make_readings(Database& source, Database& target) {
    for (auto* database : {&source, &target})
        database->run(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, note text);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
    source.run("INSERT INTO readings SELECT t, 1, repeat('x', 100) FROM generate_series("
               "'2024-01-01'::timestamptz, '2024-01-02 23:59:59', '5 seconds') t");
}

/// A file of several batches: 60,000 records.
std::string many_rows() {
    std::string rows = "time,device,note\n";
    for (int i = 0; i < 60'000; ++i)
        rows += fmt::format("2025-01-01 00:00:00,{},{:0>90}\n", i, i);
    return rows;
}

/// The only worker's entry in `status`; null if there is none.
json worker_of(const json& status) {
    const auto& runs = status["runs"];
    return runs.size() == 1 && runs[0]["workers"].size() == 1 ? runs[0]["workers"][0] : json();
}

class Throttle : public Migration {
  protected:
    void SetUp() override {
        make_readings(source, target);
        source.run("CREATE SCHEMA app; CREATE TABLE app.gate (n int); INSERT INTO app.gate VALUES "
                   "(0)");
        source.run(fmt::format("ALTER DATABASE {} SET search_path = app, public", source.name()));
        backfill_ok({"stage", "--until", "2024-02-01"});
    }

    json status() { return json::parse(backfill_ok({"status", "--json"})); }

    /// Starts an import into readings with one worker.
    Program start_import(const std::string& file, const std::string& option,
                         const std::string& value) const {
        return Program({"import", "--target", target.uri(), "--time-zone", "UTC", "-p", "1", option,
                        value, "--table", "readings", file});
    }

    json worker() { return worker_of(status()); }

    /// Starts a copy that takes seconds for each chunk, and returns when it moves rows.
    std::unique_ptr<Program> start_slowly(const std::vector<std::string>& options = {}) {
        std::vector<std::string> arguments{"copy",
                                           "-p",
                                           "1",
                                           "--load-strategy",
                                           "in-place",
                                           "--max-rate",
                                           "300kB",
                                           "--throttle-query",
                                           "SELECT max(n) FROM gate"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        auto program = start(arguments);
        EXPECT_TRUE(eventually([&] {
            const auto now = worker();
            return !now.is_null() && now["activity"] == "copying" && now["moved"] > 0;
        }));
        return program;
    }

    std::string finished() { return target.value("SELECT count(worked) FROM __backfill.task"); }

    /// A time of day in a zone, so many hours from now.
    std::string time_in(const std::string& zone, int hours) {
        return target.value(
            fmt::format("SELECT to_char(now() AT TIME ZONE '{}' + interval '{} hours', 'HH24:MI')",
                        zone, hours));
    }
};

TEST_F(Throttle, StopsAChunkWhileAQueryReturnsANumberAboveZero) {
    const auto program = start_slowly({"--output", "json"});
    source.run("UPDATE app.gate SET n = 3");
    EXPECT_TRUE(eventually([&] { return program->has_printed("throttled"); }));
    json before, after;
    EXPECT_TRUE(eventually([&] { return (before = worker())["activity"] == "waiting"; }));
    const auto waits = [&] {
        return status()["runs"][0]["waits"];
    };
    const auto since = waits();
    ASSERT_EQ(since.size(), 1U);
    EXPECT_EQ(since[0]["option"], "--throttle-query");
    EXPECT_EQ(since[0]["reason"], "--throttle-query returns 3");
    EXPECT_EQ(since[0]["limit"], 0);
    EXPECT_TRUE(eventually([&] { return waits()[0]["seconds"] > since[0]["seconds"]; }));
    after = worker();
    EXPECT_EQ(after["activity"], "waiting");
    EXPECT_EQ(after["moved"], before["moved"]);
    EXPECT_THAT(backfill_ok({"status"}), ContainsRegex("\nWaiting for [0-9.]+ s: "
                                                       "--throttle-query returns 3\n  1: waiting "
                                                       "public.readings 2024"));
    backfill_ok({"pause"});
    EXPECT_TRUE(eventually([&] { return waits().size() == 2; }));
    EXPECT_EQ(waits()[0]["option"], "pause");
    EXPECT_THAT(backfill_ok({"status"}), ContainsRegex("\nPaused for [^\n]*resume\nWaiting for "));
    backfill_ok({"resume"});
    EXPECT_NE(finished(), "2");
    source.run("UPDATE app.gate SET n = 0");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("\"throttled\""), HasSubstr("\"unthrottled\"")));
    expect_valid_events(outcome.output);
    expect_equal();
}

/// The first signal, which would otherwise let the chunk finish.
TEST_F(Throttle, AChunkThatItHoldsIsRolledBackByASignal) {
    const auto program = start_slowly();
    const auto done = finished();
    source.run("UPDATE app.gate SET n = 1");
    EXPECT_TRUE(eventually([&] { return worker()["activity"] == "waiting"; }));
    program->signal(SIGTERM);
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_interrupted) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.errors,
                HasSubstr("stopping; the chunks whose rows wait are rolled back (--throttle-query "
                          "returns 1, for "));
    EXPECT_EQ(finished(), done);
    backfill_ok({"copy"});
    expect_equal();
}

/// A throttle that begins while the chunks in progress are finished.
TEST_F(Throttle, DoesNotHoldUpTheEndAfterASignal) {
    const auto program = start_slowly();
    program->signal(SIGTERM);
    EXPECT_TRUE(eventually([&] { return program->has_warned("finishing the chunks"); }));
    source.run("UPDATE app.gate SET n = 1");
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
}

TEST_F(Throttle, BeginsNothingBeforeItHasAsked) {
    source.run("UPDATE app.gate SET n = 1");
    for (const auto* command : {"copy", "verify", "sync-tables"}) {
        const auto program = start({command, "--throttle-query", "SELECT n FROM gate"});
        EXPECT_TRUE(eventually([&] {
            return program->has_printed("Waiting: --throttle-query returns 1.");
        })) << command;
        if (command == std::string("copy")) {
            EXPECT_EQ(finished(), "0");
        }
        source.run("UPDATE app.gate SET n = 0");
        const auto outcome = program->wait();
        EXPECT_THAT(outcome.output, HasSubstr("Continuing after ")) << outcome.errors;
        source.run("UPDATE app.gate SET n = 1");
    }
}

TEST_F(Throttle, OfAnImportAsksTheTarget) {
    const TemporaryFolder folder;
    folder.write("rows.csv", "time,device,note\n2025-01-01,7,imported\n");
    target.run("CREATE TABLE gate (n int); INSERT INTO gate VALUES (1)");
    auto program = start_import(folder.file("rows.csv"), "--throttle-query", "SELECT n FROM gate");
    EXPECT_TRUE(eventually([&] { return program.has_printed("Waiting: "); }));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    target.run("UPDATE gate SET n = 0");
    EXPECT_EQ(program.wait().exit_status, exit_done);
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1");
}

/// A batch may create chunks, and then holds a lock for which others wait who create chunks.
TEST_F(Throttle, HoldsAnImportUpBetweenTransactions) {
    const TemporaryFolder folder;
    folder.write("rows.csv", many_rows());
    target.run("CREATE TABLE gate (n int); INSERT INTO gate VALUES (0);"
               "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
               "PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); RETURN NEW; END $$;"
               "CREATE TRIGGER wait BEFORE INSERT ON readings FOR EACH ROW WHEN (NEW.device = 0) "
               "EXECUTE FUNCTION public.wait()");
    auto holder = target.connect();
    holder->execute("SELECT pg_advisory_lock(42)");
    auto program = start_import(folder.file("rows.csv"), "--throttle-query", "SELECT n FROM gate");
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    target.run("UPDATE gate SET n = 1");
    EXPECT_TRUE(eventually([&] { return program.has_printed("Waiting: "); }));
    holder.reset();
    EXPECT_TRUE(eventually([&] { return worker()["activity"] == "waiting"; }));
    EXPECT_NE(target.value("SELECT count(*) FROM readings"), "0");
    target.run("SET lock_timeout = '5s'; INSERT INTO readings VALUES ('2030-01-01', 1, '')");
    target.run("UPDATE gate SET n = 0");
    EXPECT_EQ(program.wait().exit_status, exit_done);
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "60001");
}

/// A batch that waits to begin is given up at the first signal.
TEST_F(Throttle, AnImportThatWaitsForItsRateEndsSoon) {
    const TemporaryFolder folder;
    folder.write("rows.csv", many_rows());
    auto program = start_import(folder.file("rows.csv"), "--max-rate", "1kB/s");
    ASSERT_TRUE(eventually([&] { return target.value("SELECT count(*) FROM readings") != "0"; }));
    json waiting;
    EXPECT_TRUE(eventually([&] { return (waiting = worker())["activity"] == "waiting"; }));
    EXPECT_EQ(waiting["remark"], "for --max-rate");
    EXPECT_THAT(backfill_ok({"status"}), testing::HasSubstr(" (for --max-rate), "));
    program.signal(SIGINT);
    EXPECT_EQ(program.wait().exit_status, exit_interrupted);
    EXPECT_NE(target.value("SELECT count(*) FROM readings"), "60000");
}

/// A query that hangs ends soon, in the server as well, and nothing waits for it.
TEST_F(Throttle, DoesNotWaitForAQueryThatHangs) {
    source.run("CREATE FUNCTION app.slow() RETURNS int LANGUAGE plpgsql AS $$ BEGIN "
               "IF (SELECT n FROM app.gate) = 1 THEN PERFORM pg_sleep(3600); END IF; RETURN 0; "
               "END $$");
    const auto asking = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                        "query = 'SELECT slow()'";
    const auto program = start({"copy", "-p", "1", "--load-strategy", "in-place", "--max-rate",
                                "300kB", "--throttle-query", "SELECT slow()"});
    EXPECT_TRUE(eventually([&] { return !worker().is_null(); }));
    source.run("UPDATE app.gate SET n = 1");
    EXPECT_TRUE(eventually([&] { return source.value(asking) == "1"; }));
    program->signal(SIGINT);
    EXPECT_TRUE(eventually([&] { return program->has_warned("then stopping"); }));
    EXPECT_TRUE(eventually([&] { return source.value(asking) == "1"; }));
    program->signal(SIGINT);
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(8));
    const auto outcome = backfill({"copy", "--throttle-query", "SELECT slow()"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(
        outcome.errors,
        HasSubstr("--throttle-query: the query was canceled, because it may take 9 seconds; "
                  "make it faster"));
    EXPECT_TRUE(eventually([&] { return source.value(asking) == "0"; }));
}

TEST_F(Throttle, ChangesNothingIfAnOptionCannotBeFollowed) {
    const auto refused = [&](const std::vector<std::string>& options, const std::string& message) {
        auto arguments = options;
        arguments.insert(arguments.begin(), "copy");
        const auto outcome = backfill(arguments);
        EXPECT_EQ(outcome.exit_status, exit_usage) << options.back();
        EXPECT_THAT(outcome.errors, HasSubstr(message)) << options.back();
        EXPECT_EQ(finished(), "0");
    };
    refused({"--throttle-query", "SELECT n FROM gte"}, "\"gte\" does not exist");
    refused({"--throttle-query", "SELECT 'many'"}, "something other than one number");
    refused({"--throttle-query", "SELECT NULL::int"}, "something other than one number");
    for (const auto* query : {"SELECT 1 WHERE false", ";", "COPY gate TO STDOUT", "COMMIT"})
        refused({"--throttle-query", query}, "something other than one number");
    refused({"--throttle-query", "COPY gate FROM STDIN"}, "read-only transaction");
    refused({"--throttle-query", "UPDATE gate SET n = 1 RETURNING n"}, "read-only transaction");
    refused({"--window", "10:00-10:00"}, "different times");
    refused({"--window", "22:00-06:00@Europe/Atlantis"}, "\"Europe/Atlantis\" not recognized");
    refused({"--max-load", "40"}, "active=40");
    refused({"--max-load", "active=-1"}, "active=40");
    refused({"--lag-of", source.uri()}, "--max-lag");
    refused({"--max-lag", "5s", "--lag-of", source.uri()},
            "is no standby; give the connection string of a standby, ");
    EXPECT_EQ(source.value("SELECT n FROM app.gate"), "0");
}

TEST_F(Throttle, OfAQueryThatFailsEndsTheRunInTime) {
    const auto program = start_slowly({"--retry-timeout", "2s"});
    source.run("ALTER TABLE app.gate RENAME TO fence");
    EXPECT_TRUE(eventually([&] {
        return program->has_printed("Waiting: --throttle-query fails: relation \"gate\" does not "
                                    "exist");
    }));
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("giving up after 2 s: --throttle-query fails: relation "
                                          "\"gate\" does not exist"));
    source.run("ALTER TABLE app.fence RENAME TO gate");
    backfill_ok({"copy"});
    expect_equal();
}

TEST_F(Throttle, ContinuesWhenItsQueryWorksAgain) {
    const auto program = start_slowly();
    source.run("ALTER TABLE app.gate RENAME TO fence");
    EXPECT_TRUE(eventually([&] {
        const auto waits = status()["runs"][0]["waits"];
        return waits.size() == 1 &&
               waits[0]["reason"].get<std::string>().starts_with("--throttle-query fails: ");
    }));
    source.run("ALTER TABLE app.fence RENAME TO gate");
    EXPECT_EQ(program->wait().exit_status, exit_done);
    expect_equal();
}

TEST_F(Throttle, WarnsIfThereAreNoStandbysToWaitFor) {
    const auto outcome = backfill({"copy", "--max-lag", "5s"});
    EXPECT_EQ(outcome.exit_status, exit_done);
    EXPECT_THAT(outcome.errors,
                testing::MatchesRegex("timescaledb-backfill: --max-lag does nothing: no standby is "
                                      "connected to the source or the target; if [^\n]*\n"));
}

TEST_F(Throttle, ShowsWhichPrivilegeIsMissing) {
    const auto role = source.name() + "_reader";
    source.run(fmt::format("CREATE ROLE {0} LOGIN PASSWORD 'secret'; GRANT SELECT ON "
                           "ALL TABLES IN SCHEMA public TO {0}",
                           role));
    const auto uri = source.uri(fmt::format("user={}&password=secret", role));
    const auto outcome = backfill_between(uri, target.uri(), {"copy", "--max-load", "active=1000"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("--max-load: the role may not see the sessions"),
                                      HasSubstr("GRANT pg_read_all_stats TO " + role)));
    source.run(fmt::format("GRANT pg_read_all_stats TO {}", role));
    EXPECT_EQ(
        backfill_between(uri, target.uri(), {"copy", "--max-load", "active=1000"}).exit_status,
        exit_done);
    source.run(fmt::format("DROP OWNED BY {0}; DROP ROLE {0}", role));
    expect_equal();
}

TEST_F(Throttle, WaitsForItsWindow) {
    const std::string zone = "Asia/Kathmandu";
    const auto program =
        start({"copy", "--window", time_in(zone, 2) + "-" + time_in(zone, 3) + "@" + zone});
    EXPECT_TRUE(
        eventually([&] { return program->has_printed("--window begins at " + time_in(zone, 2)); }));
    EXPECT_EQ(finished(), "0");
    json run;
    EXPECT_TRUE(eventually([&] {
        const auto runs = status()["runs"];
        run = runs.empty() ? json() : runs[0];
        return !runs.empty() && !run["workers"].empty() && run["waits"][0]["option"] == "--window";
    }));
    EXPECT_EQ(run["waits"][0]["limit"], json());
    EXPECT_EQ(run["workers"][0]["activity"], "waiting");
    EXPECT_LE(run["workers"][0]["seconds"], run["seconds"]) << "since it waits";
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    EXPECT_EQ(finished(), "0");
    backfill_ok({"copy", "--window", time_in(zone, -2) + "-" + time_in(zone, 2) + "@" + zone});
    EXPECT_EQ(finished(), "2");
}

TEST_F(Throttle, OfAQuickVerifyIsRefused) {
    const auto outcome = backfill({"verify", "--quick", "--max-load", "active=3"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.errors, HasSubstr("--quick reads no rows"));
}

/// The source is a server of the test's own, with a standby.
class ThrottleByServer : public WithStandby<Migration> {
  protected:
    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        make_readings(source, target);
        backfill_ok({"stage", "--until", "2024-02-01"});
    }

    std::string finished() { return target.value("SELECT count(worked) FROM __backfill.task"); }

    /// Returns when the standby replays nothing more.
    static void pause_replay() {
        on_standby("SELECT pg_wal_replay_pause()");
        EXPECT_TRUE(eventually([] {
            return on_standby("SELECT pg_get_wal_replay_pause_state() = 'paused' AS paused")
                .boolean(0, "paused");
        }));
    }
    static void resume_replay() { on_standby("SELECT pg_wal_replay_resume()"); }

    static void expect_done(Program& program) {
        const auto outcome = program.wait();
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr("Continuing after "));
    }
};

TEST_F(ThrottleByServer, WaitsForStandbys) {
    EXPECT_TRUE(wait_for_standby());
    pause_replay();
    source.run("CREATE TABLE late (n int); INSERT INTO late VALUES (1)");
    const TemporaryFolder folder;
    const auto program = start({"copy", "-p", "1", "--max-rate", "500kB", "--max-lag", "1s",
                                "--metrics-file", folder.file("run.prom")});
    EXPECT_TRUE(eventually([&] { return program->has_printed("of the source is "); }));
    EXPECT_NE(finished(), "2");
    EXPECT_TRUE(eventually([&] {
        return std::regex_search(folder.read("run.prom"),
                                 std::regex(R"(backfill_lag_seconds\{server="source"\} [1-9])"));
    }));
    resume_replay();
    expect_done(*program);
    EXPECT_TRUE(program->has_warned(
        "--max-lag is only about the source: no standby is connected to the target; "));
    expect_equal();
}

TEST_F(ThrottleByServer, WaitsForTheReplicaThatIsNamed) {
    source.run("CREATE TABLE early (n int)");
    EXPECT_TRUE(wait_for_standby());
    const auto there = "SELECT clock_timestamp() - pg_last_xact_replay_timestamp() > "
                       "interval '3 s' AS is_late";
    pause_replay();
    source.run("CREATE TABLE late (n int)");
    EXPECT_TRUE(eventually([&] { return on_standby(there).boolean(0, "is_late"); }));
    const auto program =
        start({"copy", "--max-lag", "2s", "--lag-of", standby->uri(source.name())});
    EXPECT_TRUE(eventually([&] {
        return program->has_printed(
            fmt::format("127.0.0.1:{}/{} is ", standby->port(), source.name()));
    }));
    EXPECT_EQ(finished(), "0");
    resume_replay();
    expect_done(*program);
    EXPECT_FALSE(program->has_warned("--max-lag"));
}

TEST_F(ThrottleByServer, WaitsForActiveSessionsOfOthers) {
    source.run("SELECT pg_advisory_lock(42)");
    std::vector<std::unique_ptr<postgres::Connection>> sessions;
    for (int i = 0; i < 3; ++i) {
        sessions.push_back(source.connect());
        sessions.back()->send("SELECT pg_advisory_lock_shared(42)");
    }
    const auto program = start({"copy", "-p", "2", "--max-load", "active=1"});
    EXPECT_TRUE(eventually([&] {
        return program->has_printed("3 sessions of others are active in the source, limit 1");
    }));
    EXPECT_EQ(finished(), "0");
    source.run("SELECT pg_advisory_unlock(42)");
    expect_done(*program);
}

} // namespace
} // namespace test
