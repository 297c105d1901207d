// `copy` with concurrent events: signals, other copies, the application.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>

namespace test {
namespace {

using testing::HasSubstr;

class CopyConcurrency : public Migration {
  protected:
    /// Eight chunks of rows in the source, and the same chunks without rows in the target.
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value float8);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day');"
            "INSERT INTO readings SELECT t, d, 0 FROM "
            "generate_series('2024-01-01'::timestamptz, '2024-01-08 23:50', '10 min') t, "
            "generate_series(1, 4) d");
        target.run("DELETE FROM readings");
        backfill_ok({"stage", "--until", "2024-01-09"});
    }

    /// True if this number of the program's backends in the target wait for a lock.
    bool waits_for_lock(int workers = 1) {
        return target.sessions("wait_event_type = 'Lock'") == workers;
    }

    std::string finished_tasks() {
        return target.value("SELECT count(worked) FROM __backfill.task");
    }

    /// Blocks all writers of the target's chunks until the returned connection is closed.
    std::unique_ptr<postgres::Connection> block_writers() {
        auto holder = target.connect();
        holder->execute("BEGIN");
        for (const auto& chunk : target.rows("SELECT show_chunks('readings')"))
            holder->execute(fmt::format("LOCK TABLE {} IN SHARE MODE", chunk));
        return holder;
    }

    /// Copies with four workers into chunks of another length, and inserts meanwhile.
    /// \param interval of the target's chunks.
    void expect_writers_to_get_chunks(const std::string& interval);

    void expect_no_backend_left() {
        EXPECT_TRUE(eventually([&] { return target.sessions() == 0; }));
    }
};

TEST_F(CopyConcurrency, TwoProcessesShareOneQueue) {
    const auto first = start({"copy", "-p", "2"});
    const auto second = start({"copy", "-p", "2"});
    for (const auto* program : {&first, &second}) {
        const auto outcome = (*program)->wait();
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
    EXPECT_EQ(finished_tasks(), "8");
    expect_equal();
}

TEST_F(CopyConcurrency, OneProcessContinuesWhenAnotherIsKilled) {
    // The chunks are large enough to be claimed one by one, and together need several workers.
    target.run("UPDATE __backfill.task SET bytes = 5e6");
    auto holder = block_writers();
    const auto victim = start({"copy", "-p", "2"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(2); }));
    const auto survivor = start({"copy", "-p", "2"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(4); }));
    victim->signal(SIGKILL);
    victim->wait();
    holder.reset();
    const auto outcome = survivor->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    // The killed process's locks are released as soon as the server notices.
    backfill_ok({"copy"});
    expect_equal();
    expect_no_backend_left();
}

TEST_F(CopyConcurrency, TheFirstSignalFinishesTheChunksInProgress) {
    for (const int number : {SIGINT, SIGTERM}) {
        const auto before = std::stoi(finished_tasks());
        auto holder = block_writers();
        const auto program = start({"copy", "-p", "1"});
        ASSERT_TRUE(eventually([&] { return waits_for_lock(); }));
        interrupt(*program, number);
        holder.reset();
        const auto outcome = program->wait();
        EXPECT_EQ(outcome.exit_status, 130) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.errors, HasSubstr("finishing the chunks in progress"));
        EXPECT_THAT(outcome.output, HasSubstr("Interrupted with"));
        EXPECT_GT(std::stoi(finished_tasks()), before);
        EXPECT_LT(std::stoi(finished_tasks()), 8);
    }
    backfill_ok({"copy"});
    expect_equal();
}

TEST_F(CopyConcurrency, TheSecondSignalRollsBackAtOnce) {
    // The run's last statements take longer than the time after which statements are cancelled
    // again.
    target.run("CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
               "IF new.ended IS NOT NULL THEN PERFORM pg_catalog.pg_sleep(1); END IF; "
               "RETURN new; END $$; CREATE TRIGGER linger BEFORE INSERT OR UPDATE ON "
               "__backfill.run FOR EACH ROW EXECUTE FUNCTION linger()");
    const auto holder = block_writers();
    const auto program = start({"copy", "-p", "3"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(3); }));
    interrupt(*program);
    program->signal(SIGINT);
    const auto outcome = program->wait(); // the lock is still held
    EXPECT_EQ(outcome.exit_status, 130) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("stopping at once"));
    EXPECT_THAT(outcome.output, HasSubstr("Interrupted with 8 chunks left"));
    EXPECT_EQ(target.value("SELECT count(ended) FROM __backfill.run"), "1");
    EXPECT_EQ(finished_tasks(), "0");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    expect_no_backend_left();
    holder->execute("ROLLBACK");
    backfill_ok({"copy"});
    expect_equal();
}

TEST_F(CopyConcurrency, AnInterruptedCopyListsOnlyItsOwnFailures) {
    target.run("UPDATE __backfill.task SET bytes = 5e6; " // so that chunks are claimed one by one
               "UPDATE __backfill.task SET failed = now(), error = 'an earlier failure' "
               "WHERE id = (SELECT max(id) FROM __backfill.task)");
    const auto holder = block_writers();
    const auto program = start({"copy", "-p", "1"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(); }));
    // As if this run had tried the chunk.
    target.run("UPDATE __backfill.task SET failed = clock_timestamp(), error = 'a new failure' "
               "WHERE id = (SELECT max(id) - 1 FROM __backfill.task)");
    interrupt(*program);
    program->signal(SIGINT);
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 130) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("1 chunk could not be copied"));
    EXPECT_THAT(outcome.output, HasSubstr("a new failure"));
    EXPECT_THAT(outcome.output, testing::Not(HasSubstr("an earlier failure")));
    EXPECT_THAT(outcome.output, HasSubstr("Interrupted with 7 chunks left to copy."));
}

TEST_F(CopyConcurrency, ACopySaysWhetherAnotherHoldsTheChunksThatAreLeft) {
    target.run("UPDATE __backfill.task SET bytes = 5e6");
    auto another = target.connect();
    const auto copy_while = [&](const std::string& statement, int exit_status) {
        another->execute("BEGIN; " + statement);
        const auto outcome = backfill({"copy", "-p", "1"});
        EXPECT_EQ(outcome.exit_status, exit_status) << outcome.output << outcome.errors;
        another->execute("ROLLBACK");
        return outcome.output;
    };
    EXPECT_THAT(copy_while("SELECT FROM __backfill.task WHERE id = 1 FOR UPDATE", 0),
                HasSubstr("1 chunk left, held by another copy."));
    // Add a chunk after the last worker has looked for one: when the run is marked as ended.
    target.run(
        "CREATE FUNCTION requeue() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF new.ended IS NOT NULL THEN UPDATE __backfill.task SET worked = NULL WHERE id = 2; "
        "END IF; RETURN new; END $$; CREATE TRIGGER requeue BEFORE INSERT OR UPDATE ON "
        "__backfill.run FOR EACH ROW EXECUTE FUNCTION requeue()");
    EXPECT_THAT(copy_while("SELECT", 1), HasSubstr("1 chunk left that no copy holds now"));
}

TEST_F(CopyConcurrency, AfterAKillTheNextCopyContinues) {
    for (int i = 0; i < 5; ++i) {
        const auto program = start({"copy", "-p", "4"});
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + 25 * i));
        program->signal(SIGKILL);
        program->wait();
        expect_no_backend_left();
        if (finished_tasks() == "8")
            break;
    }
    backfill_ok({"copy"});
    expect_equal();
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("all 8 tasks were finished"));
}

TEST_F(CopyConcurrency, RetriesIfALockIsNotGranted) {
    auto holder = block_writers();
    const auto program = start({"copy", "-p", "1"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(); }));
    const auto first = waits_since(target);
    // The wait ends with the program's lock_timeout, and begins again.
    ASSERT_TRUE(eventually([&] { return waits_for_lock() && waits_since(target) > first; }));
    holder.reset();
    EXPECT_EQ(program->wait().exit_status, 0);
    expect_equal();
}

TEST_F(CopyConcurrency, CleanRefusesWhileACopyRuns) {
    const auto holder = block_writers();
    const auto program = start({"copy", "-p", "1"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(); }));
    const auto outcome = backfill({"clean"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.errors, HasSubstr("stop the running copy"));
    holder->execute("ROLLBACK");
    EXPECT_EQ(program->wait().exit_status, 0);
}

TEST_F(CopyConcurrency, RowsWrittenToTheTargetWhileTheirChunkIsCopiedSurvive) {
    // Large enough for each to be claimed by itself.
    target.run("UPDATE __backfill.task SET bytes = 5e6");
    // Rows of device 4 wait in the target until the test releases the lock.
    target.run(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.device = 4 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); END IF; "
        "RETURN NEW; END $$;"
        "CREATE TRIGGER wait BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION wait();"
        "INSERT INTO readings VALUES ('2024-01-03 12:00', 98, 0)"); // before: replaced
    const auto holder = target.connect();
    holder->execute("SELECT pg_advisory_lock(42)");
    const auto program = start({"copy", "-p", "8", "--fire-triggers"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(8); }));
    target.run("INSERT INTO readings VALUES ('2024-01-03 12:00', 99, 0)"); // during
    holder->execute("SELECT pg_advisory_unlock(42)");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.rows("SELECT device FROM readings WHERE device > 90"),
              std::vector<std::string>{"99"});
    expect_equal_rows("readings", "device < 90");
}

TEST_F(CopyConcurrency, RowsCommittedWhileBatchesWaitToBeAttachedSurvive) {
    NEEDS_COMMUNITY_EDITION();
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    source.run("SELECT compress_chunk(show_chunks('readings'))");
    const auto writer = target.connect();
    writer->execute("BEGIN; INSERT INTO public.readings VALUES ('2024-01-03 12:00', 99, 0)");
    const auto program = start({"copy", "-p", "1"});
    ASSERT_TRUE(eventually([&] { return waits_for_lock(); }));
    writer->execute("COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"), "1");
    expect_equal_rows("readings", "device < 90");
}

// The writer waits for a row that the copy has deleted, and its lock on the chunk prevents
// attaching the batches. After some attempts, the copy locks out writers before it deletes rows.
TEST_F(CopyConcurrency, AWriterThatUpdatesARowContinuouslyDoesNotPreventCopying) {
    NEEDS_COMMUNITY_EDITION();
    both("DELETE FROM readings WHERE time >= '2024-01-02';"
         "ALTER TABLE readings ADD PRIMARY KEY (device, time);"
         "ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    const std::string row = "('2024-01-01 12:00', 1, 7)";
    target.run("INSERT INTO readings VALUES " + row);
    source.run("SELECT compress_chunk(c) FROM show_chunks('readings', older_than => "
               "'2024-01-02'::timestamptz) c");
    const std::jthread writer(
        [&, connection = std::shared_ptr(target.connect())](const std::stop_token& stop) {
            while (!stop.stop_requested())
                connection->execute("INSERT INTO public.readings VALUES " + row +
                                    " ON CONFLICT DO NOTHING");
        });
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    expect_equal_rows("readings");
}

// The writer has inserted a row that the copy inserts later. By then, the writer has waited for one
// of the copy's rows almost for a second, the default deadlock_timeout.
TEST_F(CopyConcurrency, AWriterThatWaitsForTheCopyDoesNotFailInADeadlock) {
    both("TRUNCATE readings; ALTER TABLE readings ADD PRIMARY KEY (device, time)");
    const std::string first = "('2024-01-01 01:00', 1, 0)";
    const std::string last = "('2024-01-01 03:00', 3, 0)";
    for (const auto& row : {first, std::string("('2024-01-01 02:00', 2, 0)"), last})
        source.run("INSERT INTO readings VALUES " + row);
    target.run("INSERT INTO readings VALUES ('2024-01-01 12:00', 4, 0);"
               "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
               "IF NEW.device = 2 THEN PERFORM pg_catalog.pg_sleep(0.9); END IF; RETURN NEW; END "
               "$$; CREATE TRIGGER wait BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION "
               "wait()");
    backfill_ok({"clean"});
    backfill_ok({"stage", "--until", "2024-01-09"});
    const auto program = start({"copy", "--load-strategy", "in-place", "--fire-triggers"});
    ASSERT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND wait_event = 'PgSleep'") == "1";
    }));
    target.run("BEGIN; INSERT INTO readings VALUES " + last);
    EXPECT_NO_THROW(
        target.run("INSERT INTO readings VALUES " + first + " ON CONFLICT DO NOTHING; COMMIT"));
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    expect_equal_rows("readings");
}

void CopyConcurrency::expect_writers_to_get_chunks(const std::string& interval) {
    // Large enough for each to be claimed by itself.
    target.run("UPDATE __backfill.task SET bytes = 5e6");
    target.run(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.device = 4 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); END IF; "
        "RETURN NEW; END $$;"
        "SELECT drop_chunks('readings', older_than => '2024-02-01'::timestamptz);"
        "SELECT set_chunk_time_interval('readings', interval '" +
        interval +
        "');"
        "CREATE TRIGGER wait BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION wait()");
    const auto holder = target.connect();
    holder->execute("SELECT pg_advisory_lock(42)");
    const auto program = start({"copy", "-p", "4", "--fire-triggers"});
    // They have created their chunks without blocking each other, and are loading them.
    ASSERT_TRUE(eventually([&] { return waits_for_lock(4); }));
    target.run("SET lock_timeout = '2s'; INSERT INTO readings VALUES ('2024-03-01', 99, 0)");
    holder->execute("SELECT pg_advisory_unlock(42)");
    EXPECT_EQ(program->wait().exit_status, 0);
    expect_equal_rows("readings", "device < 90");
}

TEST_F(CopyConcurrency, CopyingDoesNotBlockAWriterThatNeedsANewChunk) {
    expect_writers_to_get_chunks("1 day");
}

TEST_F(CopyConcurrency, CopyingThroughTheHypertableDoesNotBlockAWriterThatNeedsANewChunk) {
    expect_writers_to_get_chunks("7 hours");
}

TEST_F(CopyConcurrency, ASourceRoleThatMayOnlyReadIsEnough) {
    if (is_community())
        source.run("ALTER TABLE readings SET (timescaledb.compress);"
                   "SELECT compress_chunk(c) FROM "
                   "show_chunks('readings', older_than => '2024-01-05'::timestamptz) c");
    const auto role = "reader_of_" + source.name();
    source.run(fmt::format(
        "CREATE ROLE {0} LOGIN PASSWORD 'secret'; GRANT SELECT ON readings TO {0}", role));
    const auto outcome =
        run_program({"copy", "--source", source.uri("user=" + role + "&password=secret"),
                     "--target", target.uri()});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    expect_equal_rows("readings");
    source.run(fmt::format("DROP TABLE readings; DROP OWNED BY {0}; DROP ROLE {0}", role));
}

} // namespace
} // namespace test
