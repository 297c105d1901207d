// Servers whose lock table is full, because max_locks_per_transaction is too small.

#include "base/exit_status.hpp"
#include "support/client_programs.hpp"
#include "support/migration.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr auto few_locks = "max_locks_per_transaction = 10\nmax_connections = 20";

class LockTable : public Migration {
  protected:
    static void SetUpTestSuite() {
        if (!TemporaryServer::is_available())
            return;
        source_server = std::make_unique<TemporaryServer>(ServerOptions{few_locks});
        target_server = std::make_unique<TemporaryServer>(ServerOptions{few_locks});
    }
    static void TearDownTestSuite() {
        target_server.reset();
        source_server.reset();
    }

    LockTable() : Migration(source_server.get(), target_server.get()) {}

    /// Creates four chunks, a continuous aggregate, and a plain table that differs.
    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        both("CREATE TABLE readings (time timestamptz PRIMARY KEY, value int); "
             "CREATE TABLE devices (id int PRIMARY KEY, name text); "
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 "
             "day')");
        source.run("INSERT INTO readings SELECT t, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t; "
                   "INSERT INTO devices SELECT n, n FROM generate_series(1, 1000) n");
    }

    /// Takes all locks but some, until the result is destroyed.
    static std::unique_ptr<postgres::Connection> fill(const Database& server, int left) {
        auto filling = server.connect();
        // Locks of the session outlive the transaction, which fails with the first that is refused.
        EXPECT_THROW(filling->execute("SELECT pg_advisory_lock(n) FROM generate_series(1, "
                                      "1000000) AS n"),
                     Error);
        filling->execute(
            fmt::format("SELECT pg_advisory_unlock(n) FROM generate_series(1, {}) AS n", left));
        return filling;
    }

    /// Runs a command with fewer and fewer locks left on either side, and expects that it ends at
    /// once if there are too few. \param prepare called before each.
    void expect_told(
        const std::vector<std::string>& command, const std::function<void()>& prepare = [] {}) {
        for (auto* full : {&source, &target}) {
            const auto* side = full == &source ? "source" : "target";
            for (const int left : {64, 32, 16, 8, 4, 2, 0}) {
                SCOPED_TRACE(
                    fmt::format("{}: {} locks left in the {}", command.front(), left, side));
                EXPECT_TRUE(eventually([&] { // the session that filled it before has ended
                    return full->value("SELECT count(*) FROM pg_locks "
                                       "WHERE locktype = 'advisory'") == "0";
                }));
                prepare();
                const auto filling = fill(*full, left);
                const auto outcome = backfill(command);
                if (outcome.exit_status == exit_done)
                    continue;
                const auto text = outcome.output + outcome.errors;
                // If there are none for a new session either, the server says it itself.
                EXPECT_THAT(text, AllOf(HasSubstr("out of shared memory"),
                                        HasSubstr("max_locks_per_transaction"),
                                        Not(HasSubstr("trying again"))));
                told += testing::Matches(AllOf(
                            HasSubstr(fmt::format("the lock table of the {} ", side)),
                            HasSubstr("is full (out of shared memory, SQLSTATE 53200), because "
                                      "max_locks_per_transaction is 10; run there: ALTER SYSTEM "
                                      "SET max_locks_per_transaction = ")))(text)
                            ? 1
                            : 0;
            }
        }
    }

    int told = 0;
    static inline std::unique_ptr<TemporaryServer> source_server;
    static inline std::unique_ptr<TemporaryServer> target_server;
};

TEST_F(LockTable, IsNotWaitedFor) {
    expect_told({"stage", "--until", "2024-02-01"});
    backfill_ok({"stage", "--until", "2024-02-01"});
    expect_told({"copy"});
    backfill_ok({"copy"});
    expect_told({"verify"});
    expect_told({"sync-tables"});
    expect_told({"check", "--until", "2024-02-01"});
    EXPECT_GE(told, 8);
}

TEST_F(LockTable, IsNotWaitedForByImports) {
    backfill_ok({"stage", "--until", "2024-02-01"});
    const TextFile rows("rows.csv", "time,value\n2025-01-01,1\n");
    const auto forget = [&] {
        target.run("TRUNCATE __backfill.import, __backfill.import_batch; DELETE FROM readings");
    };
    expect_told({"import", "--table", "readings", "--time-zone", "UTC", rows.path()}, [&] {
        EXPECT_TRUE(eventually([&] { // the session that held the locks has just ended
            try {
                forget();
                return true;
            } catch (const Error&) {
                return false;
            }
        }));
    });
    EXPECT_GE(told, 1);
}

TEST_F(LockTable, IsNotWaitedForByTheQueuesOtherCommands) {
    backfill_ok({"stage", "--until", "2024-02-01"});
    const TextFile page("report.html");
    for (const std::vector<std::string>& command : {std::vector<std::string>{"status"},
                                                    {"report", "--html", page.path()},
                                                    {"jobs", "list"},
                                                    {"pause"},
                                                    {"clean"}}) {
        told = 0;
        expect_told(command);
        EXPECT_GE(told, 1) << command.front();
    }
}

TEST_F(LockTable, IsNotWaitedForByCloneSchema) {
    target.drop();
    target.make();
    for (const auto* table : {"readings", "devices"})
        target.run(fmt::format("DROP TABLE IF EXISTS {}", table));
    const ClientPrograms programs;
    expect_told({"clone-schema", "--programs", programs.folder()});
    EXPECT_GE(told, 1);
}

TEST_F(LockTable, IsNotWaitedForByRefreshes) {
    NEEDS_COMMUNITY_EDITION();
    both("CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS SELECT time_bucket('1 "
         "hour', time) AS hour, count(*) FROM readings GROUP BY 1 WITH NO DATA");
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy"});
    expect_told({"refresh-caggs"});
    EXPECT_GE(told, 1);
}

TEST_F(LockTable, IsCheckedBeforehand) {
    const auto check = [&] {
        return backfill({"check", "--until", "2024-02-01", "--verbose"}).output;
    };
    const auto fits = check();
    EXPECT_THAT(fits, AllOf(HasSubstr("lock table of the source: it has room for 200 locks, and "
                                      "whatever needs all of \"public\".\"readings\" takes 8"),
                            Not(HasSubstr("max_locks_per_transaction"))));
    source.run("INSERT INTO readings SELECT generate_series('2023-01-01'::timestamptz, "
               "'2023-04-30', '1 day')");
    const auto exceeds = check();
    for (const auto* side : {"source", "target"})
        EXPECT_THAT(exceeds, HasSubstr(fmt::format("lock table of the {}: it has room for 200 "
                                                   "locks, and whatever needs all of "
                                                   "\"public\".\"readings\" takes 248; then",
                                                   side)));
    EXPECT_THAT(exceeds, HasSubstr("SET max_locks_per_transaction = 23, and restart"));
}

} // namespace
} // namespace test
