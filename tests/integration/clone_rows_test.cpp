// Tests how clone-schema copies the rows of plain tables, and what an unfinished clone leaves.

#include "support/clone_migration.hpp"
#include "support/proxy.hpp"
#include "support/with_own_servers.hpp"
#include "support/with_standby.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <memory>
#include <thread>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CloneRows : public CloneMigration {
  protected:
    using CloneMigration::CloneMigration;

    void SetUp() override { NEEDS_TARGET_NOT_OLDER(); }

    /// Creates a table of more than two ranges of pages.
    void make_large() {
        source.run("CREATE TYPE mood AS ENUM ('bad', 'good');"
                   "CREATE TABLE \"Large's\" (id int GENERATED ALWAYS AS IDENTITY, gone int, "
                   "value text, twice int GENERATED ALWAYS AS (value_length * 2) STORED, "
                   "value_length int, mood mood[], PRIMARY KEY (id));"
                   "ALTER TABLE \"Large's\" DROP COLUMN gone;"
                   "INSERT INTO \"Large's\" (value, value_length, mood) "
                   "SELECT repeat('x', 700), i, '{good,NULL,bad}' "
                   "FROM generate_series(1, 50000) i");
    }

    /// Creates a table whose rows the target takes only while the gate is open.
    void make_gated(const std::string& table = "gated") {
        source.run(fmt::format(
            "CREATE FUNCTION passes(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN "
            "IF current_database() <> ''{0}'' THEN PERFORM pg_advisory_xact_lock_shared(42); "
            "END IF; RETURN true; END';"
            "CREATE TABLE {1} (a int CHECK (public.passes(a)));"
            "INSERT INTO {1} VALUES (1)",
            source.name(), table));
    }

    void close_gate() {
        holder_ = target.connect();
        holder_->execute("SELECT pg_advisory_lock(42)");
    }
    void open_gate() { holder_.reset(); }

    bool waits_at_gate() {
        return eventually([&] {
            return target.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                                "AND objid = 42 AND NOT granted AND database = (SELECT oid FROM "
                                "pg_database WHERE datname = current_database())") == "1";
        });
    }

    /// Ends a program that waits at the gate, opens the gate, and waits until the target has no
    /// sessions of the program.
    Outcome end(Program& program, int signal) {
        if (signal != SIGKILL)
            interrupt(program, signal);
        program.signal(signal); // does not wait for the table
        auto outcome = program.wait();
        open_gate();
        EXPECT_TRUE(eventually([&] { return target.sessions() == 0; }));
        return outcome;
    }

    void expect_finished() {
        EXPECT_THAT(differences(definitions), IsEmpty());
        EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill_clone') IS NULL"), "t");
    }

    /// Clones twice, and cuts the connection to the target at the first COMMIT that is sent with a
    /// statement: after the server has received both, and before.
    /// \param then what is expected of each outcome besides, and clears the target.
    void clone_with_cuts(const std::string& statement,
                         const std::function<void(const Outcome&)>& then) {
        auto to_target = Proxy::in_front_of(target.uri());
        way_to_target = to_target.uri(target.uri());
        for (const bool is_delivered : {true, false}) {
            SCOPED_TRACE(is_delivered);
            to_target.plan_at(statement, [=](int number) {
                return number == 1 ? std::optional(FaultAt{Fault::cut, is_delivered})
                                   : std::nullopt;
            });
            const auto outcome = backfill(words());
            EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
            EXPECT_THAT(outcome.errors, HasSubstr("connected again"));
            expect_finished();
            then(outcome);
        }
    }

  private:
    std::unique_ptr<postgres::Connection> holder_;
};

// ---------------------------------------------------------------- everything

TEST_F(CloneRows, TablesOfAllKindsAreCopied) {
    make_large();
    source.run(R"(
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child (id int REFERENCES parent) INHERITS (parent);
        INSERT INTO parent SELECT generate_series(1, 1000);
        INSERT INTO child SELECT generate_series(1, 1000);
        CREATE TABLE parts (a int, b text, PRIMARY KEY (a)) PARTITION BY RANGE (a);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
        CREATE TABLE parts_2 (b text, a int NOT NULL);
        ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (10) TO (20);
        INSERT INTO parts SELECT i, i::text FROM generate_series(0, 19) i;
        CREATE UNLOGGED TABLE unlogged (a regclass); INSERT INTO unlogged VALUES ('parent');
        CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
        CREATE TABLE computed (a int GENERATED ALWAYS AS (7) STORED);
        INSERT INTO computed DEFAULT VALUES; INSERT INTO computed DEFAULT VALUES;
        CREATE TABLE guarded (a int); INSERT INTO guarded VALUES (1), (2);
        ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY hides ON guarded USING (a > 1);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE 'fired'; END$$;
        CREATE TRIGGER refusing BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION refuse();
        ALTER TABLE guarded ENABLE ALWAYS TRIGGER refusing;
        CREATE RULE nowhere AS ON INSERT TO guarded DO INSTEAD NOTHING;
        CREATE MATERIALIZED VIEW sums AS SELECT sum(a) FROM guarded;
        CREATE SEQUENCE seq START 5; SELECT nextval('seq'), nextval('seq');
        SELECT lo_from_bytea(4242, '\xdeadbeef'))");
    const auto output = clone({"--parallelism", "4"});
    EXPECT_THAT(output, AllOf(HasSubstr("Copied \"public\".\"Large's\": 50,000 rows"),
                              HasSubstr("Copied \"public\".\"parts_2\": 10 rows"),
                              Not(HasSubstr("__backfill"))));
    expect_finished();
    for (const auto* table : {"\"Large's\"", "ONLY parent", "child", "parts_1", "parts_2",
                              "unlogged", "nothing", "computed", "guarded", "sums"})
        expect_equal_rows(table);
    EXPECT_EQ(target.value("SELECT lo_get(4242)"), "\\xdeadbeef");
    EXPECT_EQ(target.value("SELECT nextval('seq')"), "7");
}

TEST_F(CloneRows, SmallTablesAreFrozen) {
    source.run("CREATE TABLE small AS SELECT generate_series(1, 1000) AS a");
    clone();
    target.run("ANALYZE small");
    EXPECT_EQ(target.value("SELECT relallvisible > 0 AND relallvisible = relpages FROM pg_class "
                           "WHERE relname = 'small'"),
              "t");
}

TEST_F(CloneRows, AllTablesAreOfOneSnapshot) {
    make_gated();
    source.run("CREATE TABLE later (a int); INSERT INTO later VALUES (1)");
    close_gate();
    const auto program = start(words({"--parallelism", "1"}));
    ASSERT_TRUE(waits_at_gate());
    source.run("INSERT INTO later VALUES (2); INSERT INTO gated VALUES (2)");
    // Neither does ALTER TABLE or TRUNCATE come between.
    source.run("SET lock_timeout = '100ms'");
    EXPECT_ANY_THROW(source.run("TRUNCATE later"));
    open_gate();
    EXPECT_EQ(program->wait().exit_status, exit_done);
    for (const auto* table : {"later", "gated"})
        EXPECT_EQ(target.value(fmt::format("SELECT count(*) FROM {}", table)), "1");
}

/// The application would wait behind ALTER TABLE, which waits for clone-schema.
TEST_F(CloneRows, NobodyWaitsBehindASessionThatWaitsToLockATable) {
    make_gated();
    source.run("CREATE TABLE later (a int); INSERT INTO later VALUES (1)");
    close_gate();
    const auto program = start(words({"--parallelism", "1"}));
    ASSERT_TRUE(waits_at_gate());
    std::thread changing([&] {
        const auto session = source.connect();
        session->execute("BEGIN; LOCK TABLE later; ROLLBACK");
    });
    EXPECT_TRUE(eventually([&] {
        return source.value("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = "
                            "'later'::regclass)") == "t";
    }));
    open_gate();
    const auto outcome = program->wait();
    changing.join();
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("cannot read \"public\".\"later\": another session of "
                                          "the source has locked it, or waits to lock it"));
    EXPECT_THAT(outcome.errors, Not(HasSubstr("trying again")));
    clone();
    expect_finished();
    expect_equal_rows("later");
}

TEST_F(CloneRows, OtherCommandsWaitForTheEndOfTheClone) {
    make_gated();
    source.run("CREATE TABLE readings (time timestamptz NOT NULL); "
               "SELECT create_hypertable('readings', 'time'); "
               "INSERT INTO readings VALUES ('2024-01-01')");
    close_gate();
    const auto program = start(words());
    ASSERT_TRUE(waits_at_gate());
    end(*program, SIGKILL);
    const std::string problem = "clone-schema has not finished in the target";
    EXPECT_THAT(backfill({"stage", "--until", "2024-02-01"}).errors,
                HasSubstr("cannot stage: " + problem + "; run clone-schema again, which goes on"));
    EXPECT_THAT(backfill({"sync-tables"}).errors, HasSubstr("cannot sync-tables: " + problem));
    EXPECT_THAT(backfill({"check", "--until", "2024-02-01"}).output,
                AllOf(HasSubstr(problem + ". Remedy: run clone-schema again"),
                      Not(HasSubstr("__backfill_clone"))));
    clone();
    backfill_ok({"stage", "--until", "2024-02-01"});
}

TEST_F(CloneRows, ARangeWhoseCommitGotNoAnswerIsNotLoadedTwice) {
    make_large();
    clone_with_cuts("ranges_left - 1", [&](const Outcome& outcome) {
        EXPECT_THAT(outcome.output, HasSubstr("\"Large's\": 50,000 rows"));
        expect_equal_rows("\"Large's\"");
        target.run("DROP TABLE \"Large's\"; DROP TYPE mood");
    });
}

// ---------------------------------------------------------------- unfinished clones

TEST_F(CloneRows, AnInterruptedCloneGoesOn) {
    make_large();
    make_gated();
    source.run("CREATE TABLE parent (id int PRIMARY KEY);"
               "CREATE TABLE child (id int REFERENCES parent);"
               "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)");
    close_gate();
    for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
        SCOPED_TRACE(signal);
        const auto program = start(words({"--parallelism", "1"}));
        ASSERT_TRUE(waits_at_gate());
        const auto outcome = end(*program, signal);
        if (signal != SIGKILL) {
            EXPECT_EQ(outcome.exit_status, exit_interrupted) << outcome.errors;
            EXPECT_THAT(outcome.output, HasSubstr("Interrupted; the same command continues."));
        }
        EXPECT_EQ(target.value("SELECT count(*) FROM \"Large's\""), "50000");
        close_gate();
    }
    open_gate();
    // A row that was copied earlier stays as it was, except in tables with foreign keys.
    source.run("INSERT INTO parent VALUES (2); INSERT INTO child VALUES (2);"
               "UPDATE \"Large's\" SET value = 'new' WHERE id = 1");
    const auto output = clone();
    EXPECT_THAT(output, AllOf(HasSubstr("copied earlier"), Not(HasSubstr("\"Large's\"")),
                              HasSubstr("Copied \"public\".\"gated\": 1 row"),
                              HasSubstr("Copied \"public\".\"child\": 2 rows")));
    expect_finished();
    EXPECT_EQ(target.value("SELECT value = 'new' FROM \"Large's\" WHERE id = 1"), "f");
    for (const auto* table : {"parent", "child", "gated"})
        expect_equal_rows(table);
    backfill_ok({"sync-tables"});
    expect_equal_rows("\"Large's\"");
}

TEST_F(CloneRows, ATableThatIsHalfLoadedIsLoadedAgain) {
    make_large();
    source.run(fmt::format("CREATE FUNCTION passes(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN "
                           "IF current_database() <> ''{0}'' AND $1 > 40000 THEN "
                           "PERFORM pg_advisory_xact_lock_shared(42); END IF; RETURN true; END';"
                           "ALTER TABLE \"Large's\" ADD CHECK (public.passes(value_length))",
                           source.name()));
    close_gate();
    const auto program = start(words({"--parallelism", "1"}));
    ASSERT_TRUE(waits_at_gate());
    end(*program, SIGKILL);
    EXPECT_EQ(target.value("SELECT count(*) BETWEEN 10000 AND 40000 FROM \"Large's\""), "t");
    clone();
    expect_finished();
    expect_equal_rows("\"Large's\"");
}

TEST_F(CloneRows, AnErrorOfTheRowsIsReportedAndTheCloneGoesOn) {
    source.run(fmt::format("CREATE FUNCTION is_here() RETURNS boolean LANGUAGE sql STABLE AS "
                           "'SELECT current_database() = ''{}''';"
                           "CREATE TABLE place (a int CONSTRAINT is_known CHECK "
                           "(public.is_here())); INSERT INTO place VALUES (1)",
                           source.name()));
    for (int i = 0; i < 2; ++i) {
        const auto outcome = backfill(words());
        EXPECT_EQ(outcome.exit_status, exit_failed);
        EXPECT_THAT(outcome.errors, AllOf(HasSubstr("cannot copy \"public\".\"place\": "),
                                          HasSubstr("is_known"), HasSubstr("--discard")));
    }
    target.run("ALTER TABLE place DROP CONSTRAINT is_known");
    clone();
    expect_equal_rows("place");
}

TEST_F(CloneRows, AnErrorAfterTheRowsIsReportedAndTheCloneGoesOn) {
    source.run(fmt::format("CREATE FUNCTION here() RETURNS int LANGUAGE sql IMMUTABLE AS "
                           "'SELECT 1 / (current_database() = ''{}'')::int';"
                           "CREATE TABLE place (a int); INSERT INTO place VALUES (1);"
                           "CREATE INDEX ON place ((a + public.here()))",
                           source.name()));
    const auto outcome = backfill(words());
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("psql failed"), HasSubstr("division by zero"),
                                      HasSubstr("--discard"), Not(HasSubstr("unchanged"))));
    EXPECT_THAT(outcome.output, HasSubstr("Copied \"public\".\"place\""));
    source.run("DROP INDEX place_expr_idx");
    EXPECT_THAT(clone(), Not(HasSubstr("Copied \"public\".\"place\"")));
    expect_finished();
    expect_equal_rows("place");
}

TEST_F(CloneRows, AnUnfinishedCloneOfOtherTablesIsRefused) {
    make_gated();
    close_gate();
    const auto program = start(words());
    ASSERT_TRUE(waits_at_gate());
    end(*program, SIGKILL);
    source.run("CREATE TABLE added (a int)");
    EXPECT_THAT(clone_fails({}, exit_usage), HasSubstr("has an unfinished clone of other tables"));
    source.run("DROP TABLE added");
    EXPECT_THAT(clone_fails({"--no-relational-data"}, exit_usage), HasSubstr("other tables"));
    // Neither a restart nor a failover changes this.
    EXPECT_EQ(target.value("SELECT source FROM __backfill_clone.clone"),
              source.value("SELECT concat_ws('/', system_identifier, oid, datname) FROM "
                           "pg_control_system(), pg_database WHERE datname = current_database()"));
    target.run("UPDATE __backfill_clone.clone SET source = 'elsewhere'");
    EXPECT_THAT(
        clone_fails({}, exit_usage),
        AllOf(HasSubstr("has an unfinished clone of another source"), HasSubstr("--discard")));
    EXPECT_THAT(clone({"--dry-run", "--discard"}), HasSubstr("Would remove"));
    clone({"--discard"});
    expect_finished();
    expect_equal_rows("gated");
}

TEST_F(CloneRows, DiscardRemovesWhatWasCreated) {
    make_gated("\"Odd \"\"table; --\"");
    source.run(R"(
        CREATE SCHEMA "My schema";
        CREATE TYPE "My schema".mood AS ENUM ('bad', 'good');
        CREATE TYPE pair AS (a int, b "My schema".mood);
        CREATE TYPE span AS RANGE (subtype = int);
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE FUNCTION add(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2';
        CREATE PROCEDURE nothing() LANGUAGE sql AS '';
        CREATE AGGREGATE total(int) (SFUNC = add, STYPE = int);
        CREATE AGGREGATE rows(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
        CREATE PROCEDURE twice(IN a int, OUT b int) LANGUAGE sql AS 'SELECT 2 * $1';
        CREATE PROCEDURE twice(IN a int, IN b int) LANGUAGE sql AS '';
        CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler;
        CREATE TABLE zzz (a int) USING heap_too;
        SELECT lo_from_bytea(4242, '\xdead');
        CREATE OPERATOR @+@ (LEFTARG = int, RIGHTARG = int, FUNCTION = add);
        CREATE OPERATOR FAMILY own USING btree;
        CREATE OPERATOR CLASS own FOR TYPE int USING btree FAMILY own AS
            OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
            FUNCTION 1 btint4cmp(int, int);
        CREATE FUNCTION to_int(pair) RETURNS int LANGUAGE sql AS 'SELECT $1.a';
        CREATE CAST (pair AS int) WITH FUNCTION to_int(pair);
        CREATE COLLATION mine FROM "C";
        CREATE TEXT SEARCH CONFIGURATION mine (COPY = simple);
        CREATE FOREIGN DATA WRAPPER wrapper;
        CREATE SERVER server FOREIGN DATA WRAPPER wrapper;
        CREATE USER MAPPING FOR CURRENT_USER SERVER server;
        CREATE FOREIGN TABLE far (a int) SERVER server;
        CREATE TABLE parent (id serial PRIMARY KEY, mood "My schema".mood, pairs pair[]);
        CREATE TABLE child (also int GENERATED ALWAYS AS IDENTITY) INHERITS (parent);
        CREATE TABLE parts (a int) PARTITION BY RANGE (a);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (9);
        CREATE VIEW view AS SELECT total(id) FROM parent;
        CREATE MATERIALIZED VIEW materialized AS SELECT * FROM view;
        CREATE VIEW rule AS SELECT 1 AS a;
        INSERT INTO parent (mood) VALUES ('good'))");
    target.run("CREATE TABLE own (a int); INSERT INTO own VALUES (1)");
    const auto before = target.value(traces);
    close_gate();
    const auto program = start(words({"--allow-non-empty"}));
    ASSERT_TRUE(waits_at_gate());
    end(*program, SIGKILL);
    EXPECT_NE(target.value(traces), before);
    // The clone that follows fails.
    programs.replace("pg_dump", "[ \"$1\" = --version ] && exec $PROGRAM \"$@\"; exit 1");
    const auto outcome = backfill(words({"--discard", "--allow-non-empty"}));
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("the target is unchanged"));
    EXPECT_EQ(target.value(traces), before);
    EXPECT_EQ(target.value("SELECT a FROM own"), "1");
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_largeobject_metadata"), "0");
}

TEST_F(CloneRows, DiscardFailsIfOthersHaveCreatedSomethingInASchema) {
    make_gated();
    source.run("CREATE SCHEMA app; CREATE TABLE app.cloned (a int)");
    close_gate();
    const auto program = start(words());
    ASSERT_TRUE(waits_at_gate());
    end(*program, SIGKILL);
    target.run("CREATE TABLE app.own AS SELECT 1 AS a");
    const auto outcome = backfill(words({"--discard"}));
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("cannot drop schema app"), HasSubstr("app.own")));
    EXPECT_EQ(target.value("SELECT a FROM app.own"), "1");
    target.run("DROP TABLE app.own");
    clone({"--discard"});
    expect_finished();
}

TEST_F(CloneRows, ARunWhoseCloneWasDiscardedLoadsNothing) {
    make_gated();
    close_gate();
    const auto stale = start(words());
    ASSERT_TRUE(waits_at_gate());
    stale->signal(SIGSTOP);
    target.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
               "current_database() AND application_name LIKE 'timescaledb-backfill%'");
    EXPECT_TRUE(eventually([&] { return target.sessions() == 0; }));
    source.run("UPDATE gated SET a = 2");
    const auto program = start(words({"--discard"}));
    ASSERT_TRUE(waits_at_gate());
    stale->signal(SIGCONT);
    const auto outcome = stale->wait();
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
    EXPECT_THAT(outcome.errors, HasSubstr("another clone-schema has"));
    open_gate();
    EXPECT_EQ(program->wait().exit_status, exit_done);
    expect_finished();
    EXPECT_EQ(target.value("SELECT string_agg(a::text, ',') FROM gated"), "2");
}

TEST_F(CloneRows, ATableThatHasBecomeAHypertableIsAnotherOne) {
    make_gated();
    source.run("CREATE TABLE soon (time timestamptz NOT NULL); INSERT INTO soon VALUES (now())");
    close_gate();
    const auto program = start(words({"--parallelism", "1"}));
    ASSERT_TRUE(waits_at_gate());
    end(*program, SIGKILL);
    EXPECT_THAT(clone_fails({"--create-hypertable", "soon.time"}, exit_usage),
                HasSubstr("other tables"));
    source.run("SELECT create_hypertable('soon', 'time', migrate_data => true)");
    EXPECT_THAT(clone_fails({}, exit_usage), HasSubstr("other tables"));
    clone({"--discard"});
    EXPECT_EQ(target.value("SELECT count(*) FROM ONLY soon"), "0");
}

TEST_F(CloneRows, RowsThatAreOlderThanAKeyAreLoadedAgain) {
    make_gated();
    source.run("CREATE TABLE parent (id int PRIMARY KEY);"
               "CREATE TABLE child (id int); INSERT INTO child VALUES (1)");
    close_gate();
    const auto program = start(words({"--parallelism", "4"}));
    ASSERT_TRUE(waits_at_gate());
    EXPECT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM __backfill_clone.table_load "
                            "WHERE ranges_left = 0") == "2";
    }));
    end(*program, SIGKILL);
    source.run("INSERT INTO parent VALUES (1); "
               "ALTER TABLE child ADD FOREIGN KEY (id) REFERENCES parent");
    // Tables that have got keys are loaded again only if they were loaded by different runs.
    const auto outcome = backfill(words());
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("violates foreign key"));
    clone();
    expect_finished();
    for (const auto* table : {"parent", "child"})
        expect_equal_rows(table);
}

// ---------------------------------------------------------------- indexes

/// The index that is the table's primary key; empty without one.
constexpr auto primary_key = "SELECT max(indexrelid::int) FROM pg_index JOIN pg_class ON "
                             "pg_class.oid = indrelid WHERE relname = 'item' AND indisprimary";

TEST_F(CloneRows, IndexesOfAllKindsAreBuilt) {
    source.run(R"(
        CREATE TABLE other (a int); INSERT INTO other VALUES (1);
        CREATE FUNCTION looks_up(int) RETURNS int LANGUAGE sql IMMUTABLE AS
            'SELECT $1 / count(*)::int FROM public.other';
        CREATE TABLE "it's" ("a""b" int, c text, d int4range, e int,
            CONSTRAINT "the key" PRIMARY KEY ("a""b") INCLUDE (c) WITH (fillfactor = 70),
            UNIQUE (c) DEFERRABLE INITIALLY DEFERRED, EXCLUDE USING gist (d WITH &&));
        INSERT INTO "it's" SELECT i, i, int4range(i, i + 1), i FROM generate_series(1, 100) i;
        CREATE UNIQUE INDEX "unique, too" ON "it's" (e DESC NULLS LAST, c COLLATE "C" text_pattern_ops);
        CREATE INDEX ON "it's" USING hash (c);
        CREATE INDEX looked_up ON "it's" (looks_up(e));
        CREATE INDEX partial ON "it's" (e) WHERE looks_up(e) > 0;
        COMMENT ON INDEX "unique, too" IS 'comment';
        ALTER TABLE "it's" CLUSTER ON "the key";
        ALTER TABLE "it's" ALTER e SET NOT NULL, ALTER c SET NOT NULL;
        ALTER TABLE "it's" REPLICA IDENTITY USING INDEX "unique, too";
        CREATE TABLE parts (a int, b int, PRIMARY KEY (a), UNIQUE (a, b)) PARTITION BY RANGE (a);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
        CREATE INDEX ON parts (b);
        INSERT INTO parts VALUES (1, 1))");
    clone();
    expect_finished();
    for (const auto* table : {"\"it's\"", "part"})
        expect_equal_rows(table);
}

TEST_F(CloneRows, IndexesAreBuiltWhileOtherRowsAreCopied) {
    make_gated();
    source.run("CREATE TABLE item (id int PRIMARY KEY, name text);"
               "INSERT INTO item SELECT i, i FROM generate_series(1, 1000) i;"
               "CREATE INDEX by_name ON item (name)");
    close_gate();
    const auto program = start(words({"--parallelism", "2"}));
    EXPECT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'item'") == "2";
    }));
    const auto key = target.value(primary_key);
    ASSERT_TRUE(waits_at_gate());
    end(*program, SIGKILL);

    // They stay as they are, unless they are others in the source now.
    close_gate();
    const auto again = start(words({"--parallelism", "2"}));
    ASSERT_TRUE(waits_at_gate());
    EXPECT_EQ(target.value(primary_key), key);
    end(*again, SIGKILL);
    source.run("DROP INDEX by_name; CREATE UNIQUE INDEX by_name ON item (name DESC)");
    EXPECT_THAT(clone(), Not(HasSubstr("\"item\"")));
    expect_finished();
    EXPECT_NE(target.value(primary_key), key);
    expect_equal_rows("item");
}

TEST_F(CloneRows, IndexesOfTablesThatAreLoadedAgainAreBuiltAgain) {
    make_gated();
    source.run("CREATE TABLE item (id int PRIMARY KEY);"
               "CREATE TABLE part_of (item int REFERENCES item UNIQUE);"
               "INSERT INTO item VALUES (1); INSERT INTO part_of VALUES (1);"
               "CREATE TABLE late (id int REFERENCES item, CHECK (public.passes(id)));"
               "INSERT INTO late VALUES (1)");
    close_gate();
    const auto program = start(words({"--parallelism", "4"}));
    EXPECT_TRUE(eventually([&] { return !target.value(primary_key).empty(); }));
    const auto key = target.value(primary_key);
    end(*program, SIGKILL);
    source.run("INSERT INTO item VALUES (2); INSERT INTO part_of VALUES (2)");
    clone();
    expect_finished();
    EXPECT_NE(target.value(primary_key), key);
    for (const auto* table : {"item", "part_of", "late", "gated"})
        expect_equal_rows(table);
}

TEST_F(CloneRows, RowsThatAreOlderThanAUniqueIndexAreLoadedAgain) {
    make_gated();
    source.run("CREATE TABLE item (id int PRIMARY KEY, name text);"
               "INSERT INTO item VALUES (1, 'same'), (2, 'same')");
    close_gate();
    const auto program = start(words({"--parallelism", "2"}));
    EXPECT_TRUE(eventually([&] { return !target.value(primary_key).empty(); }));
    end(*program, SIGKILL);
    source.run("DELETE FROM item WHERE id = 2; CREATE UNIQUE INDEX ON item (name)");
    const auto outcome = backfill(words());
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("cannot build the indexes of \"public\".\"item\""),
                                      HasSubstr("could not create unique index")));
    clone();
    expect_finished();
    expect_equal_rows("item");
}

TEST_F(CloneRows, IndexesWhoseCommitGotNoAnswerAreNotBuiltTwice) {
    source.run("CREATE TABLE item (id int PRIMARY KEY); INSERT INTO item VALUES (1)");
    clone_with_cuts("SET indexes",
                    [&](const Outcome& /*outcome*/) { target.run("DROP TABLE item"); });
}

// ---------------------------------------------------------------- a target with other things

TEST_F(CloneRows, TheTargetMayPublishAllTables) {
    make_gated();
    target.run("SET client_min_messages = error; CREATE PUBLICATION everything FOR ALL TABLES");
    clone();
    expect_finished();
    expect_equal_rows("gated");
}

// ---------------------------------------------------------------- a standby as the source

class CloneOfCrashes : public WithOwnServers<CloneRows> {
  protected:
    /// Crashes a server, and waits until it has recovered.
    static void crash(Database& side) {
        const auto writer = side.value("SELECT pid FROM pg_stat_activity "
                                       "WHERE backend_type = 'walwriter'");
        try {
            side.run(
                fmt::format("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; kill -KILL {}'", writer));
        } catch (const Error&) { // it has ended already
        }
        EXPECT_TRUE(eventually([&] {
            try {
                side.reconnect();
                return side.value("SELECT pid FROM pg_stat_activity "
                                  "WHERE backend_type = 'walwriter'") != writer;
            } catch (const postgres::ConnectionError&) {
                return false;
            }
        }));
    }

    /// Begins to clone, and returns when one table is copied, and another one has begun.
    std::unique_ptr<Program> begin() {
        make_large();
        make_gated();
        source.run("CREATE TABLE later AS SELECT 1 AS a");
        close_gate();
        auto program = start(words({"--parallelism", "1"}));
        EXPECT_TRUE(waits_at_gate());
        return program;
    }

    void expect_all_rows() {
        expect_finished();
        for (const auto* table : {"\"Large's\"", "gated", "later"})
            expect_equal_rows(table);
    }
};

TEST_F(CloneOfCrashes, TheTargetLosesNoRows) {
    const auto program = begin();
    crash(target); // which opens the gate
    const auto outcome = program->wait();
    if (outcome.exit_status != exit_done) { // rows whose transactions did not wait for the disk
        EXPECT_THAT(outcome.errors, HasSubstr("are not all copied"));
        clone();
    }
    expect_all_rows();
}

TEST_F(CloneOfCrashes, ANewSnapshotOfTheSourceIsTakenByTheNextRun) {
    const auto program = begin();
    crash(source);
    open_gate();
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("run the same command again to go on"));
    source.run("UPDATE later SET a = 2");
    EXPECT_THAT(clone(), AllOf(HasSubstr("copied earlier"),
                               HasSubstr("Copied \"public\".\"later\": 1 row")));
    expect_all_rows();
}

class CloneFromStandby : public WithStandby<CloneRows> {
  protected:
    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        CloneRows::SetUp();
    }
};

TEST_F(CloneFromStandby, RowsOfUnloggedTablesAreLeftOut) {
    source.run("CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged VALUES (1);"
               "CREATE TABLE logged (a int); INSERT INTO logged VALUES (1)");
    ASSERT_TRUE(wait_for_standby());
    way_to_source = standby->uri(source.name());
    EXPECT_THAT(clone(), HasSubstr("Left out the rows of \"public\".\"unlogged\": unlogged tables "
                                   "have no rows on a standby"));
    expect_finished();
    expect_equal_rows("logged");
    EXPECT_EQ(target.value("SELECT count(*) FROM unlogged"), "0");
}

} // namespace
} // namespace test
