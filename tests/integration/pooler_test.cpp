// PgBouncer between the program and the servers.

#include "support/migration.hpp"
#include "support/pgbouncer.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

using Arguments = std::vector<std::string>;

class Pooler : public Migration {
  protected:
    void SetUp() override {
        NEEDS_PGBOUNCER();
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int, note text);"
             "SELECT create_hypertable('readings', 'time', "
             "chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, d, 'note ' || d FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t, "
                   "generate_series(1, 3) d");
    }

    std::string run_ok(const PgBouncer& pooler, const Arguments& arguments) const {
        const auto outcome = backfill_between(pooler.uri(source), pooler.uri(target), arguments);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        EXPECT_EQ(outcome.errors, "");
        return outcome.output;
    }

    static void expect_refused(const Outcome& outcome, const std::string& side) {
        EXPECT_EQ(outcome.exit_status, 2);
        EXPECT_EQ(outcome.output, "");
        EXPECT_THAT(outcome.errors,
                    AllOf(MatchesRegex("timescaledb-backfill: [^\n]+\n"), HasSubstr("the " + side),
                          HasSubstr("pool_mode = session")));
    }

    /// Expects that every command is refused, whichever side is behind the pooler, and that nothing
    /// is changed.
    void expect_all_refused(const PgBouncer& pooler) {
        for (const Arguments& arguments : {Arguments{"stage", "--until", "2025-01-01"},
                                           {"copy"},
                                           {"verify"},
                                           {"refresh-caggs"}}) {
            SCOPED_TRACE(arguments.front());
            expect_refused(backfill_between(pooler.uri(source), target.uri(), arguments), "source");
            expect_refused(backfill_between(source.uri(), pooler.uri(target), arguments), "target");
        }
        expect_refused(backfill_between("", pooler.uri(target), {"clean"}), "target");
        EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill') IS NULL"), "t");
    }
};

// ---------------------------------------------------------------- session pooling

TEST_F(Pooler, InSessionModeEverythingWorks) {
    const PgBouncer pooler(source, target, "pool_mode = session");
    // A large chunk, which several workers read under one snapshot.
    both("ALTER TABLE readings ALTER note SET STORAGE PLAIN");
    source.run("INSERT INTO readings SELECT '2024-01-05'::timestamptz + i * interval '1 s', i, "
               "repeat('x', 4000) FROM generate_series(1, 5000) i");
    if (is_community()) {
        both("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
             "time_bucket('1 day', time) AS bucket, count(*) FROM readings GROUP BY 1 "
             "WITH NO DATA");
        source.run("CALL refresh_continuous_aggregate('daily', NULL, '2024-01-04')");
    }
    run_ok(pooler, {"stage", "--until", "2025-01-01"});
    target.run("UPDATE __backfill.task SET bytes = 1e9 WHERE bytes = (SELECT max(bytes) FROM "
               "__backfill.task)");
    if (is_community() && !version_at_least(2, 29, 1)) {
        EXPECT_THAT(run_ok(pooler, {"copy", "--explain", "--load-strategy", "attach"}),
                    HasSubstr("in place: a pooler does not pass timescaledb.disable_load to "
                              "the server\n"));
    }
    run_ok(pooler, {"copy", "-p", "3", "--load-strategy", is_community() ? "attach" : "auto"});
    expect_equal();
    run_ok(pooler, {"refresh-caggs"});
    run_ok(pooler, {"verify", "-p", "3"});
    run_ok(pooler, {"clean"});
}

TEST_F(Pooler, TheSecondSignalCancelsRunningStatements) {
    const PgBouncer pooler(source, target, "pool_mode = session");
    run_ok(pooler, {"stage", "--until", "2025-01-01"});
    target.run("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM "
               "pg_catalog.pg_advisory_xact_lock_shared(42); RETURN NEW; END $$; CREATE TRIGGER "
               "wait BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION wait()");
    const auto holder = target.connect();
    holder->execute("SELECT pg_advisory_lock(42)");
    Program program({"copy", "--load-strategy", "in-place", "--fire-triggers", "--source",
                     pooler.uri(source), "--target", pooler.uri(target)});
    const auto waiting = [&] {
        return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND wait_event = 'advisory'") != "0";
    };
    ASSERT_TRUE(eventually(waiting));
    program.signal(SIGINT);
    program.signal(SIGTERM); // two of the same signal might count as one
    EXPECT_EQ(program.wait().exit_status, 130);
    EXPECT_TRUE(eventually([&] { return !waiting(); }));
    holder->execute("SELECT pg_advisory_unlock(42)");
    run_ok(pooler, {"copy"});
    expect_equal();
}

TEST_F(Pooler, OneServerConnectionIsEnoughToStage) {
    const PgBouncer pooler(source, target, "pool_mode = session\ndefault_pool_size = 1");
    const auto outcome =
        backfill_between(pooler.uri(source), target.uri(), {"stage", "--until", "2025-01-01"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
}

TEST_F(Pooler, ThatAcceptsNoMoreClientsIsReported) {
    const PgBouncer pooler(source, target, "pool_mode = session\nmax_client_conn = 1");
    const auto outcome = backfill_between("", pooler.uri(target), {"clean"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.errors, AllOf(MatchesRegex("timescaledb-backfill: [^\n]+\n"),
                                      HasSubstr("max_client_conn")));
}

// ---------------------------------------------------------------- other pooling

TEST_F(Pooler, InTransactionModeIsRefused) {
    const PgBouncer pooler(source, target, "pool_mode = transaction");
    expect_all_refused(pooler);
}

TEST_F(Pooler, InStatementModeIsRefused) {
    const PgBouncer pooler(source, target, "pool_mode = statement");
    expect_all_refused(pooler);
}

TEST_F(Pooler, InTransactionModeWithOneServerConnectionIsRefusedAndKeepsItsSettings) {
    const PgBouncer pooler(source, target, "pool_mode = transaction\ndefault_pool_size = 1");
    const auto application = pooler.connect(source);
    const auto settings = [&] {
        const auto result = application->execute(
            "SELECT string_agg(name || '=' || setting, ',' ORDER BY name) AS settings FROM "
            "pg_settings WHERE name <> 'application_name'");
        return result.string(0, "settings");
    };
    const auto before = settings();
    expect_all_refused(pooler);
    EXPECT_EQ(settings(), before);
}

TEST_F(Pooler, InTransactionModeWithServerConnectionsUsedInTurnIsRefused) {
    const PgBouncer pooler(source, target, "pool_mode = transaction\nserver_round_robin = 1");
    // Leave several idle connections.
    std::vector<std::unique_ptr<postgres::Connection>> others;
    for (int i = 0; i < 5; ++i) {
        others.push_back(pooler.connect(target));
        others.back()->execute("BEGIN");
    }
    for (const auto& other : others)
        other->execute("COMMIT");
    for (int i = 0; i < 5; ++i)
        expect_refused(backfill_between("", pooler.uri(target), {"clean"}), "target");
}

TEST_F(Pooler, InTransactionModeUnderLoadIsRefused) {
    const PgBouncer pooler(source, target, "pool_mode = transaction\ndefault_pool_size = 3");
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i)
        clients.emplace_back([&pooler, this](const std::stop_token& stop) {
            const auto connection = pooler.connect(target);
            while (!stop.stop_requested())
                connection->execute("SELECT pg_sleep(0.001)");
        });
    for (int i = 0; i < 10; ++i)
        expect_refused(backfill_between("", pooler.uri(target), {"clean"}), "target");
}

TEST_F(Pooler, InTransactionModeOfSeveralProcessesIsRefused) {
    const PgBouncer pooler(source, target, "pool_mode = transaction\nso_reuseport = 1", 2);
    for (int i = 0; i < 5; ++i)
        expect_refused(backfill_between("", pooler.uri(target), {"clean"}), "target");
}

} // namespace
} // namespace test
