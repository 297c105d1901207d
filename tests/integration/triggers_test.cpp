// The target's triggers and NOT VALID constraints when rows are copied. Triggers have already fired
// for these rows in the source.

#include "postgres/error.hpp"
#include "support/migration.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Triggers : public Migration {
  protected:
    explicit Triggers(const DatabaseOptions& of_source = {})
        : Migration(of_source), is_source_plain_(!of_source.with_extension) {}

    /// Creates readings of four devices every ten minutes on three days, with rows in the source.
    /// Runs further SQL in the target before the table becomes a hypertable.
    void create_readings(const std::string& before = "", const std::string& constraints = "") {
        const auto table = fmt::format(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value float8{});",
            constraints);
        const std::string hypertable = "SELECT create_hypertable('readings', 'time', "
                                       "chunk_time_interval => interval '1 day')";
        source.run(is_source_plain_ ? table : table + hypertable);
        target.run(table + before);
        target.run(hypertable);
        source.run("INSERT INTO readings SELECT t, d, d + extract(hour FROM t) FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:50', '10 min') t, "
                   "generate_series(1, 4) d; ANALYZE readings");
    }

    /// Inserts rows of another device into the target on two of the days.
    void write_to_target() {
        target.run("INSERT INTO readings SELECT t, 99, 0 FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-02 23:00', '1 hour') t");
    }

    /// All kinds of triggers that rows fire. Their function names a table without its schema.
    static constexpr auto all_triggers = R"(
        CREATE TABLE log (what text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO log VALUES (concat_ws(' ', TG_NAME, TG_OP, TG_LEVEL));
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$;
        CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.value := -1;
            RETURN NEW;
        END $$;
        CREATE TRIGGER "Before" BEFORE INSERT OR DELETE ON readings
            FOR EACH ROW EXECUTE FUNCTION note();
        CREATE TRIGGER after AFTER INSERT OR DELETE ON readings
            FOR EACH ROW WHEN (pg_trigger_depth() < 5) EXECUTE FUNCTION note('an argument');
        CREATE TRIGGER changes BEFORE INSERT ON readings
            FOR EACH ROW WHEN (NEW.device < 100) EXECUTE FUNCTION change();
        CREATE TRIGGER off BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION note();
        CREATE TRIGGER updates AFTER UPDATE ON readings FOR EACH ROW EXECUTE FUNCTION note();
        ALTER TABLE readings DISABLE TRIGGER off;)";

    static constexpr auto statement_triggers = R"(
        CREATE TRIGGER statements BEFORE INSERT OR DELETE ON readings
            FOR EACH STATEMENT EXECUTE FUNCTION note();
        CREATE TRIGGER after_statements AFTER INSERT OR DELETE ON readings
            FOR EACH STATEMENT EXECUTE FUNCTION note();)";

    /// Gives the target's tables an owner who is not a superuser. The program connects as that
    /// role.
    void change_owner() {
        owner_.emplace(target, "owner");
        target.run(fmt::format(
            "GRANT CREATE ON DATABASE {0} TO {1}; GRANT USAGE ON SCHEMA public TO {1};"
            "DO $$ DECLARE r regclass; BEGIN FOR r IN SELECT oid FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace LOOP EXECUTE format('ALTER TABLE %s OWNER "
            "TO {1}', r); END LOOP; END $$",
            target.name(), owner_->name()));
        way_to_target = owner_->uri();
    }

    bool may_grant_settings() {
        return target.value("SELECT current_setting('server_version_num')::int >= 150000") == "t";
    }

    void grant_replica() {
        target.run("GRANT SET ON PARAMETER session_replication_role TO " + owner_->name());
    }

    /// Does what the message says after the constraint `few` has failed chunks. Expects the
    /// source's rows, and that the constraint is as before, and that new rows must satisfy it.
    void follow_the_remedy(int limit = 10) {
        target.run("ALTER TABLE \"public\".\"readings\" DROP CONSTRAINT \"few\"");
        backfill_ok({"copy"});
        target.run(fmt::format(
            "ALTER TABLE readings ADD CONSTRAINT few CHECK (value < {}) NOT VALID", limit));
        expect_equal_rows("readings");
        backfill_ok({"verify"});
        EXPECT_EQ(target.value("SELECT string_agg(DISTINCT convalidated::text, ' ') FROM "
                               "pg_constraint WHERE conname = 'few'"),
                  "false");
        EXPECT_THROW(target.run("INSERT INTO readings VALUES ('2024-01-02', 1, 1000)"),
                     postgres::SqlError);
    }

    /// The triggers that have fired since the last call.
    std::vector<std::string> fired() {
        auto rows = target.rows("SELECT DISTINCT what FROM log ORDER BY 1");
        target.run("TRUNCATE log");
        return rows;
    }

    /// The triggers of chunks that are missing, or in another state than the hypertable's.
    std::vector<std::string> other_states(const std::string& hypertable = "readings") {
        return target.rows(fmt::format(
            "SELECT inhrelid::regclass, above.tgname, above.tgenabled, own.tgenabled FROM "
            "pg_inherits JOIN pg_trigger AS above ON above.tgrelid = inhparent AND above.tgtype & 1 "
            "= 1 AND NOT above.tgisinternal LEFT JOIN pg_trigger AS own ON own.tgrelid = inhrelid "
            "AND own.tgname = above.tgname WHERE above.tgname <> 'ts_insert_blocker' AND inhparent = '{}'::regclass AND own.tgenabled IS "
            "DISTINCT FROM above.tgenabled",
            hypertable));
    }

    /// Copies. Expects that no trigger fires, and that the chunks' triggers are in the same states
    /// as the hypertable's.
    void expect_silent_copy(const std::string& strategy, const std::string& until = "2024-02-01") {
        SCOPED_TRACE(strategy);
        fired();
        backfill_ok({"stage", "--until", until});
        backfill_ok({"copy", "--load-strategy", strategy});
        EXPECT_THAT(fired(), IsEmpty());
        expect_equal_rows("readings", fmt::format("time < '{}'", until));
        EXPECT_THAT(other_states(), IsEmpty());
        backfill_ok({"verify"});
        EXPECT_THAT(fired(), IsEmpty());
    }

    /// Expects that triggers still fire for other sessions.
    void expect_to_fire_for(const std::string& time) {
        target.run(fmt::format("INSERT INTO readings VALUES ('{}', 100, 5)", time));
        EXPECT_THAT(fired(), testing::IsSupersetOf({"Before INSERT ROW", "after INSERT ROW"}));
        target.run("DELETE FROM readings WHERE device = 100");
        EXPECT_THAT(fired(), testing::IsSupersetOf({"Before DELETE ROW", "after DELETE ROW"}));
    }

    std::optional<Role> owner_;

  private:
    bool is_source_plain_;
};

/// The parameter is false for a superuser, and true for the owner of the target's tables.
class NoTrigger : public Triggers, public testing::WithParamInterface<bool> {
  protected:
    void SetUp() override {
        if (is_owner())
            NEEDS_COMMUNITY_EDITION();
    }
    static bool is_owner() { return GetParam(); }

    void create(const std::string& before, const std::string& constraints = "") {
        create_readings(before, constraints);
        if (is_owner())
            change_owner();
    }
};

INSTANTIATE_TEST_SUITE_P(Roles, NoTrigger, testing::Values(false, true), [](const auto& param) {
    return std::string(param.param ? "Owner" : "Superuser");
});

TEST_P(NoTrigger, FiresForChunksThatAreCreated) {
    create(std::string(all_triggers) + statement_triggers);
    expect_silent_copy("auto");
    expect_to_fire_for("2024-01-02 12:05");
}

TEST_P(NoTrigger, FiresForChunksThatAreAttached) {
    create(std::string(all_triggers) + statement_triggers);
    expect_silent_copy("attach");
    expect_to_fire_for("2024-01-02 12:05");
}

TEST_P(NoTrigger, FiresForRowsThatAreReplacedOrOutsideTheRange) {
    create(std::string(all_triggers) + statement_triggers);
    write_to_target();
    expect_silent_copy("in-place", "2024-01-02 12:00");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 99"), "12");
    expect_to_fire_for("2024-01-02 10:05");
}

/// Foreign keys reference the rows, so they are updated to the source's values.
TEST_P(NoTrigger, FiresForRowsThatAreKept) {
    create("CREATE TABLE log (what text); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql "
           "AS $$ BEGIN INSERT INTO log VALUES (concat_ws(' ', TG_NAME, TG_OP, TG_LEVEL)); RETURN "
           "NEW; END $$;"
           "CREATE TRIGGER updates AFTER UPDATE ON readings FOR EACH ROW EXECUTE FUNCTION note();"
           "CREATE TRIGGER \"Always\" BEFORE UPDATE ON readings FOR EACH ROW EXECUTE FUNCTION "
           "note(); ALTER TABLE readings ENABLE ALWAYS TRIGGER \"Always\";",
           ", UNIQUE (time, device)");
    target.run("INSERT INTO readings SELECT t, 1, 0 FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t;"
               "CREATE TABLE alerts AS SELECT time, device FROM readings;"
               "ALTER TABLE alerts ADD FOREIGN KEY (time, device) REFERENCES readings (time, "
               "device) ON DELETE CASCADE");
    if (is_owner())
        target.run("ALTER TABLE alerts OWNER TO " + owner_->name());
    expect_silent_copy("in-place");
    EXPECT_EQ(target.value("SELECT count(*) FROM alerts"), "72");
    target.run("UPDATE readings SET value = 0 WHERE time = '2024-01-02' AND device = 1");
    EXPECT_THAT(fired(), ElementsAre("Always UPDATE ROW", "updates UPDATE ROW"));

    // Loading through the hypertable fails.
    backfill_ok({"clean"});
    source.run("SELECT set_chunk_time_interval('readings', interval '1 day');"
               "INSERT INTO readings VALUES ('2024-01-05', 1, 7)");
    target.run("SELECT set_chunk_time_interval('readings', interval '2 days');"
               "INSERT INTO readings VALUES ('2024-01-05', 1, 8);"
               "INSERT INTO alerts VALUES ('2024-01-05', 1)");
    backfill_ok({"stage", "--from", "2024-01-05", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                HasSubstr("triggers in the target would fire for its rows, because they go through "
                          "the hypertable, and some of them are updated"));
    backfill_ok({"copy", "--fire-triggers"});
    EXPECT_EQ(target.value("SELECT value FROM readings WHERE time = '2024-01-05'"), "7");
    EXPECT_THAT(fired(), ElementsAre("Always UPDATE ROW", "updates UPDATE ROW"));
}

TEST_P(NoTrigger, FiresIfColumnsWereDropped) {
    create("ALTER TABLE readings ADD COLUMN gone int; " + std::string(all_triggers));
    target.run("ALTER TABLE readings DROP COLUMN gone; ALTER TABLE readings ADD COLUMN late int;"
               "INSERT INTO readings VALUES ('2024-01-02', 99, 0)");
    source.run("ALTER TABLE readings ADD COLUMN late int");
    expect_silent_copy("in-place");
    expect_to_fire_for("2024-01-02 12:05");
}

TEST_P(NoTrigger, FiresForManyChunks) {
    both("CREATE TABLE ticks (time bigint NOT NULL, device int NOT NULL, value float8)");
    create(std::string(all_triggers) + statement_triggers);
    target.run("CREATE TRIGGER after AFTER INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION note()");
    both("SELECT create_hypertable('ticks', 'time', chunk_time_interval => 100)");
    source.run("INSERT INTO ticks SELECT i, 1, i FROM generate_series(0, 1999) i");
    target.run("INSERT INTO ticks SELECT i, 1, -i FROM generate_series(0, 999, 50) i");
    fired();
    backfill_ok({"stage", "--until", "1900", "--filter", "ticks"});
    backfill_ok({"copy", "--load-strategy", "in-place"});
    EXPECT_THAT(fired(), IsEmpty());
    expect_equal_rows("ticks", "time < 1900");
}

TEST_P(NoTrigger, FiresForCompressedAndPartialChunks) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    create(std::string(all_triggers) + statement_triggers);
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    source.run("SELECT compress_chunk(show_chunks('readings'));"
               "INSERT INTO readings VALUES ('2024-01-02 00:01', 9, 1)");
    expect_silent_copy("auto");
    expect_equal();
    // Copy again, and replace batches and the other rows of partial chunks.
    backfill_ok({"clean"});
    expect_silent_copy("auto");
    expect_equal();
    expect_to_fire_for("2024-01-02 12:05");
}

TEST_P(NoTrigger, OfConstraintsFires) {
    create(std::string(all_triggers) +
           "CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON readings "
           "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
           "FUNCTION note();");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 99, 0)");
    expect_silent_copy("in-place");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 100, 0)");
    EXPECT_THAT(fired(), testing::Contains("deferred INSERT ROW"));
}

TEST_P(NoTrigger, OfAnyStateFires) {
    NEEDS_COMMUNITY_EDITION(); // the Apache edition cannot create chunks then
    create(std::string(all_triggers) +
           "CREATE TRIGGER replica BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION note();"
           "CREATE TRIGGER always BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION note();"
           "ALTER TABLE readings ENABLE REPLICA TRIGGER replica, ENABLE ALWAYS TRIGGER always;");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 99, 0)");
    expect_silent_copy("in-place");
    // The chunks' triggers are like the hypertable's, and still are after another copy.
    backfill_ok({"clean"});
    expect_silent_copy("in-place");
    target.run("INSERT INTO readings VALUES ('2024-01-02 12:05', 100, 0)");
    EXPECT_THAT(fired(), ElementsAre("Before INSERT ROW", "after INSERT ROW", "always INSERT ROW"));
}

TEST_P(NoTrigger, FiresAndForeignKeysAreStillChecked) {
    both("CREATE TABLE devices (id int PRIMARY KEY, kind int NOT NULL)");
    both("INSERT INTO devices VALUES (1, 1), (2, 1), (3, 1)");
    source.run("INSERT INTO devices VALUES (4, 1)");
    create(all_triggers, ", FOREIGN KEY (device) REFERENCES devices ON DELETE CASCADE");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 1, 0)");
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy", "--load-strategy", "in-place"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("3 chunks could not be copied"),
                                      HasSubstr("violates foreign key constraint"),
                                      HasSubstr("readings_device_fkey")));
    target.run("INSERT INTO devices VALUES (4, 1); TRUNCATE log");
    backfill_ok({"copy", "--load-strategy", "in-place"});
    EXPECT_THAT(fired(), IsEmpty());
    expect_equal_rows("readings");
}

// ---------------------------------------------------------------- concurrent writers and options

TEST_F(Triggers, KeepFiringForWritersOfAChunkThatIsLoaded) {
    create_readings(all_triggers);
    // Rows of device 4 wait when they are loaded.
    target.run("CREATE FUNCTION gate(device int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ "
               "BEGIN IF device = 4 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); END "
               "IF; RETURN true; END $$; INSERT INTO readings VALUES ('2024-01-02', 99, 0);"
               "ALTER TABLE readings ADD CHECK (gate(device)); TRUNCATE log");
    const auto holder = target.connect();
    holder->execute("SELECT pg_advisory_lock(42)");
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto program = start({"copy", "-p", "1", "--load-strategy", "in-place"});
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    // With session_replication_role, the copy locks out no writers.
    target.run("SET lock_timeout = '5s'");
    for (int day = 1; day <= 3; ++day)
        target.run(fmt::format("INSERT INTO readings VALUES ('2024-01-0{} 12:05', 100, 0)", day));
    EXPECT_THAT(fired(), testing::IsSupersetOf({"Before INSERT ROW", "after INSERT ROW"}));
    holder->execute("SELECT pg_advisory_unlock_all()");
    EXPECT_EQ(program->wait().exit_status, 0);
    EXPECT_THAT(fired(), IsEmpty());
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE device = 100"), "3");
}

TEST_F(Triggers, KeepFiringForWritersThatWaitForAChunkThatIsLoaded) {
    NEEDS_COMMUNITY_EDITION();
    create_readings(all_triggers);
    target.run("CREATE FUNCTION gate(device int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ "
               "BEGIN IF device = 4 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); END "
               "IF; RETURN true; END $$; INSERT INTO readings VALUES ('2024-01-02', 99, 0);"
               "ALTER TABLE readings ADD CHECK (gate(device)); TRUNCATE log");
    source.run("DELETE FROM readings WHERE time < '2024-01-02' OR time >= '2024-01-03'");
    change_owner();
    const auto holder = target.connect();
    holder->execute("SELECT pg_advisory_lock(42)");
    backfill_ok({"stage", "--from", "2024-01-02", "--until", "2024-01-03"});
    const auto program = start({"copy", "-p", "1", "--load-strategy", "in-place"});
    ASSERT_TRUE(eventually([&] { return program_waits(target); }));
    const auto writer = target.connect();
    writer->send("INSERT INTO public.readings VALUES ('2024-01-02 12:05', 100, 0)");
    ASSERT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND wait_event_type = 'Lock' AND wait_event = "
                            "'relation'") == "1";
    }));
    // Readers do not wait.
    target.run("SET lock_timeout = '5s'");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time >= '2024-01-02'"), "1");
    holder->execute("SELECT pg_advisory_unlock_all()");
    EXPECT_NO_THROW(writer->receive());
    EXPECT_EQ(program->wait().exit_status, 0);
    EXPECT_THAT(fired(), testing::IsSupersetOf({"Before INSERT ROW", "after INSERT ROW"}));
    expect_equal_rows("readings", "device < 90");
}

TEST_F(Triggers, FireOnRequest) {
    create_readings(std::string(all_triggers) + statement_triggers);
    target.run("INSERT INTO readings VALUES ('2024-01-02', 99, 0)");
    fired();
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy", "--explain", "--fire-triggers"}),
                AllOf(HasSubstr("; triggers fire\n"), Not(HasSubstr("attach, "))));
    backfill_ok({"copy", "--fire-triggers"});
    EXPECT_EQ(target.value("SELECT count(*) FROM log WHERE what = 'after INSERT ROW'"),
              target.value("SELECT count(*) FROM readings"));
    EXPECT_EQ(target.value("SELECT count(DISTINCT value) FROM readings"), "1");
    EXPECT_THAT(fired(), AllOf(testing::IsSupersetOf({"Before INSERT ROW", "after INSERT ROW",
                                                      "statements INSERT STATEMENT"}),
                               Not(testing::Contains("off INSERT ROW"))));
    EXPECT_THAT(other_states(), IsEmpty());
}

/// The parameter is true if the plain source's table has an index on time. Without one, its rows
/// are loaded through the hypertable.
class TriggersFromPlain : public Triggers, public testing::WithParamInterface<bool> {
  protected:
    TriggersFromPlain() : Triggers(DatabaseOptions{.with_extension = false}) {}

    void create(const std::string& before) {
        create_readings(before);
        if (GetParam())
            source.run("CREATE INDEX ON readings (time)");
    }
};

INSTANTIATE_TEST_SUITE_P(Index, TriggersFromPlain, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Indexed" : "Unindexed"; });

TEST_P(TriggersFromPlain, DoNotFire) {
    create(std::string(all_triggers) + statement_triggers);
    expect_silent_copy("auto");
    expect_to_fire_for("2024-01-02 12:05");
}

TEST_P(TriggersFromPlain, DoNotFireForRowsThatAreReplaced) {
    create(std::string(all_triggers) + statement_triggers);
    write_to_target();
    expect_silent_copy("in-place");
}

/// session_replication_role cannot be used if a trigger fires ALWAYS or the role is the owner.
TEST_P(TriggersFromPlain, OfAnyStateDoNotFireOrFailTheirChunk) {
    NEEDS_COMMUNITY_EDITION();
    create(std::string(all_triggers) +
           "CREATE TRIGGER replica BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION note();"
           "CREATE TRIGGER always BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION note();"
           "ALTER TABLE readings ENABLE REPLICA TRIGGER replica, ENABLE ALWAYS TRIGGER always;");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 99, 0)");
    change_owner();
    const bool is_indexed = GetParam();
    if (is_indexed) {
        expect_silent_copy("in-place");
    } else {
        fired();
        backfill_ok({"stage", "--until", "2024-02-01"});
        const auto outcome = backfill({"copy"});
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_THAT(outcome.output, HasSubstr("triggers in the target would fire for its rows, "
                                              "because they go through the hypertable"));
        EXPECT_THAT(fired(), IsEmpty());
        EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1");
        backfill_ok({"copy", "--fire-triggers"});
        EXPECT_THAT(fired(), testing::IsSupersetOf({"after INSERT ROW", "always INSERT ROW"}));
        EXPECT_THAT(other_states(), IsEmpty());
    }
    target.run("INSERT INTO readings VALUES ('2024-01-02 12:05', 100, 0)");
    EXPECT_THAT(fired(), ElementsAre("Before INSERT ROW", "after INSERT ROW", "always INSERT ROW"));
}

TEST_P(TriggersFromPlain, FireOnRequest) {
    create(std::string(all_triggers) + statement_triggers);
    fired();
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy", "--fire-triggers"});
    EXPECT_THAT(fired(), testing::IsSupersetOf({"Before INSERT ROW", "after INSERT ROW",
                                                "statements INSERT STATEMENT"}));
    EXPECT_THAT(other_states(), IsEmpty());
}

/// Triggers do not fire either for the row with which the Apache edition creates a chunk.
TEST_F(Triggers, FireOnceForEachRowOnRequest) {
    create_readings(all_triggers);
    change_owner();
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy", "--fire-triggers"});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1728");
    EXPECT_EQ(target.value("SELECT count(*) FROM log WHERE what = 'after INSERT ROW'"), "1728");
    EXPECT_EQ(target.value("SELECT count(*) FROM log WHERE what LIKE '%DELETE%'"), "0");
}

TEST_F(Triggers, FireForCompressedChunksOnRequest) {
    NEEDS_COMMUNITY_EDITION();
    create_readings(all_triggers);
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    source.run("SELECT compress_chunk(show_chunks('readings'))");
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy", "--fire-triggers"});
    EXPECT_EQ(target.value("SELECT count(*) FROM log WHERE what = 'after INSERT ROW'"), "1728");
}

TEST_F(Triggers, DoNotFireThroughTheHypertableIfTheRoleMaySetReplicationRole) {
    NEEDS_COMMUNITY_EDITION();
    create_readings(std::string(all_triggers) + statement_triggers);
    target.run("SELECT set_chunk_time_interval('readings', interval '2 days');"
               "INSERT INTO readings VALUES ('2024-01-02', 99, 0); TRUNCATE log");
    change_owner();
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("triggers in the target would fire for its rows"),
                      HasSubstr("they go through the hypertable"),
                      HasSubstr("GRANT SET ON PARAMETER session_replication_role")));
    EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr(": fails: triggers in the target"));
    EXPECT_THAT(fired(), IsEmpty());
    if (!may_grant_settings())
        return;
    grant_replica();
    backfill_ok({"copy"});
    EXPECT_THAT(fired(), IsEmpty());
    expect_equal_rows("readings");
}

TEST_F(Triggers, FailChunksOnTheApacheEditionWithoutThePrivilege) {
    if (is_community())
        GTEST_SKIP() << "needs the Apache edition";
    create_readings(all_triggers);
    change_owner();
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                HasSubstr("the Apache edition creates chunks only when rows are inserted"));
    if (!may_grant_settings())
        return;
    grant_replica();
    backfill_ok({"copy"});
    EXPECT_THAT(fired(), IsEmpty());
    expect_equal_rows("readings");
}

TEST_F(Triggers, CauseSmallChunksToBeAttachedIfWritersWouldWait) {
    NEEDS_COMMUNITY_EDITION();
    if (!version_at_least(2, 22))
        GTEST_SKIP() << "needs TimescaleDB 2.22";
    create_readings(all_triggers);
    change_owner();
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr("\n3 chunks: load, then attach\n"));
    grant_replica();
    EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                HasSubstr("it is small; triggers do not fire, because of "
                          "session_replication_role\n"));
}

// ---------------------------------------------------------------- NOT VALID

TEST_F(Triggers, RowsThatViolateANotValidConstraintAreCopied) {
    NEEDS_COMMUNITY_EDITION();
    create_readings();
    both("CREATE TABLE devices (id int PRIMARY KEY); INSERT INTO devices VALUES (1);"
         "ALTER TABLE readings ADD CONSTRAINT few CHECK (value < 10) NOT VALID;"
         "ALTER TABLE readings ADD CONSTRAINT known FOREIGN KEY (device) REFERENCES devices NOT "
         "VALID");
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy", "--load-strategy", version_at_least(2, 22) ? "auto" : "attach"});
    expect_equal_rows("readings");
    backfill_ok({"verify"});
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_constraint JOIN pg_inherits ON conrelid = "
                           "inhrelid WHERE inhparent = 'readings'::regclass AND contype IN ('c', "
                           "'f') AND conname ~ '(few|known)$' AND convalidated"),
              "0");
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_constraint JOIN pg_inherits ON conrelid = "
                           "inhrelid WHERE inhparent = 'readings'::regclass AND contype IN ('c', "
                           "'f') AND conname ~ '(few|known)$'"),
              "6");
    // New rows must still satisfy them.
    EXPECT_THROW(target.run("INSERT INTO readings VALUES ('2024-01-02', 1, 20)"),
                 postgres::SqlError);
    EXPECT_THROW(target.run("INSERT INTO readings VALUES ('2024-01-02', 2, 1)"),
                 postgres::SqlError);
    target.run("INSERT INTO readings VALUES ('2024-01-02', 1, 2)");
}

TEST_F(Triggers, RowsThatViolateANotValidForeignKeyAreCopiedInPlace) {
    create_readings();
    both("CREATE TABLE devices (id int PRIMARY KEY); INSERT INTO devices VALUES (1);"
         "ALTER TABLE readings ADD CONSTRAINT known FOREIGN KEY (device) REFERENCES devices NOT "
         "VALID");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 1, 20)");
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy", "--load-strategy", "in-place"});
    expect_equal_rows("readings");
}

TEST_F(Triggers, ANotValidConstraintFailsAChunkInPlaceAndTheRemedyWorks) {
    create_readings();
    both("ALTER TABLE readings ADD CONSTRAINT few CHECK (value < 10) NOT VALID");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 1, 2)");
    const auto checked = backfill({"check"});
    EXPECT_THAT(checked.output,
                AllOf(HasSubstr("the constraint \"few\" is NOT VALID"),
                      HasSubstr(is_community() ? "other chunks with such rows fail"
                                               : "fail, because the Apache edition"),
                      HasSubstr("ALTER TABLE \"public\".\"readings\" DROP "
                                "CONSTRAINT \"few\"")));
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy", "--load-strategy", "in-place"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("violates check constraint \"few\""),
                      HasSubstr("ALTER TABLE \"public\".\"readings\" DROP "
                                "CONSTRAINT \"few\" in the target, and add it again")));
    // Existing rows are unchanged.
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1");
    follow_the_remedy();
}

/// Of small chunks that are copied together, the one that fails does not fail the others.
TEST_F(Triggers, ANotValidConstraintFailsOneOfSeveralChunksTogether) {
    create_readings();
    both("ALTER TABLE readings ADD CONSTRAINT few CHECK (value < 100) NOT VALID");
    source.run("SET session_replication_role = replica; ALTER TABLE readings DROP CONSTRAINT few; "
               "UPDATE readings SET value = 200 WHERE time = '2024-01-02 05:00' AND device = 3;"
               "ALTER TABLE readings ADD CONSTRAINT few CHECK (value < 100) NOT VALID");
    target.run("INSERT INTO readings SELECT t, 99, 0 FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t");
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy", "-p", "1"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("1 chunk could not be copied"),
                                      HasSubstr("ALTER TABLE \"public\".\"readings\" DROP "
                                                "CONSTRAINT \"few\" in the target")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NOT NULL"), "2");
    follow_the_remedy(100);
}

TEST_F(Triggers, ANotValidConstraintFailsRowsThroughTheHypertable) {
    create_readings();
    both("ALTER TABLE readings ADD CONSTRAINT few CHECK (value < 10) NOT VALID");
    // The slices differ from the source's.
    target.run("SELECT set_chunk_time_interval('readings', interval '36 hours');"
               "INSERT INTO readings SELECT t, 99, 0 FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t");
    const auto before = target.rows("SELECT * FROM readings ORDER BY time");
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr("3 chunks: through the hypertable"));
    const auto outcome = backfill({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("3 chunks could not be copied"),
                                      HasSubstr("ALTER TABLE \"public\".\"readings\" DROP "
                                                "CONSTRAINT \"few\" in the target")));
    EXPECT_EQ(target.rows("SELECT * FROM readings ORDER BY time"), before);
    follow_the_remedy();
}

TEST_F(Triggers, ADeferredNotValidForeignKeyIsNamed) {
    create_readings();
    both("CREATE TABLE devices (id int PRIMARY KEY); INSERT INTO devices VALUES (1);"
         "ALTER TABLE readings ADD CONSTRAINT known FOREIGN KEY (device) REFERENCES devices "
         "DEFERRABLE INITIALLY DEFERRED NOT VALID");
    target.run("INSERT INTO readings VALUES ('2024-01-02', 1, 20)");
    change_owner(); // who cannot disable its triggers
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy", "--load-strategy", "in-place"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("violates foreign key constraint"),
                      HasSubstr("DROP CONSTRAINT \"known\" in the target, and add it again")));
}

/// TimescaleDB truncates their names for chunks, even within a multibyte character.
TEST_F(Triggers, ForeignKeysWithLongNamesFailOnlyTheirChunks) {
    std::string name;
    while (name.size() < 62)
        name += "é";
    for (const auto* begin : {"", "x"}) {
        create_readings();
        both(fmt::format("CREATE TABLE devices (id int PRIMARY KEY); ALTER TABLE readings ADD "
                         "CONSTRAINT \"{}{}\" FOREIGN KEY (device) REFERENCES devices NOT VALID",
                         begin, name));
        change_owner(); // who cannot disable its triggers
        backfill_ok({"stage", "--until", "2024-02-01"});
        const auto outcome = backfill({"copy", "--load-strategy", "in-place"});
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_THAT(outcome.output,
                    AllOf(HasSubstr("3 chunks could not be copied"),
                          HasSubstr(fmt::format("DROP CONSTRAINT \"{}{}\"", begin, name))));
        source.drop();
        target.drop();
    }
}

TEST_F(Triggers, ANotValidConstraintIsNamed) {
    create_readings();
    // All messages contain the letter e, but all rows satisfy that constraint.
    both("ALTER TABLE readings ADD CONSTRAINT \"e\" CHECK (device > 1) NOT VALID;"
         "ALTER TABLE readings ADD CONSTRAINT \"two\nlines\" CHECK (value < 0) NOT VALID");
    source.run("DELETE FROM readings WHERE device = 1");
    backfill_ok({"stage", "--until", "2024-02-01"});
    const auto outcome = backfill({"copy", "--load-strategy", "in-place"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("DROP CONSTRAINT \"two\nlines\" in the target"),
                                      Not(HasSubstr("DROP CONSTRAINT \"e\""))));
}

// ---------------------------------------------------------------- findings of check

class TriggerChecks : public Triggers {
  protected:
    std::vector<std::string> findings(const std::string& subject) {
        std::vector<std::string> lines;
        std::string text = backfill({"check"}).output;
        for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
            const auto line = text.substr(0, end);
            if (line.find(" " + subject + ": ") != std::string::npos)
                lines.push_back(line);
            text.erase(0, end + 1);
        }
        return lines;
    }
};

TEST_F(TriggerChecks, ReportTheirEffects) {
    create_readings("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; "
                    "END'; CREATE TRIGGER updates AFTER UPDATE ON readings FOR EACH ROW EXECUTE "
                    "FUNCTION note();");
    EXPECT_THAT(findings("triggers"), ElementsAre(HasSubstr("have no triggers")));
    target.run(
        "CREATE TRIGGER audit AFTER INSERT ON readings FOR EACH ROW EXECUTE FUNCTION note()");
    EXPECT_THAT(findings("triggers"),
                ElementsAre(AllOf(testing::StartsWith("ok"),
                                  HasSubstr("1 trigger in the target (\"audit\")"),
                                  HasSubstr("because copy sets session_replication_role"))));
    change_owner();
    EXPECT_THAT(findings("triggers"),
                ElementsAre(AllOf(testing::StartsWith("warning"), HasSubstr("(\"audit\")"),
                                  HasSubstr("the role may not set session_replication_role"),
                                  HasSubstr(may_grant_settings()
                                                ? "GRANT SET ON PARAMETER session_replication_role "
                                                  "TO \"" +
                                                      owner_->name() + "\""
                                                : std::string("as a superuser")))));
    if (!may_grant_settings())
        return;
    grant_replica();
    EXPECT_THAT(findings("triggers"), ElementsAre(testing::StartsWith("ok")));
}

TEST_F(TriggerChecks, FindEventTriggers) {
    create_readings();
    EXPECT_THAT(findings("event triggers in the target"), ElementsAre(HasSubstr("none")));
    target.run("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
               "'no tables here'; END $$;"
               "CREATE EVENT TRIGGER elsewhere ON ddl_command_end WHEN TAG IN ('CREATE VIEW') "
               "EXECUTE FUNCTION refuse();"
               "CREATE EVENT TRIGGER rewrites ON table_rewrite EXECUTE FUNCTION refuse();"
               "CREATE EVENT TRIGGER off ON sql_drop EXECUTE FUNCTION refuse();"
               "ALTER EVENT TRIGGER off DISABLE;"
               "CREATE EVENT TRIGGER \"No tables\" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', "
               "'CREATE VIEW') EXECUTE FUNCTION refuse()");
    EXPECT_THAT(findings("event triggers in the target"),
                ElementsAre(AllOf(testing::StartsWith("warning"), HasSubstr("\"No tables\""),
                                  HasSubstr("ddl_command_end"), HasSubstr("public.refuse"),
                                  HasSubstr("CREATE TABLE"), Not(HasSubstr("VIEW")),
                                  HasSubstr("ALTER EVENT TRIGGER \"No tables\" DISABLE"))));
    target.run("ALTER EVENT TRIGGER \"No tables\" DISABLE; CREATE EVENT TRIGGER drops ON sql_drop "
               "EXECUTE FUNCTION refuse()");
    EXPECT_THAT(findings("event triggers in the target"),
                ElementsAre(AllOf(HasSubstr("\"drops\" (sql_drop)"), HasSubstr("DROP TABLE"),
                                  Not(HasSubstr("CREATE TABLE")))));
    target.run("DROP EVENT TRIGGER drops");
}

TEST_F(TriggerChecks, ErrorsNameTheEventTriggerThatRaisedThem) {
    create_readings();
    source.run("INSERT INTO readings VALUES ('2024-01-01 12:00+00', 1, 1)");
    const auto names_it =
        AllOf(HasSubstr("no tables here"),
              HasSubstr("the function of the event trigger \"No tables\" (ddl_command_start) "
                        "raised this error"),
              HasSubstr("ALTER EVENT TRIGGER \"No tables\" DISABLE"));
    const auto refuse = [&](const std::string& tags) {
        target.run(
            fmt::format("CREATE EVENT TRIGGER \"No tables\" ON ddl_command_start WHEN TAG IN "
                        "({}) EXECUTE FUNCTION refuse()",
                        tags));
    };
    target.run("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
               "'no tables here'; END $$");
    refuse("'CREATE TABLE', 'DROP SCHEMA'");
    const auto staging = backfill({"stage", "--until", "2025-01-01"});
    EXPECT_EQ(staging.exit_status, 1);
    EXPECT_THAT(staging.errors, AllOf(HasSubstr("cannot stage"), names_it));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')::text"), "");
    target.run("DROP EVENT TRIGGER \"No tables\"");
    backfill_ok({"stage", "--until", "2025-01-01"});
    refuse("'CREATE TABLE', 'DROP SCHEMA'");
    if (target.is_community() && version_at_least(2, 29, 1)) { // others create no tables here
        const auto copying = backfill({"copy", "--load-strategy", "attach"});
        EXPECT_EQ(copying.exit_status, 1);
        EXPECT_THAT(copying.output + copying.errors, names_it);
    }
    const auto cleaning = backfill({"clean"});
    EXPECT_EQ(cleaning.exit_status, 1);
    EXPECT_THAT(cleaning.errors, AllOf(HasSubstr("cannot remove the schema __backfill"), names_it));
    target.run("DROP EVENT TRIGGER \"No tables\"");
}

TEST_F(TriggerChecks, FindEventTriggersForConnections) {
    if (source.value("SELECT current_setting('server_version_num')::int >= 170000") != "t")
        GTEST_SKIP() << "needs PostgreSQL 17";
    create_readings();
    source.run("CREATE FUNCTION greet() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
               "CREATE EVENT TRIGGER greets ON login EXECUTE FUNCTION greet()");
    EXPECT_THAT(
        findings("event triggers in the source"),
        ElementsAre(AllOf(HasSubstr("\"greets\" (login)"), HasSubstr("each new connection"))));
}

} // namespace
} // namespace test
