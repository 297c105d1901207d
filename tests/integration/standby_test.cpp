// A hot standby as the source.

#include "support/migration.hpp"
#include "support/with_standby.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::HasSubstr;

using Arguments = std::vector<std::string>;

/// The source's tables are created on a primary. The program reads from a standby of it.
class Standby : public WithStandby<Migration> {
  protected:
    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int, note text);"
             "SELECT create_hypertable('readings', 'time', "
             "chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, d, 'note ' || d FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t, "
                   "generate_series(1, 3) d");
    }

    std::string uri() const { return standby->uri(source.name()); }

    std::string run_ok(const Arguments& arguments) const {
        const auto outcome = backfill_between(uri(), target.uri(), arguments);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        EXPECT_EQ(outcome.errors, "");
        return outcome.output;
    }

    /// True if a query was cancelled, according to statistics that lag behind.
    bool had_conflict() const {
        return on_standby(fmt::format("SELECT confl_lock > 0 AS had FROM "
                                      "pg_stat_database_conflicts WHERE datname = '{}'",
                                      source.name()))
            .boolean(0, "had");
    }

    /// True while replay waits for a query to end. A query that waits for its client does not
    /// notice that it is cancelled, and the startup process tries again and again without a wait
    /// event (ResolveRecoveryConflictWithVirtualXIDs in PostgreSQL's
    /// src/backend/storage/ipc/standby.c). Its lock is visible in either case.
    static bool has_conflict() {
        return !on_standby("SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT "
                           "granted AND backend_type = 'startup'")
                    .empty();
    }

    /// Locks all chunks on the primary while the first row of device 4 waits in the target, and
    /// expects that copy succeeds nevertheless.
    void expect_copied_despite_a_conflict() {
        // The first row of device 4 waits for the lock that the test holds.
        target.run("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF "
                   "NEW.device = 4 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); END "
                   "IF; RETURN NEW; END $$; CREATE TRIGGER wait BEFORE INSERT ON readings FOR EACH "
                   "ROW EXECUTE FUNCTION wait()");
        // Let replay cancel queries immediately.
        on_standby("ALTER SYSTEM SET max_standby_streaming_delay = 0");
        on_standby("SELECT pg_reload_conf()");
        EXPECT_TRUE(wait_for_standby());
        run_ok({"stage", "--until", "2025-01-01"});
        // Copy chunks one by one, that of device 4 first.
        target.run("UPDATE __backfill.task SET bytes = 5e6 + bytes");
        auto holder = target.connect();
        holder->execute("SELECT pg_advisory_lock(42)");
        Program program({"copy", "--parallelism", "1", "--load-strategy", "in-place",
                         "--fire-triggers", "--source", uri(), "--target", target.uri()});
        EXPECT_TRUE(eventually([&] {
            return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                "current_database() AND wait_event = 'advisory'") != "0";
        }));
        source.run("DO $$ DECLARE c regclass; BEGIN FOR c IN SELECT show_chunks('readings') LOOP "
                   "EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', c); END LOOP; END $$");
        EXPECT_TRUE(eventually([&] { return has_conflict() || had_conflict(); }));
        holder.reset();
        const auto outcome = program.wait();
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        EXPECT_TRUE(eventually([&] { return had_conflict(); }));
        expect_equal();
        on_standby("ALTER SYSTEM RESET max_standby_streaming_delay");
        on_standby("SELECT pg_reload_conf()");
    }
};

TEST_F(Standby, EverythingWorks) {
    // A large chunk, which several workers read under one snapshot.
    both("ALTER TABLE readings ALTER note SET STORAGE PLAIN");
    source.run("INSERT INTO readings SELECT '2024-01-05'::timestamptz + i * interval '1 s', i, "
               "repeat('x', 4000) FROM generate_series(1, 5000) i");
    if (is_community()) {
        both("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
             "time_bucket('1 day', time) AS bucket, count(*) FROM readings GROUP BY 1 "
             "WITH NO DATA");
        both("ALTER TABLE readings SET (timescaledb.compress, "
             "timescaledb.compress_segmentby = 'device')");
        source.run("SELECT compress_chunk(c) FROM "
                   "show_chunks('readings', older_than => '2024-01-03'::timestamptz) c");
        source.run("CALL refresh_continuous_aggregate('daily', NULL, '2024-01-04')");
    }
    EXPECT_TRUE(wait_for_standby());
    ASSERT_TRUE(on_standby("SELECT pg_is_in_recovery() AS is_standby").boolean(0, "is_standby"));

    run_ok({"stage", "--until", "2025-01-01"});
    target.run("UPDATE __backfill.task SET bytes = 1e9 WHERE bytes = (SELECT max(bytes) FROM "
               "__backfill.task)");
    run_ok({"copy", "--load-strategy", is_community() ? "attach" : "auto"});
    expect_equal();
    run_ok({"refresh-caggs"});
    EXPECT_THAT(run_ok({"verify"}), HasSubstr(" equal"));
    run_ok({"clean"});
}

TEST_F(Standby, AQueryThatAConflictCancelsIsRetried) {
    NEEDS_COMMUNITY_EDITION(); // without it, the target waits before the source is read
    both("ALTER TABLE readings ALTER note SET STORAGE PLAIN");
    source.run("INSERT INTO readings SELECT '2024-01-05'::timestamptz + i * interval '1 s', 4, "
               "repeat('x', 4000) FROM generate_series(1, 5000) i");
    expect_copied_despite_a_conflict();
}

TEST_F(Standby, AChunkIsRetriedIfAConflictEndsItsConnection) {
    NEEDS_COMMUNITY_EDITION(); // without it, the target waits before the source is read
    // There are so few rows that the query has ended. The next read needs a new connection.
    source.run("INSERT INTO readings SELECT '2024-01-05'::timestamptz + i * interval '1 s', 4 FROM "
               "generate_series(1, 1000) i");
    expect_copied_despite_a_conflict();
}

} // namespace
} // namespace test
