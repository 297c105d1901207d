// Tests clone-schema with PostgreSQL's client programs.

#include "base/exit_status.hpp"
#include "support/clone_migration.hpp"
#include "support/proxy.hpp"
#include "support/role.hpp"
#include "support/with_own_servers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// TimescaleDB's catalog of the database, except chunks.
constexpr auto catalog = R"(
    SELECT 'dimension ' || format('%I.%I %s %s %s %s', hypertable_schema, hypertable_name,
                                  column_name, time_interval, integer_interval, num_partitions)
    FROM timescaledb_information.dimensions
    UNION ALL
    SELECT 'compression ' || to_jsonb(s)::text
    FROM _timescaledb_catalog.compression_settings s WHERE relid IN
        (SELECT format('%I.%I', schema_name, table_name)::regclass
         FROM _timescaledb_catalog.hypertable)
    UNION ALL
    SELECT 'aggregate ' || format('%I.%I %s %s', view_schema, view_name, materialized_only,
                                  view_definition)
    FROM timescaledb_information.continuous_aggregates
    UNION ALL
    SELECT 'job ' || format('%s %s %s %s %s', job_id, proc_name, schedule_interval, config, owner)
    FROM timescaledb_information.jobs WHERE job_id >= 1000
    ORDER BY 1)";

class CloneSchema : public CloneMigration {
  protected:
    using CloneMigration::CloneMigration;

    void SetUp() override {
        NEEDS_SAME_VERSION();
        NEEDS_TARGET_NOT_OLDER();
    }

    void expect_same_schema() {
        EXPECT_THAT(differences(definitions), IsEmpty());
        EXPECT_THAT(differences(catalog), IsEmpty());
        EXPECT_EQ(target.value("SELECT count(*) FROM _timescaledb_catalog.chunk"), "0");
        EXPECT_EQ(target.value("SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = "
                               "(SELECT oid FROM pg_database WHERE datname = current_database())"),
                  "0");
    }

    /// \param arguments of clone-schema.
    void expect_not_valid_constraints_to_be_added_later(const std::vector<std::string>& arguments);

    /// Creates a hypertable with four days of rows, and plain tables.
    void make_readings() {
        source.run("CREATE TABLE device (id serial PRIMARY KEY, name text NOT NULL);"
                   "INSERT INTO device (name) SELECT 'device ' || i FROM generate_series(1, 3) i;"
                   "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL "
                   "REFERENCES device, value float8, twice float8 GENERATED ALWAYS AS (value * 2) "
                   "STORED, UNIQUE (time, device));"
                   "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval "
                   "'1 day')");
        source.run("INSERT INTO readings SELECT t, d, d FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t, "
                   "generate_series(1, 3) d");
    }

    /// Adds a space dimension, compression, aggregates, jobs, and unusual names.
    void make_community_objects() {
        source.run(R"(
            CREATE SCHEMA "Odd "" schema; --";
            CREATE TYPE "Odd "" schema; --"."Enum 'x'" AS ENUM ('a', 'b;');
            CREATE TABLE "Odd "" schema; --"."T $$ .*" ("time ""x" timestamp NOT NULL, "space's" int
                NOT NULL, kind "Odd "" schema; --"."Enum 'x'" DEFAULT 'b;');
            SELECT create_hypertable('"Odd "" schema; --"."T $$ .*"', 'time "x', 'space''s', 3,
                chunk_time_interval => interval '12 hours');
            INSERT INTO "Odd "" schema; --"."T $$ .*" SELECT t, i FROM
                generate_series('2024-01-01'::timestamp, '2024-01-03', '2 hours') t,
                generate_series(1, 5) i;
            CREATE TABLE elsewhere (tick bigint NOT NULL);
            SELECT create_hypertable('elsewhere', 'tick', chunk_time_interval => 10,
                associated_schema_name => 'my chunks', associated_table_prefix => 'chunk of');
            INSERT INTO elsewhere SELECT generate_series(1, 45);
            ALTER TABLE "Odd "" schema; --"."T $$ .*" SET (timescaledb.compress,
                timescaledb.compress_segmentby = '"space''s"');
            ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby =
                'device', timescaledb.compress_orderby = 'time DESC NULLS LAST'))");
        source.run("SELECT compress_chunk(c) FROM show_chunks('readings') c LIMIT 2");
        source.run("SELECT compress_chunk(c) FROM "
                   "show_chunks('\"Odd \"\" schema; --\".\"T $$ .*\"') c LIMIT 2");
        source.run("CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS SELECT "
                   "time_bucket('1 hour', time) AS hour, device, avg(value) FROM readings "
                   "GROUP BY 1, 2 WITH NO DATA");
        source.run("CALL refresh_continuous_aggregate('hourly', NULL, '2024-01-04')");
        source.run("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
                   "time_bucket('1 day', hour) AS day, count(*) FROM hourly GROUP BY 1 "
                   "WITH NO DATA");
        source.run("SELECT add_retention_policy('readings', interval '100 years');"
                   "SELECT add_compression_policy('readings', interval '100 years');"
                   "SELECT add_continuous_aggregate_policy('hourly', NULL, interval '1 day', "
                   "interval '1 day')");
    }
};

/// These tests have servers of their own, so that there are no roles of other tests.
class CloneRoles : public WithOwnServers<CloneSchema> {};

// ---------------------------------------------------------------- everything

TEST_F(CloneSchema, AMigrationFromCloneToVerifySucceeds) {
    make_readings();
    if (is_community())
        make_community_objects();
    source.run(R"(
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
        CREATE TRIGGER touching BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE VIEW latest AS SELECT device, max(time) FROM readings GROUP BY 1;
        CREATE MATERIALIZED VIEW names AS SELECT name FROM device;
        CREATE TABLE own_identity (id int GENERATED ALWAYS AS IDENTITY, value text);
        INSERT INTO own_identity (value) VALUES ('x'), (NULL);
        CREATE TABLE parts (a int NOT NULL) PARTITION BY RANGE (a);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
        INSERT INTO parts VALUES (1), (2))");
    const auto output = clone();
    expect_same_schema();
    for (const auto* table : {"device", "own_identity", "parts", "names"})
        expect_equal_rows(table);
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    EXPECT_THAT(output, HasSubstr("Copied \"public\".\"device\": 3 rows"));
    EXPECT_THAT(output, Not(HasSubstr("_timescaledb_")));
    // Dual-writes begin on the fifth day.
    both("INSERT INTO readings SELECT t, 1, 5 FROM generate_series('2024-01-05'::timestamptz, "
         "'2024-01-05 12:00', '1 hour') t");
    migrate({"--until", "2024-01-05", "--filter", "readings|T .*|hourly|daily"});
    if (is_community())
        migrate({"--until", "1000", "--filter", "elsewhere"});
    backfill_ok({"verify"});
    expect_equal();
    if (!is_community())
        return;
    target.run("SELECT compress_chunk(c, true) FROM show_chunks('readings') c");
    EXPECT_EQ(source.value("SELECT count(*) FROM readings"),
              target.value("SELECT count(*) FROM readings"));
    for (const auto* aggregate : {"hourly", "daily"}) {
        both(fmt::format("CALL refresh_continuous_aggregate('{}', NULL, NULL)", aggregate));
        expect_equal_rows(aggregate);
    }
}

TEST_F(CloneSchema, JobsAreOffUntilJobsEnable) {
    NEEDS_COMMUNITY_EDITION();
    make_readings();
    make_community_objects();
    source.run("SELECT alter_job(1001, scheduled => false)");
    const auto on = "SELECT job_id FROM timescaledb_information.jobs WHERE job_id >= 1000 AND "
                    "scheduled ORDER BY 1";
    const auto output = clone();
    EXPECT_THAT(target.rows(on), IsEmpty());
    EXPECT_THAT(output, AllOf(HasSubstr("Turned off job 1000 "), HasSubstr("Turned off job 1002 "),
                              Not(HasSubstr("job 1001 "))));
    backfill_ok({"jobs", "enable"});
    EXPECT_THAT(target.rows(on), ElementsAre("1000", "1002"));
}

TEST_F(CloneSchema, PoliciesThatTheServerChecksWithUserDefinedFunctionsAreCloned) {
    NEEDS_COMMUNITY_EDITION();
    source.run("CREATE TABLE ticks (tick bigint NOT NULL);"
               "SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 10);"
               "CREATE FUNCTION ticks_now() RETURNS bigint LANGUAGE sql STABLE AS "
               "'SELECT coalesce(max(tick), 0) FROM ticks';"
               "SELECT set_integer_now_func('ticks', 'ticks_now');"
               "CREATE TABLE events (time timestamptz NOT NULL);"
               "SELECT create_hypertable('events', 'time')");
    source.run("SELECT add_retention_policy('ticks', 100)");
    source.run("SELECT add_retention_policy('events', drop_created_before => interval '1 year', "
               "timezone => 'Europe/Berlin', initial_start => '2100-01-01')");
    EXPECT_THAT(clone(), HasSubstr("2 jobs"));
    const auto state = "SELECT scheduled, timezone FROM _timescaledb_config.bgw_job WHERE id >= "
                       "1000 ORDER BY id";
    EXPECT_THAT(target.rows(state), ElementsAre("f|NULL", "f|Europe/Berlin"));
    backfill_ok({"jobs", "enable"});
    EXPECT_THAT(target.rows(state), ElementsAre("t|NULL", "t|Europe/Berlin"));
}

TEST_F(CloneSchema, IntegerNowFunctionsRunWithTheSourcesSearchPath) {
    NEEDS_COMMUNITY_EDITION();
    source.run("CREATE SCHEMA \"The app\"; SELECT set_config('search_path', '\"The app\", public', "
               "false); CREATE TABLE ticks (tick bigint NOT NULL);"
               "SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 10);"
               "CREATE FUNCTION ticks_now() RETURNS bigint LANGUAGE sql STABLE AS "
               "'SELECT coalesce(max(tick), 0) FROM ticks';"
               "SELECT set_integer_now_func('ticks', 'ticks_now');"
               "SELECT add_retention_policy('ticks', 100);"
               "RESET search_path");
    const auto set_path = [](const Database& side) {
        return fmt::format("ALTER DATABASE {} SET search_path TO \"The app\", public", side.name());
    };
    source.run(set_path(source));
    const auto remedy = set_path(target);
    EXPECT_THAT(clone(),
                AllOf(HasSubstr("1 job"), HasSubstr("\"$user\", public; unless this is intended"),
                      HasSubstr(remedy)));
    EXPECT_EQ(backfill({"jobs", "enable"}).exit_status, exit_failed);
    target.run(remedy);
    backfill_ok({"jobs", "enable"});
}

TEST_F(CloneSchema, SettingsOfTheDatabaseAreListed) {
    const auto set_zone = [](const Database& side) {
        return fmt::format("ALTER DATABASE {} SET TimeZone = 'Asia/Tokyo'", side.name());
    };
    source.run(set_zone(source));
    target.run(set_zone(target));
    source.run(fmt::format("ALTER DATABASE {0} SET app.name = 'it''s = 5';"
                           "ALTER ROLE CURRENT_USER IN DATABASE {0} SET work_mem = '5MB'",
                           source.name()));
    EXPECT_THAT(clone(), AllOf(HasSubstr("Left out the setting app.name = 'it''s = 5': settings of "
                                         "databases are not cloned; ALTER DATABASE ... SET"),
                               HasSubstr("Left out the setting work_mem = '5MB' of the role "),
                               Not(HasSubstr("TimeZone"))));
}

TEST_F(CloneSchema, WhatBelongsToSingleChunksIsListed) {
    make_readings();
    // Chunks have the constant in another form.
    source.run("CREATE INDEX large ON readings (value) WHERE value > 3;"
               "ALTER TABLE readings ALTER value SET STATISTICS 200, ALTER value SET (n_distinct = "
               "3), SET (fillfactor = 90)");
    source.run("INSERT INTO readings VALUES ('2024-01-05', 1, 1)");
    const auto chunk = source.value("SELECT chunk FROM show_chunks('readings') AS chunk ORDER BY "
                                    "chunk::text LIMIT 1");
    // One index less does not hide another one.
    const auto lost =
        source.value(fmt::format("SELECT indexrelid::regclass FROM pg_index WHERE indrelid = "
                                 "'{}'::regclass AND indpred IS NOT NULL",
                                 chunk));
    const auto by_time =
        source.value(fmt::format("SELECT indexrelid::regclass FROM pg_index WHERE indrelid = "
                                 "'{}'::regclass AND indkey::text = '1'",
                                 chunk));
    source.run(fmt::format("DROP INDEX {2};"
                           "CREATE INDEX one ON {0} (value);"
                           "CREATE INDEX two ON {0} (device) WHERE value > 1;"
                           "CREATE STATISTICS both_columns ON device, value FROM {0};"
                           "COMMENT ON TABLE {0} IS 'the first';"
                           "COMMENT ON COLUMN {0}.value IS 'of the first';"
                           "ALTER TABLE {0} ALTER device SET STATISTICS 500;"
                           "ALTER TABLE {0} ALTER value SET (n_distinct = 4);"
                           "ALTER TABLE {0} SET (autovacuum_enabled = off);"
                           "ALTER TABLE {0} ADD CONSTRAINT few CHECK (value < 1000);"
                           "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
                           "'BEGIN RETURN NEW; END';"
                           "CREATE TRIGGER note BEFORE INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION "
                           "note();"
                           "CREATE RULE nothing AS ON DELETE TO {0} DO INSTEAD NOTHING;"
                           "CREATE POLICY own ON {0} USING (true);"
                           "ALTER TABLE {0} ENABLE ROW LEVEL SECURITY;"
                           "ALTER TABLE {0} CLUSTER ON one;"
                           "ALTER INDEX {3} SET (fillfactor = 50);"
                           "GRANT SELECT ON {0} TO PUBLIC;"
                           "COMMENT ON DATABASE {1} IS 'it''s ours'",
                           chunk, source.name(), lost, by_time));
    // pg_dump adds it to the publication although it is left out.
    const auto another =
        source.value("SELECT max(chunk::text) FROM show_chunks('readings') AS chunk");
    source.run(fmt::format("SET client_min_messages = error;"
                           "CREATE PUBLICATION of_chunk FOR TABLE {}, device",
                           another));
    if (is_community()) {
        source.run("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
                   "time_bucket('1 day', time), count(*) FROM readings GROUP BY 1 WITH NO DATA");
        source.run("CALL refresh_continuous_aggregate('daily', NULL, NULL)");
        source.run(fmt::format("COMMENT ON TABLE {} IS 'a day'",
                               source.value("SELECT show_chunks('daily')")));
    }
    const bool may_be_unlogged = version_at_least(source, 2, 23);
    if (may_be_unlogged)
        source.run(fmt::format("ALTER TABLE {} SET UNLOGGED", chunk));
    const auto of_readings = [](const std::string& what, const std::string& objects) {
        return HasSubstr(fmt::format(
            "Left out {} of single chunks of \"public\".\"readings\" ({}): "
            "chunks get what their hypertable has; change the target's chunks after copying",
            what, objects));
    };
    const auto output = clone();
    EXPECT_THAT(
        output,
        AllOf(of_readings("indexes", "_timescaledb_internal.one and 1 more"),
              of_readings("missing indexes", "public.large of " + chunk),
              of_readings("CLUSTER ON settings", "_timescaledb_internal.one"),
              of_readings("parameters of indexes", "fillfactor=50 of " + by_time),
              of_readings("statistics objects", "public.both_columns"),
              of_readings("comments", chunk + " and 1 more"),
              of_readings("settings of columns", fmt::format("device of {} and 1 more", chunk)),
              of_readings("storage parameters", "autovacuum_enabled=off of " + chunk),
              of_readings("constraints", "few of " + chunk),
              of_readings("triggers", "note of " + chunk),
              of_readings("rules", "nothing of " + chunk),
              of_readings("policies", "own of " + chunk), of_readings("row-level security", chunk),
              of_readings("privileges", chunk),
              of_readings("publications", "of_chunk of " + another),
              HasSubstr("Left out the comment 'it''s ours': comments of databases are not cloned; "
                        "COMMENT ON DATABASE")));
    if (may_be_unlogged) {
        EXPECT_THAT(output, of_readings("UNLOGGED", chunk));
    }
    if (is_community()) {
        // Nobody knows a materialization hypertable by its name.
        EXPECT_THAT(output,
                    HasSubstr("Left out comments of single chunks of \"public\".\"daily\" ("));
    }
}

TEST_F(CloneSchema, ChunksThatAreLikeTheirHypertableAreNotListed) {
    NEEDS_COMMUNITY_EDITION();
    make_readings();
    source.run("CREATE INDEX by_device ON readings (device, time);"
               "ALTER TABLE readings ENABLE ROW LEVEL SECURITY;"
               "SELECT add_reorder_policy('readings', 'by_device')");
    source.run("SELECT reorder_chunk(c, 'by_device') FROM show_chunks('readings') c LIMIT 1");
    ASSERT_NE(source.value("SELECT count(*) FROM pg_index WHERE indisclustered"), "0");
    EXPECT_THAT(clone(), Not(HasSubstr("of single chunks")));
}

TEST_F(CloneRoles, WhatDumpsDoNotHaveIsListed) {
    make_readings();
    const Role owner(source, "owner");
    source.run("SET client_min_messages = error");
    source.run(fmt::format(
        "GRANT CREATE ON DATABASE {0} TO {1}; SET ROLE {1}; CREATE EXTENSION citext; RESET ROLE;"
        "CREATE EXTENSION hstore VERSION '1.4';"
        "CREATE TABLE of_extension (a int PRIMARY KEY);"
        "ALTER EXTENSION citext ADD TABLE of_extension;"
        "CREATE PUBLICATION p FOR TABLE of_extension, device;"
        "REVOKE SELECT ON information_schema.tables FROM PUBLIC;"
        "GRANT SELECT (table_name) ON information_schema.tables TO {1};"
        "ALTER DATABASE {0} CONNECTION LIMIT 77;"
        "CREATE FUNCTION pg_catalog.our_own() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE TABLE doubled AS SELECT 1 AS a FROM generate_series(1, 2);"
        "SET allow_system_table_mods = on; INSERT INTO pg_shseclabel SELECT oid, "
        "'pg_database'::regclass, 'guard', 'secret' FROM pg_database WHERE datname = '{0}'",
        source.name(), owner.name()));
    source.run(fmt::format("CREATE TABLE parts (t date NOT NULL) PARTITION BY RANGE (t);"
                           "CREATE TABLE parts_1 PARTITION OF parts DEFAULT;"
                           "ALTER TABLE parts_1 OWNER TO {}",
                           owner.name()));
    EXPECT_ANY_THROW(source.run("CREATE UNIQUE INDEX CONCURRENTLY broken ON doubled (a)"));
    EXPECT_ANY_THROW(source.run("CREATE INDEX bad ON readings ((1 / (device - 1))) WITH "
                                "(timescaledb.transaction_per_chunk)"));
    source.run("CREATE TABLE of_device (id int REFERENCES device); ALTER TABLE of_device DISABLE "
               "TRIGGER ALL");
    const auto other = source.connect();
    other->execute(fmt::format("SET ROLE {0}; CREATE TEMPORARY TABLE passing (a int); GRANT SELECT "
                               "ON passing TO {0}; CREATE POLICY p ON passing TO {0}",
                               owner.name()));
    const auto output = clone({"--create-hypertable", "parts.t"});
    EXPECT_THAT(
        output,
        AllOf(
            HasSubstr(fmt::format("Left out the owner {} of extension citext: an extension "
                                  "belongs to the role that creates it; before cloning, CREATE "
                                  "EXTENSION as that role\n",
                                  owner.name())),
            HasSubstr(
                "Left out the publication p of public.of_extension: dumps do not publish what "
                "belongs to an extension; ALTER PUBLICATION ... ADD TABLE\n"),
            HasSubstr(
                "Left out the privileges of column table_name of view information_schema.tables "
                "and 1 more: "
                "dumps do not have privileges on information_schema; GRANT or REVOKE\n"),
            HasSubstr("Left out the connection limit 77: limits of databases are not cloned; "
                      "ALTER DATABASE ... CONNECTION LIMIT\n"),
            HasSubstr("Left out the definition of function our_own(): dumps do not have objects in "
                      "pg_catalog; create them in another schema\n"),
            HasSubstr(
                "Left out the index public.broken: it is invalid; before cloning, REINDEX INDEX "
                "or DROP INDEX in the source\n"),
            HasSubstr("Left out owners of single partitions of \"public\".\"parts\" "
                      "(public.parts_1): "),
            HasSubstr("Left out the index public.bad: it is invalid"),
            Not(HasSubstr("missing indexes")), Not(HasSubstr("pg_temp")),
            HasSubstr("Left out the disabled triggers of the foreign key of_device_id_fkey of "
                      "public.of_device: dumps do not have the state of foreign keys; ALTER "
                      "TABLE ... DISABLE TRIGGER ALL\n"),
            HasSubstr("Left out the version 1.4 of the extension hstore: dumps do not have "
                      "versions of extensions; before cloning, CREATE EXTENSION ... VERSION"),
            Not(HasSubstr("of the extension citext")),
            HasSubstr("Left out the security label 'secret': security labels of databases are "
                      "not cloned; SECURITY LABEL FOR guard ON DATABASE\n")));
    EXPECT_EQ(target.value("SELECT to_regproc('pg_catalog.our_own') IS NULL"), "t");
}

TEST_F(CloneSchema, TablespacesAndSubscriptionsAreListed) {
    if (major(source) < 15)
        GTEST_SKIP() << "needs allow_in_place_tablespaces";
    make_readings();
    const auto tablespace = source.name() + "_space";
    source.run("SET allow_in_place_tablespaces = on");
    source.run(fmt::format("CREATE TABLESPACE {} LOCATION ''", tablespace));
    source.run(fmt::format("CREATE TABLE placed (a int PRIMARY KEY) TABLESPACE {0};"
                           "CREATE INDEX placed_index ON placed (a) TABLESPACE {0};"
                           "SELECT attach_tablespace('{0}', 'readings')",
                           tablespace));
    source.run("CREATE SUBSCRIPTION ours CONNECTION 'dbname=nothing' PUBLICATION theirs WITH "
               "(connect = false, slot_name = NONE)");
    EXPECT_THAT(
        clone(),
        AllOf(HasSubstr(fmt::format("Left out the tablespace {} of public.placed and 2 more: "
                                    "tablespaces are not cloned; ALTER ... SET TABLESPACE\n",
                                    tablespace)),
              HasSubstr(fmt::format("Left out the tablespace {} of \"public\".\"readings\": "
                                    "tablespaces are not cloned; attach_tablespace()\n",
                                    tablespace)),
              HasSubstr("Left out the subscription ours: subscriptions are not cloned; CREATE "
                        "SUBSCRIPTION\n")));
    source.run("DROP SUBSCRIPTION ours");
    source.run("DROP TABLE placed; SELECT detach_tablespaces('readings')");
    source.run("DROP TABLESPACE " + tablespace);
}

TEST_F(CloneSchema, NothingIsListedOfChunksThatAreLikeTheirHypertable) {
    make_readings();
    source.run("ALTER TABLE readings DROP COLUMN twice");
    source.run("CREATE INDEX ON readings (lower(value::text)) WHERE value > 3;"
               "ALTER TABLE readings ADD CHECK (device > 0), ALTER value SET STATISTICS 200;"
               "GRANT SELECT ON readings TO PUBLIC; CREATE TRIGGER same BEFORE UPDATE ON readings "
               "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()");
    source.run("INSERT INTO readings VALUES ('2024-01-06', 1, 1)");
    if (is_community())
        make_community_objects();
    EXPECT_THAT(clone({"--dry-run"}), Not(HasSubstr("single chunks")));
}

TEST_F(CloneSchema, EventTriggersOfTheSourceAreClonedWithoutFiring) {
    make_readings();
    if (is_community()) {
        make_community_objects(); // because clone-schema creates temporary tables for jobs
    }
    source.run("CREATE MATERIALIZED VIEW names AS SELECT name FROM device;"
               "CREATE TABLE noted (tag text);"
               "CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS "
               "'BEGIN INSERT INTO public.noted VALUES (tg_tag); END';"
               "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
               "'BEGIN RAISE ''no % today'', tg_tag; END';"
               "CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION note();"
               "ALTER EVENT TRIGGER noting ENABLE ALWAYS;"
               "COMMENT ON EVENT TRIGGER noting IS 'of;\n\"all\"';"
               "CREATE EVENT TRIGGER \"Off; now\" ON sql_drop EXECUTE FUNCTION refuse();"
               "ALTER EVENT TRIGGER \"Off; now\" DISABLE;"
               "CREATE EVENT TRIGGER refusing ON ddl_command_start WHEN TAG IN ('CREATE TABLE', "
               "'CREATE SCHEMA', 'REFRESH MATERIALIZED VIEW') EXECUTE FUNCTION refuse()");
    clone();
    expect_same_schema();
    expect_equal_rows("names");
    EXPECT_EQ(target.value("SELECT count(*) FROM noted"), "0");
    EXPECT_THAT(differences("SELECT evtname, evtevent, evtenabled, evttags, evtfoid::regproc, "
                            "obj_description(oid, 'pg_event_trigger') FROM pg_event_trigger"),
                IsEmpty());
    target.run("CREATE VIEW another AS SELECT 1");
    EXPECT_THAT(target.rows("SELECT tag FROM noted"), ElementsAre("CREATE VIEW"));
}

TEST_F(CloneSchema, ViewsOnChunksAreRefusedBeforeAnyChange) {
    make_readings();
    const auto chunk = chunks_of(source, "readings").front();
    source.run(fmt::format("CREATE VIEW first_day AS SELECT * FROM {}", chunk));
    EXPECT_THAT(clone_fails(), AllOf(HasSubstr("cannot clone: "),
                                     HasSubstr("view public.first_day"), HasSubstr("_chunk")));
    source.run("DROP VIEW first_day");
    clone();
}

TEST_F(CloneRoles, MissingRolesOfPoliciesAreRefusedBeforeAnyChange) {
    make_readings();
    const Role role(source, "reader");
    source.run(fmt::format("CREATE POLICY own ON device TO {} USING (true)", role.name()));
    EXPECT_THAT(clone_fails(),
                AllOf(HasSubstr("cannot clone: "), HasSubstr(role.name()),
                      HasSubstr("policy own on public.device"), HasSubstr("--roles")));
    clone({"--roles"});
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_policy"), "1");
}

TEST_F(CloneSchema, OnlyChunksAreLeftOutRegardlessOfTheirNames) {
    make_readings();
    const auto chunk = source.value("SELECT table_name FROM (SELECT relname::text AS table_name "
                                    "FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid "
                                    "WHERE inhparent = 'readings'::regclass LIMIT 1) c");
    const auto like_a_chunk = chunk.substr(0, chunk.find_last_of('_')) + "9_chunk";
    source.run(fmt::format("CREATE TABLE _timescaledb_internal.\"{0}\" AS SELECT 1 AS a;"
                           "CREATE TABLE \"{0}\" AS SELECT 2 AS a;"
                           "ALTER TABLE _timescaledb_internal.\"{1}\" RENAME TO \"My (odd) $1 x\";"
                           "ALTER TABLE _timescaledb_internal.\"My (odd) $1 x\" SET SCHEMA public",
                           like_a_chunk, chunk));
    const auto output = clone();
    expect_same_schema();
    EXPECT_EQ(target.value(fmt::format("SELECT a FROM _timescaledb_internal.\"{}\"", like_a_chunk)),
              "1");
    EXPECT_EQ(target.value(fmt::format("SELECT a FROM public.\"{}\"", like_a_chunk)), "2");
    EXPECT_THAT(output, Not(HasSubstr("My (odd)")));
    migrate({"--until", "2024-01-05"});
    expect_equal_rows("readings");
}

TEST_F(CloneSchema, PatternsOfChunksMatchNothingElse) {
    make_readings();
    const auto tables =
        "SELECT relname FROM pg_class WHERE relname ~ '^_hyper.*a[_1]chunk' ORDER BY 1";
    source.run("CREATE TABLE _timescaledb_internal._hyper_1_a_chunk (a int);"
               "CREATE TABLE _timescaledb_internal._hyper_1_2a_chunk (a int);"
               "CREATE TABLE _timescaledb_internal._hyper_1_2_a1chunk (a int)");
    clone();
    EXPECT_THAT(target.rows(tables), ElementsAreArray(source.rows(tables)));
    expect_same_schema();
}

TEST_F(CloneSchema, DataThatLooksLikeADumpIsNotRewritten) {
    make_readings();
    source.run(R"(
        SET check_function_bodies = off;
        CREATE FUNCTION hostile() RETURNS text LANGUAGE sql AS $_$
-- Name: x; Type: TABLE; Schema: public; Owner: -
CREATE TABLE "public"."readings" (
COPY "public"."device" ("id") FROM stdin;
1
\.
SELECT $$COMMIT;$$ || E'\';' || 'CREATE SCHEMA "x";';
$_$;
        CREATE FUNCTION atomic() RETURNS int LANGUAGE sql
            BEGIN ATOMIC SELECT 1; SELECT ';'::text = $$x$$; SELECT 2; END;
        COMMENT ON TABLE device IS E'\n\\.\nCOMMIT; /* '' -- Data for Name: x\n\\restrict x';
        CREATE TABLE "COPY ""x"" FROM stdin;" ("FROM stdin;" text);
        INSERT INTO "COPY ""x"" FROM stdin;" VALUES (E'\\.'), (E'\n\\.\n'), (E'COMMIT;\n'), ('$$'),
            ('COPY "public"."device" ("id") FROM stdin;'), (E'\\restrict'), (''), (NULL);
        CREATE RULE two AS ON UPDATE TO device DO ALSO (SELECT ';'; SELECT 2))");
    clone();
    expect_same_schema();
    expect_equal_rows("\"COPY \"\"x\"\" FROM stdin;\"");
}

/// PostgreSQL checks a constraint that is NOT VALID for all rows that are inserted.
void CloneSchema::expect_not_valid_constraints_to_be_added_later(
    const std::vector<std::string>& arguments) {
    make_readings();
    source.run("ALTER TABLE readings ADD CONSTRAINT \"few's\" CHECK (value < 2) NOT VALID;"
               "COMMENT ON CONSTRAINT \"few's\" ON readings IS 'it''s new';"
               "ALTER TABLE device ADD CONSTRAINT short CHECK (length(name) < 5) NOT VALID");
    const bool has_not_null = major(source) >= 18; // as a constraint
    if (has_not_null) {
        source.run("INSERT INTO readings VALUES ('2024-01-03 00:30', 2, NULL);"
                   "ALTER TABLE readings ADD CONSTRAINT known NOT NULL value NOT VALID");
    }
    const auto output = clone(arguments);
    EXPECT_THAT(output,
                HasSubstr("Left out the constraint \"few's\" of \"public\".\"readings\": it is NOT "
                          "VALID, and copied rows may violate it; after copying, ALTER TABLE "));
    if (has_not_null) {
        EXPECT_THAT(output,
                    HasSubstr("Left out the constraint \"known\" of \"public\".\"readings\""));
    }
    EXPECT_EQ(target.value("SELECT string_agg(conname, ' ') FROM pg_constraint WHERE contype = 'c' "
                           "AND conrelid IN ('readings'::regclass, 'device'::regclass)"),
              "short");
    // The application writes to the chunk, so that it is not attached.
    for (auto* side : {&source, &target})
        side->run("INSERT INTO readings VALUES ('2024-01-01 00:30', 1, 1)");
    migrate({"--until", "2024-01-05"});
    expect_equal_rows("readings");
    const auto checked = backfill({"check"}).output;
    const std::string statement = "ALTER TABLE \"public\".\"readings\" ADD CONSTRAINT \"few's\" "
                                  "CHECK ((value < (2)::double precision)) NOT VALID";
    EXPECT_THAT(checked, HasSubstr("in the target, after copying: " + statement));
    if (has_not_null) {
        const std::string not_null = "ALTER TABLE \"public\".\"readings\" ADD CONSTRAINT \"known\" "
                                     "NOT NULL value NOT VALID";
        EXPECT_THAT(checked, HasSubstr("in the target, after copying: " + not_null));
        target.run(not_null);
    }
    target.run(statement + "; COMMENT ON CONSTRAINT \"few's\" ON readings IS 'it''s new'");
    EXPECT_THAT(differences("SELECT conname || pg_get_constraintdef(oid) || "
                            "coalesce(obj_description(oid, 'pg_constraint'), '') FROM "
                            "pg_constraint WHERE conrelid = 'readings'::regclass"),
                IsEmpty());
}

TEST_F(CloneSchema, NotValidConstraintsOfHypertablesAreAddedAfterCopying) {
    expect_not_valid_constraints_to_be_added_later({});
}

TEST_F(CloneSchema, NotValidConstraintsOfDefinedHypertablesAreAddedAfterCopying) {
    expect_not_valid_constraints_to_be_added_later({"--portable"});
}

TEST_F(CloneSchema, ForeignKeysToHypertablesWaitForTheirRows) {
    make_readings();
    source.run("CREATE TABLE alarm (time timestamptz, device int, CONSTRAINT \"of's\" FOREIGN KEY "
               "(time, device) REFERENCES readings (time, device));"
               "INSERT INTO alarm VALUES ('2024-01-02', 1)");
    EXPECT_THAT(clone(), HasSubstr("the validation of the foreign key \"of's\""));
    expect_same_schema();
    expect_equal_rows("alarm");
    const auto validated = "SELECT convalidated FROM pg_constraint WHERE conname = 'of''s'";
    EXPECT_EQ(target.value(validated), "f");
    // Copy the referenced chunk first, because on the Apache edition workers create chunks by rows.
    migrate({"--until", "2024-01-03", "--from", "2024-01-02"});
    migrate({"--until", "2024-01-05"});
    target.run("ALTER TABLE alarm VALIDATE CONSTRAINT \"of's\"");
}

// ---------------------------------------------------------------- options

TEST_F(CloneSchema, NoRelationalDataKeepsSequencesAndTheCatalog) {
    make_readings();
    clone({"--no-relational-data"});
    expect_same_schema();
    EXPECT_EQ(target.value("SELECT count(*) FROM device"), "0");
}

TEST_F(CloneRoles, DryRunReportsEverythingAndChangesNothing) {
    make_readings();
    if (is_community())
        make_community_objects();
    const Role role(source, "owner");
    const auto before = target.value(traces);
    const auto output = clone({"--dry-run", "--roles"});
    EXPECT_EQ(target.value(traces), before);
    EXPECT_THAT(output, AllOf(HasSubstr("Would run pg_dump and psql"),
                              HasSubstr("Would copy \"public\".\"device\""),
                              HasSubstr("Would define hypertable \"public\".\"readings\""),
                              HasSubstr("Left out ROLE \"postgres\"")));
    if (is_community()) {
        EXPECT_THAT(output, HasSubstr("Would turn off job 1000"));
    }
}

// ---------------------------------------------------------------- failures leave nothing

TEST_F(CloneSchema, ErrorsOfTheTargetAreReportedAndNothingIsLeft) {
    make_readings();
    target.run("CREATE TABLE device (a int)");
    EXPECT_THAT(clone_fails({"--allow-non-empty"}),
                AllOf(HasSubstr("psql failed"), HasSubstr("\"device\" already exists"),
                      HasSubstr("the target is unchanged")));
    target.run("DROP TABLE device");
    clone();
    expect_same_schema();
}

TEST_F(CloneSchema, WithoutRowsEverythingIsOneTransaction) {
    make_readings();
    source.run(fmt::format("CREATE FUNCTION here() RETURNS int LANGUAGE sql IMMUTABLE AS "
                           "'SELECT 1 / (current_database() = ''{}'')::int';"
                           "CREATE MATERIALIZED VIEW last AS SELECT public.here()",
                           source.name()));
    EXPECT_THAT(clone_fails({"--no-relational-data"}),
                AllOf(HasSubstr("division by zero"), HasSubstr("the target is unchanged")));
}

TEST_F(CloneSchema, ATruncatedDumpIsNotRestored) {
    make_readings();
    programs.replace("pg_dump", "[ \"$1\" = --version ] && exec $PROGRAM \"$@\"\n"
                                "$PROGRAM \"$@\" | sed '/^CREATE TABLE \"public\".\"device\"/q'\n"
                                "echo 'pg_dump: error: cut short' >&2; exit 1");
    EXPECT_THAT(clone_fails(), AllOf(HasSubstr("pg_dump failed"), HasSubstr("cut short")));
}

TEST_F(CloneSchema, SignalsRollBack) {
    make_readings();
    // pg_dump keeps running after the dump, so that nothing is committed.
    programs.replace("pg_dump", "[ \"$1\" = --version ] && exec $PROGRAM \"$@\"\n"
                                "$PROGRAM \"$@\"; touch \"${0%/*}/dumped\"\n"
                                "while kill -0 $PPID; do sleep 0.1; done 2>/dev/null");
    const auto restored = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in "
                          "transaction' AND datname = current_database()";
    const auto dumped = programs.folder() + "/dumped";
    for (const int signal : {SIGINT, SIGTERM, SIGKILL}) {
        SCOPED_TRACE(signal);
        const auto before = target.value(traces);
        const auto program = start(words());
        ASSERT_TRUE(eventually(
            [&] { return std::filesystem::exists(dumped) && target.value(restored) == "1"; }));
        std::filesystem::remove(dumped);
        program->signal(signal);
        const auto outcome = program->wait();
        EXPECT_EQ(outcome.exit_status, signal == SIGKILL ? 128 + SIGKILL : exit_interrupted)
            << outcome.errors;
        EXPECT_TRUE(eventually([&] { return target.sessions() == 0; }));
        EXPECT_EQ(target.value(traces), before);
    }
}

// ---------------------------------------------------------------- COMMIT without an answer

class UnansweredCommit : public CloneSchema {
  protected:
    void SetUp() override {
        CloneSchema::SetUp();
        make_readings();
        way_to_target = to_target.uri(target.uri());
    }

    /// The two transactions of psql.
    enum class Commit { of_tables = 1, of_the_rest = 2 };

    /// Cuts psql's connection when it commits, and a number of later connections.
    /// \param is_delivered true if the target still receives the COMMIT.
    void lose(Commit commit, Fault fault, bool is_delivered, int more = 0) {
        to_target.plan_at("COMMIT;", [=, this](int number) -> std::optional<FaultAt> {
            if (number != static_cast<int>(commit))
                return std::nullopt;
            is_lost_ = true;
            return FaultAt{fault, is_delivered};
        });
        to_target.plan([this, more](int /*number*/) mutable -> std::optional<FaultAfter> {
            if (!is_lost_ || more-- <= 0)
                return std::nullopt;
            return FaultAfter{Fault::cut, 0};
        });
    }

    /// Sends SIGINT to the program while it waits for psql's COMMIT.
    Outcome interrupt_at_commit(Program& program) {
        EXPECT_TRUE(eventually([&] { return is_lost_.load(); }));
        program.signal(SIGINT);
        return program.wait();
    }

    void expect_cloned(const Outcome& outcome) {
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
        EXPECT_THAT(outcome.errors, AllOf(HasSubstr("psql failed with exit status "),
                                          HasSubstr("but the target has committed: ")));
        EXPECT_THAT(outcome.output, HasSubstr("Copied \"public\".\"device\": 3 rows"));
        expect_same_schema();
        expect_equal_rows("device");
    }

    /// Expects that the error names a query, and that the query returns the result.
    void expect_in_doubt(const Outcome& outcome) {
        EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.errors;
        EXPECT_THAT(outcome.errors, HasSubstr("it is unknown whether the target has committed"));
        const auto query = outcome.errors.find("SELECT pg_xact_status(");
        ASSERT_NE(query, std::string::npos) << outcome.errors;
        EXPECT_EQ(target.value(outcome.errors.substr(query)), "committed");
    }

    static constexpr int all = 1'000'000; ///< connections

    Proxy to_target = Proxy::in_front_of(target.uri());

  private:
    std::atomic<bool> is_lost_ = false;
};

TEST_F(UnansweredCommit, ThatSucceededIsReportedAsDone) {
    lose(Commit::of_the_rest, Fault::cut, /*is_delivered=*/true, /*more=*/2);
    const auto outcome = backfill(words());
    EXPECT_THAT(outcome.errors, HasSubstr("; trying again"));
    expect_cloned(outcome);
}

TEST_F(UnansweredCommit, OfTheTablesThatSucceededIsFollowedByTheRows) {
    lose(Commit::of_tables, Fault::cut, /*is_delivered=*/true);
    expect_cloned(backfill(words()));
}

TEST_F(UnansweredCommit, OfTheRestThatWasNotReceivedIsRepeatedByTheNextRun) {
    lose(Commit::of_the_rest, Fault::lose_client, /*is_delivered=*/false);
    const auto outcome = backfill(words({"--retry-timeout", "20s"}));
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("psql failed with exit status 2: "),
                                      HasSubstr("run the same command again")));
    EXPECT_THAT(clone(), Not(HasSubstr("Copied")));
    expect_same_schema();
    expect_equal_rows("device");
}

TEST_F(UnansweredCommit, ThatWasNotReceivedIsRolledBack) {
    // The target waits for its lost client until its backend is terminated.
    lose(Commit::of_tables, Fault::lose_client, /*is_delivered=*/false);
    EXPECT_THAT(clone_fails({"--retry-timeout", "20s"}),
                AllOf(HasSubstr("psql failed with exit status 2; the target is unchanged: "),
                      HasSubstr("connection")));
    clone();
    expect_same_schema();
}

TEST_F(UnansweredCommit, ThatIsStillInProgressIsWaitedFor) {
    // With another application_name, the session is not found, and not terminated.
    programs.replace("psql", "PGAPPNAME=elsewhere exec $PROGRAM \"$@\"");
    const auto before = target.value(traces);
    lose(Commit::of_tables, Fault::lose_client, /*is_delivered=*/false);
    const auto program = start(words());
    ASSERT_TRUE(eventually([&] {
        return target.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND pid <> pg_backend_pid() AND query LIKE "
                            "'SELECT%pg_xact_status%'") == "1";
    }));
    EXPECT_FALSE(program->has_ended());
    target.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
               "current_database() AND application_name = 'elsewhere'");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("is still in progress in the target"),
                                      HasSubstr("the target is unchanged")));
    EXPECT_EQ(target.value(traces), before);
}

TEST_F(UnansweredCommit, ThatRemainsUnknownIsReported) {
    lose(Commit::of_the_rest, Fault::cut, /*is_delivered=*/true, all);
    expect_in_doubt(backfill(words({"--retry-timeout", "1s"})));
}

TEST_F(UnansweredCommit, ThatSucceededIsReportedAsDoneAfterAnInterrupt) {
    lose(Commit::of_the_rest, Fault::stall, /*is_delivered=*/true);
    expect_cloned(interrupt_at_commit(*start(words())));
}

TEST_F(UnansweredCommit, ThatRemainsUnknownAfterAnInterruptIsReported) {
    lose(Commit::of_the_rest, Fault::stall, /*is_delivered=*/true, all);
    expect_in_doubt(interrupt_at_commit(*start(words())));
}

// ---------------------------------------------------------------- requirements

TEST_F(CloneSchema, ATargetThatIsNotEmptyIsRefused) {
    make_readings();
    target.run("CREATE SCHEMA __backfill");
    target.run("DROP SCHEMA __backfill");
    for (const auto& [object, name] :
         {std::pair{"TABLE extra (a int)", "table public.extra"},
          std::pair{"VIEW extra AS SELECT 1", "view public.extra"},
          std::pair{"FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                    "function public.extra"},
          std::pair{"TYPE extra AS ENUM ('a')", "type public.extra"},
          std::pair{"SCHEMA extra", "schema extra"}}) {
        SCOPED_TRACE(object);
        target.run(fmt::format("CREATE {}", object));
        EXPECT_THAT(clone_fails({}, exit_usage),
                    AllOf(HasSubstr(name), HasSubstr("--allow-non-empty")));
        const std::string kind = std::string(object).substr(0, std::string(object).find(' '));
        if (kind != "SCHEMA")
            target.run(fmt::format("DROP {} extra", kind));
    }
    clone({"--allow-non-empty"}); // the empty schema does no harm
    expect_equal_rows("device");
}

TEST_F(CloneSchema, ProgramsOfUnsuitableVersionsAreRefused) {
    make_readings();
    programs.replace("pg_dump", "echo 'pg_dump (PostgreSQL) 99.1'");
    EXPECT_THAT(clone_fails(), AllOf(HasSubstr("99.1 in "), HasSubstr("postgresql-client-"),
                                     HasSubstr("--programs")));
    programs.replace("pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.1'");
    EXPECT_THAT(clone_fails(), HasSubstr("9.6.1 in "));
    programs.remove("pg_dump");
    EXPECT_THAT(clone_fails(), HasSubstr("cannot find pg_dump, pg_dumpall and psql of PostgreSQL"));
}

TEST_F(CloneSchema, MissingPrivilegesAreNamed) {
    make_readings();
    const Role reader(source, "reader");
    source.run("GRANT SELECT ON device TO " + reader.name());
    way_to_source = reader.uri();
    EXPECT_THAT(clone_fails(), AllOf(HasSubstr("may not read"), HasSubstr("\"readings\"")));
    source.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + reader.name() +
               "; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO " + reader.name() +
               "; SELECT lo_create(7)");
    EXPECT_THAT(clone_fails(),
                HasSubstr("may not read 1 large object; GRANT SELECT ON LARGE OBJECT"));
    way_to_source = source.uri();
    const Role restorer(target, "restorer");
    way_to_target = restorer.uri();
    EXPECT_THAT(clone_fails(),
                AllOf(HasSubstr("GRANT CREATE ON DATABASE"),
                      HasSubstr("GRANT CREATE ON SCHEMA public TO"), HasSubstr(restorer.name())));
    target.run(fmt::format("GRANT CREATE ON DATABASE {0} TO {1}; GRANT CREATE ON SCHEMA public TO "
                           "{1}",
                           target.name(), restorer.name()));
    EXPECT_THAT(clone(), HasSubstr("the target's role may not write to TimescaleDB's catalog"));
}

TEST_F(CloneRoles, PasswordsAreNotPassedAsArguments) {
    make_readings();
    const TextFile seen("seen");
    for (const auto* name : {"pg_dump", "pg_dumpall", "psql"})
        programs.replace(name, fmt::format("printf '%s\\n' \"$0\" \"$@\" >> '{}'\n"
                                           "[ \"$1\" = --version ] || printf '%s' \"$PGPASSWORD\" "
                                           ">> '{}.password'\nexec $PROGRAM \"$@\"",
                                           seen.path(), seen.path()));
    const Role role(source, "owner"); // its password is in pg_dumpall's output
    clone({"--roles"});
    const auto password = way_to_target.substr(way_to_target.find(':', 13) + 1);
    const auto secret = password.substr(0, password.find('@'));
    ASSERT_GT(secret.size(), 5U);
    EXPECT_THAT(seen.text(), AllOf(HasSubstr("psql"), Not(HasSubstr(secret))));
    EXPECT_EQ(run_shell(fmt::format("grep -q '{}' '{}.password'", secret, seen.path())), 0);
}

// ---------------------------------------------------------------- roles

TEST_F(CloneRoles, RolesAreClonedAndOmissionsAreReported) {
    make_readings();
    const Role owner(source, "owner");
    const Role group(source, "group");
    source.run(fmt::format("ALTER ROLE {0} SUPERUSER CREATEDB CONNECTION LIMIT 7;"
                           "ALTER ROLE {0} SET work_mem = '7MB'; GRANT {1} TO {0};"
                           "COMMENT ON ROLE {0} IS 'it''s'",
                           owner.name(), group.name()));
    if (is_community())
        source.run(
            fmt::format("CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE SQL AS "
                        "'SELECT 1'; SET ROLE {0};"
                        "SELECT add_job('tidy', interval '1 day', scheduled => false); RESET ROLE",
                        owner.name()));
    if (is_community()) {
        EXPECT_THAT(clone_fails(),
                    AllOf(HasSubstr(owner.name() + "\" (job 1000)"), HasSubstr("--roles")));
    }
    const auto output = clone({"--roles"});
    EXPECT_THAT(output, AllOf(HasSubstr(fmt::format("Left out ALTER ROLE \"{}\" WITH SUPERUSER",
                                                    owner.name())),
                              HasSubstr("Left out ROLE \"postgres\"")));
    const auto attributes =
        fmt::format("SELECT rolsuper, rolcreatedb, rolcanlogin, rolconnlimit, rolconfig, "
                    "pg_has_role(oid, '{1}', 'MEMBER'), shobj_description(oid, 'pg_authid') "
                    "FROM pg_roles WHERE rolname = '{0}'",
                    owner.name(), group.name());
    EXPECT_THAT(target.rows(attributes), ElementsAre("f|t|t|7|{work_mem=7MB}|t|it's"));
    // Passwords are cloned.
    EXPECT_EQ(target.value(fmt::format("SELECT rolpassword IS NOT NULL FROM pg_authid WHERE "
                                       "rolname = '{}'",
                                       owner.name())),
              "t");
    // The second time, all roles exist, and are not changed.
    target.run(fmt::format("ALTER ROLE {} CONNECTION LIMIT 8", owner.name()));
    const auto again = backfill_ok(words({"--roles", "--allow-non-empty", "--dry-run"}));
    EXPECT_THAT(again, HasSubstr(fmt::format(
                           "Left out ROLE \"{}\": it already exists in the target", owner.name())));
    if (is_community())
        source.run("SELECT delete_job(1000)");
}

TEST_F(CloneRoles, RolesAreClonedByARoleThatMayOnlyCreateRoles) {
    source.run("CREATE TABLE plain (a int)");
    const Role owner(source, "owner");
    source.run(fmt::format("ALTER ROLE {} CREATEDB CREATEROLE CONNECTION LIMIT 7", owner.name()));
    const Role other(source, "other");
    const Role cloner(target, "cloner");
    target.run(fmt::format("ALTER ROLE {1} CREATEROLE; GRANT ALL ON DATABASE {0} TO {1};"
                           "GRANT ALL ON SCHEMA public TO {1}",
                           target.name(), cloner.name()));
    way_to_target = cloner.uri();
    const auto output = clone({"--roles", "--portable"});
    const auto attributes = [&](const Role& role) {
        return target.value(fmt::format("SELECT concat_ws(' ', rolcanlogin, rolconnlimit, "
                                        "rolpassword IS NOT NULL, rolcreaterole) FROM pg_authid "
                                        "WHERE rolname = '{}'",
                                        role.name()));
    };
    EXPECT_EQ(attributes(owner), "t 7 t t");
    EXPECT_EQ(attributes(other), "t -1 t f");
    // Before PostgreSQL 16, who may create roles may let them create databases.
    if (major(target) >= 16) {
        EXPECT_THAT(output, HasSubstr(fmt::format("Left out ALTER ROLE \"{}\" WITH CREATEDB: the "
                                                  "target rejects it: ",
                                                  owner.name())));
    }
    EXPECT_THAT(output, Not(HasSubstr(fmt::format("Left out ALTER ROLE \"{}\"", other.name()))));
}

TEST_F(CloneRoles, PoliciesGetTheirHypertablesOwnerAndOtherJobsKeepTheirs) {
    NEEDS_COMMUNITY_EDITION();
    make_readings();
    const Role owner(source, "owner");
    source.run("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
               "time_bucket('1 day', time) AS day, count(*) FROM readings GROUP BY 1 "
               "WITH NO DATA");
    source.run(fmt::format(
        "CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE SQL AS 'SELECT 1';"
        "ALTER TABLE readings OWNER TO {0};"
        "ALTER MATERIALIZED VIEW daily OWNER TO {0};"
        "ALTER TABLE readings SET (timescaledb.compress);"
        "SELECT add_compression_policy('readings', interval '1 day');"
        "SELECT add_continuous_aggregate_policy('daily', NULL, interval '1 day', interval '1 day');"
        "SELECT alter_job(1001, scheduled => false);"
        "SET ROLE {0}; SELECT add_job('tidy', interval '1 day', config => '{{\"a\": [1.50]}}'); RESET ROLE",
        owner.name()));
    const auto owners = "SELECT job_id, owner FROM timescaledb_information.jobs "
                        "WHERE job_id >= 1000 ORDER BY 1";
    ASSERT_THAT(source.rows(owners), ElementsAre("1000|" + owner.name(), "1001|" + owner.name(),
                                                 "1002|" + owner.name()));
    EXPECT_THAT(clone_fails(), HasSubstr("(job 1002)"));
    clone({"--roles"});
    const auto ours = target.value("SELECT current_user");
    EXPECT_THAT(target.rows(owners),
                ElementsAre("1000|" + ours, "1001|" + ours, "1002|" + owner.name()));
    // Everything else about the jobs is equal, and the next job gets the next ID.
    EXPECT_THAT(differences("SELECT to_jsonb(job) - 'owner' - 'scheduled' "
                            "FROM _timescaledb_config.bgw_job AS job WHERE id >= 1000"),
                IsEmpty());
    EXPECT_EQ(target.value("SELECT add_job('tidy', interval '1 day')"), "1003");
    target.run(
        "INSERT INTO readings SELECT t, 1, 1 FROM generate_series('2024-01-01'::timestamptz, "
        "'2024-01-02', '1 hour') t");
    target.run("CALL run_job(1000)");
    EXPECT_EQ(target.value("SELECT count(*) > 0 FROM timescaledb_information.chunks "
                           "WHERE is_compressed"),
              "t");
    EXPECT_THAT(backfill_ok({"check", "--until", "2024-01-05"}),
                Not(HasSubstr("does not have the privileges")));
    source.run("SELECT delete_job(1002)");
}

/// What belongs to whom, and who may do what with it.
constexpr auto owners_and_privileges = R"(
    -- without the grantor, who may be another
    SELECT 'table ' || relname || ' ' || relowner::regrole || ' ' ||
           regexp_replace(coalesce(relacl::text, ''), '/[^,}]*', '', 'g')
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname IN ('public', 'plant') AND relkind IN ('r', 'v', 'm', 'S')
    UNION ALL
    SELECT 'column ' || attname || ' ' || attacl::text
    FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid >= 16384
    UNION ALL
    SELECT 'function ' || proname || ' ' || proowner::regrole || ' ' || coalesce(proacl::text, '')
    FROM pg_proc WHERE pronamespace = 'plant'::regnamespace
    UNION ALL
    SELECT 'schema ' || nspname || ' ' || nspowner::regrole || ' ' || coalesce(nspacl::text, '')
    FROM pg_namespace WHERE nspname IN ('public', 'plant', '_timescaledb_reports')
    UNION ALL
    SELECT 'statistics ' || stxname || ' ' || stxowner::regrole FROM pg_statistic_ext
    UNION ALL
    SELECT 'published ' || pubname || prrelid::regclass
    FROM pg_publication JOIN pg_publication_rel ON prpubid = pg_publication.oid
    UNION ALL
    SELECT 'new ' || defaclrole::regrole || ' ' || defaclobjtype::text || ' ' || defaclacl::text
    FROM pg_default_acl)";

class CloneOwnership : public CloneRoles {
  protected:
    void expect_cloned(std::vector<std::string> options) {
        const Role owner(source, "owner");
        const Role reader(source, "reader");
        make_objects(owner, reader);
        // Without these options, all that is lost is named.
        auto output = clone({"--dry-run"});
        EXPECT_THAT(
            output,
            AllOf(HasSubstr(fmt::format("Left out the owners \"{}\" (", owner.name())),
                  HasSubstr("; use --owners"), HasSubstr("Left out privileges: "),
                  HasSubstr("PUBLIC ("), HasSubstr(fmt::format("\"{}\" (", reader.name())),
                  HasSubstr("; use --privileges"), HasSubstr("default privileges on new "),
                  HasSubstr(fmt::format("Left out the setting search_path = 'plant' of the role {}",
                                        owner.name())),
                  HasSubstr("Left out the privilege CREATE of " + owner.name() +
                            ": privileges of databases are not cloned"),
                  HasSubstr("Left out the missing privilege TEMPORARY of PUBLIC: ")));
        options.insert(options.end(), {"--owners", "--privileges"});
        EXPECT_THAT(clone_fails(options),
                    AllOf(HasSubstr("the target lacks roles that the source's objects name: "),
                          HasSubstr(fmt::format("\"{}\" (", owner.name())),
                          HasSubstr(fmt::format("\"{}\" (", reader.name())), HasSubstr("--roles")));
        options.emplace_back("--roles");
        output = clone(options);
        EXPECT_THAT(output, AllOf(Not(HasSubstr("--owners")), Not(HasSubstr("--privileges"))));
        EXPECT_THAT(differences(owners_and_privileges), IsEmpty());
        if (!is_community())
            return forget_grants(owner);
        if (options.front() != "--portable" || version_at_least(2, 26)) {
            EXPECT_THAT(differences("SELECT proc_name, owner FROM timescaledb_information.jobs "
                                    "WHERE job_id >= 1000"),
                        IsEmpty());
        }
        // Roles can do in the target what they can do in the source.
        const auto as = [&](const std::string& role, const std::string& statement) {
            target.run("SET ROLE " + role);
            target.run(statement);
            target.run("RESET ROLE");
        };
        as(owner.name(), "CALL refresh_continuous_aggregate('daily', NULL, '2024-01-04')");
        as(owner.name(), "INSERT INTO readings VALUES ('2024-01-01', 1, 1)");
        as(owner.name(), "SELECT compress_chunk(c) FROM show_chunks('readings') c");
        as(reader.name(), "SELECT * FROM readings; SELECT day FROM daily");
        EXPECT_THROW(as(reader.name(), "SELECT count FROM daily"), std::exception);
        target.run("RESET ROLE");
        target.run("CALL run_job(1001)");
        forget_grants(owner);
    }

  private:
    /// Roles cannot be dropped as long as others have privileges that they granted.
    void forget_grants(const Role& owner) {
        source.run(fmt::format("REVOKE ALL ON unowned FROM {} CASCADE", owner.name()));
    }

    void make_objects(const Role& owner, const Role& reader) {
        make_readings();
        source.run("SET client_min_messages = error");
        source.run(fmt::format(
            "CREATE SCHEMA plant AUTHORIZATION {0}; CREATE TABLE plant.sites (id serial, name text);"
            "ALTER TABLE plant.sites OWNER TO {0};"
            "CREATE FUNCTION plant.secret() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            "REVOKE ALL ON FUNCTION plant.secret() FROM PUBLIC;"
            "CREATE FUNCTION plant.own() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            "ALTER FUNCTION plant.own() OWNER TO {0}; CREATE TABLE unowned (a int);"
            "GRANT INSERT ON unowned TO {0} WITH GRANT OPTION;"
            "SET ROLE {0}; GRANT INSERT ON unowned TO {1}; RESET ROLE;"
            "ALTER TABLE readings OWNER TO {0}; GRANT SELECT ON readings TO {1};"
            "GRANT USAGE ON SCHEMA plant TO {1}; GRANT SELECT (name) ON plant.sites TO {1};"
            "ALTER DEFAULT PRIVILEGES FOR ROLE {0} GRANT SELECT ON TABLES TO {1};"
            "ALTER DEFAULT PRIVILEGES IN SCHEMA plant GRANT EXECUTE ON FUNCTIONS TO {1};"
            "CREATE PUBLICATION \"p ADD TABLE ONLY x\" FOR TABLE unowned;"
            "CREATE SCHEMA _timescaledb_reports AUTHORIZATION {0};"
            "ALTER ROLE {0} IN DATABASE {2} SET search_path = plant;"
            "GRANT SELECT ON _timescaledb_catalog.dimension TO {1};"
            "GRANT CREATE ON DATABASE {2} TO {0}; REVOKE TEMPORARY ON DATABASE {2} FROM PUBLIC",
            owner.name(), reader.name(), source.name()));
        if (!is_community())
            return;
        source.run("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
                   "time_bucket('1 day', time) AS day, count(*) FROM readings GROUP BY 1 "
                   "WITH NO DATA");
        const auto materialization = source.value(
            "SELECT format('%I.%I', materialization_hypertable_schema, "
            "materialization_hypertable_name) FROM timescaledb_information.continuous_aggregates");
        source.run(fmt::format(
            "CREATE MATERIALIZED VIEW days AS SELECT day, count FROM daily;"
            "CREATE STATISTICS of_days ON day, count FROM days;"
            "CREATE STATISTICS of_daily ON day, count FROM {2};"
            "ALTER STATISTICS of_days OWNER TO {0}; ALTER STATISTICS of_daily OWNER TO {0};"
            "ALTER MATERIALIZED VIEW daily OWNER TO {0}; GRANT SELECT (day) ON daily TO {1};"
            "ALTER TABLE readings SET (timescaledb.compress);"
            "SET ROLE {0};"
            "SELECT add_compression_policy('readings', interval '100 years');"
            "SELECT add_continuous_aggregate_policy('daily', NULL, interval '1 day', interval "
            "'1 day'); RESET ROLE",
            owner.name(), reader.name(), materialization));
    }
};

TEST_F(CloneOwnership, IsClonedOnRequest) {
    expect_cloned({});
}

TEST_F(CloneOwnership, IsClonedByDefinitionsOnRequest) {
    expect_cloned({"--portable"});
}

TEST_F(CloneSchema, LongTextsThatLookLikeOwnersAreCloned) {
    source.run(
        fmt::format("CREATE TABLE t (x text); ALTER TABLE t ADD CHECK (x <> ' OWNER TO \"{}') "
                    "NOT VALID, ADD CHECK (x <> ' OWNER TO \"a\"') NOT VALID",
                    std::string(300000, 'a')));
    clone({"--owners", "--privileges"});
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass"),
              "2");
}

TEST_F(CloneOwnership, OfOtherRolesNeedsMembership) {
    make_readings();
    const Role owner(source, "owner");
    source.run(
        fmt::format("ALTER TABLE device OWNER TO {0}; CREATE SCHEMA plant AUTHORIZATION {0};"
                    "CREATE TABLE plant.sites (id int); ALTER TABLE plant.sites OWNER TO {0};"
                    "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
                    owner.name()));
    target.run(fmt::format("CREATE ROLE {}", owner.name()));
    const Role cloner(target, "cloner");
    target.run(fmt::format("GRANT ALL ON DATABASE {0} TO {1}; GRANT ALL ON SCHEMA public TO {1}",
                           target.name(), cloner.name()));
    way_to_target = cloner.uri();
    EXPECT_THAT(clone_fails({"--owners", "--portable"}),
                HasSubstr(fmt::format("cannot clone: the target's role may not give objects to "
                                      "\"{0}\"; GRANT \"{0}\" TO \"{1}\", or leave out --owners",
                                      owner.name(), cloner.name())));
    target.run(fmt::format("GRANT {0} TO {1}", owner.name(), cloner.name()));
    // What PostgreSQL refuses nevertheless is said, and all else is done.
    EXPECT_THAT(
        clone({"--owners", "--privileges", "--portable"}),
        AllOf(HasSubstr(fmt::format("Left out ALTER TABLE \"public\".\"device\" OWNER TO \"{}\": "
                                    "permission denied for schema public\n",
                                    owner.name())),
              HasSubstr("Left out privileges: no privileges could be revoked for \"plpgsql\"\n")));
    const auto owner_of = [&](const std::string& table) {
        return target.value(
            fmt::format("SELECT relowner::regrole FROM pg_class WHERE relname = '{}'", table));
    };
    EXPECT_EQ(owner_of("device"), cloner.name());
    EXPECT_EQ(owner_of("sites"), owner.name());
    target.run(fmt::format("REASSIGN OWNED BY {0} TO CURRENT_USER; DROP OWNED BY {0}; "
                           "DROP ROLE {0}",
                           owner.name()));
}

class CloneBetweenVersions : public CloneSchema {
  protected:
    void SetUp() override {
        if (major(target) >= major(source))
            GTEST_SKIP() << "needs a target whose PostgreSQL is older";
    }
};

TEST_F(CloneBetweenVersions, AnOlderPostgresIsRefused) {
    EXPECT_THAT(clone_fails(), HasSubstr("can only be restored into the same or a later version"));
}

// ---------------------------------------------------------------- into a database without
// TimescaleDB

class CloneIntoEmptyDatabase : public CloneSchema {
  protected:
    CloneIntoEmptyDatabase() : CloneSchema({}, {.with_extension = false}) {}

    void SetUp() override { NEEDS_TARGET_NOT_OLDER(); }
};

TEST_F(CloneIntoEmptyDatabase, TheExtensionIsCreatedInTheSourcesVersion) {
    make_readings();
    const auto version = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'";
    if (target.value(fmt::format("SELECT count(*) FROM pg_available_extension_versions WHERE name "
                                 "= 'timescaledb' AND version = '{}'",
                                 source.value(version))) == "0") {
        EXPECT_THAT(clone(), HasSubstr("by their definitions: the source has TimescaleDB"));
        target.reconnect();
        EXPECT_EQ(target.value("SELECT count(*) FROM timescaledb_information.hypertables"), "1");
        return;
    }
    EXPECT_THAT(clone({"--dry-run"}), HasSubstr("Would run in the target: CREATE "));
    EXPECT_THAT(target.rows(version), IsEmpty());
    clone();
    target.reconnect();
    EXPECT_EQ(source.value(version), target.value(version));
    expect_same_schema();
}

// ---------------------------------------------------------------- from PostgreSQL

class CloneFromPostgres : public CloneSchema {
  protected:
    CloneFromPostgres() : CloneSchema({.with_extension = false}) {}

    void SetUp() override {
        NEEDS_TARGET_NOT_OLDER();
        source.run(R"(
            CREATE TABLE device (id int PRIMARY KEY, name text);
            INSERT INTO device VALUES (1, 'a');
            CREATE TABLE metrics (time timestamptz, device int REFERENCES device, value float8);
            CREATE INDEX ON metrics (device, time);
            INSERT INTO metrics VALUES ('2024-01-01', 1, 1);
            CREATE SCHEMA "Odd";
            CREATE TABLE "Odd"."Parts" ("at "";x" date, device int, value int,
                PRIMARY KEY ("at "";x", device)) PARTITION BY RANGE ("at "";x");
            CREATE INDEX ON "Odd"."Parts" (value);
            CREATE TABLE "Odd".parts_1 PARTITION OF "Odd"."Parts" FOR VALUES FROM ('2024-01-01')
                TO ('2024-02-01') PARTITION BY HASH (device);
            CREATE TABLE "Odd"."parts_1 x" PARTITION OF "Odd".parts_1
                FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            CREATE TABLE "Odd".parts_2 PARTITION OF "Odd"."Parts" DEFAULT;
            INSERT INTO "Odd"."Parts" VALUES ('2024-01-03', 1, 1), ('2025-01-01', 2, 2);
            CREATE TABLE counters (tick bigint NOT NULL, value int);
            INSERT INTO counters VALUES (1, 1))");
    }

    /// The error of --create-hypertable.
    std::string refused(const std::string& text) {
        return clone_fails({"--create-hypertable", text}, exit_usage);
    }
};

TEST_F(CloneFromPostgres, PlainTablesAreClonedWithTheirRows) {
    clone();
    for (const auto* table :
         {"device", "metrics", "counters", "\"Odd\".\"Parts\"", "\"Odd\".\"parts_1 x\""})
        expect_equal_rows(table);
}

TEST_F(CloneFromPostgres, TablesBecomeHypertables) {
    source.run("CREATE TABLE alarm (at date, device int, FOREIGN KEY (at, device) REFERENCES "
               "\"Odd\".\"Parts\"); INSERT INTO alarm VALUES ('2024-01-03', 1);"
               "CREATE INDEX own ON \"Odd\".\"parts_1 x\" (value, device);"
               "ALTER TABLE \"Odd\".parts_2 ADD CONSTRAINT small CHECK (value < 9) NOT VALID, "
               "ALTER value SET NOT NULL, ALTER value SET DEFAULT 7");
    const auto output =
        clone({"--create-hypertable", "metrics.time:1 day", "--create-hypertable",
               "\"Odd\".\"Parts\".\"at \"\";x\"", "--create-hypertable", "tick:1000"});
    EXPECT_THAT(target.rows("SELECT format('%s.%s %s %s %s', hypertable_schema, hypertable_name, "
                            "column_name, time_interval, integer_interval) FROM "
                            "timescaledb_information.dimensions ORDER BY 1"),
                ElementsAre("Odd.Parts at \";x 7 days ", "public.counters tick  1000",
                            "public.metrics time 1 day "));
    EXPECT_THAT(output, AllOf(HasSubstr("Made \"Odd\".\"Parts\" a hypertable"),
                              HasSubstr("Copied \"public\".\"device\": 1 row"),
                              HasSubstr("Left out indexes of single partitions of "
                                        "\"Odd\".\"Parts\" (\"Odd\".own): "),
                              HasSubstr("Left out constraints of single partitions of "
                                        "\"Odd\".\"Parts\" (small of \"Odd\".parts_2): "),
                              HasSubstr("Left out NOT NULL constraints of single partitions of "
                                        "\"Odd\".\"Parts\" (value of \"Odd\".parts_2): "),
                              HasSubstr("Left out default values of single partitions of "
                                        "\"Odd\".\"Parts\" (value of \"Odd\".parts_2): "),
                              Not(HasSubstr("Copied \"public\".\"metrics\""))));
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'parts%'"), "0");
    expect_equal_rows("alarm");
    // The hypertables keep all properties of the tables, and accept rows.
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_indexes WHERE tablename IN ('metrics', "
                           "'Parts') AND schemaname IN ('public', 'Odd')"),
              "5")
        << "including those that TimescaleDB creates";
    target.run(
        "INSERT INTO \"Odd\".\"Parts\" VALUES ('2024-01-03', 1, 1), ('2025-01-01', 2, 2);"
        "INSERT INTO metrics VALUES ('2024-01-01', 1, 1); INSERT INTO counters VALUES (1, 1)");
    for (const auto* table : {"metrics", "counters", "\"Odd\".\"Parts\""})
        expect_equal_rows(table);
    EXPECT_THROW(target.run("INSERT INTO metrics VALUES ('2024-01-01', 99)"), Error);
}

TEST_F(CloneFromPostgres, ATableThatCannotBecomeAHypertableIsRefused) {
    source.run("CREATE TABLE parent (t timestamptz); CREATE TABLE child () INHERITS (parent);"
               "CREATE TABLE keyed (id int PRIMARY KEY, t2 timestamptz);"
               "CREATE TABLE texts (txt text, g date GENERATED ALWAYS AS ('2024-01-01') STORED);"
               "CREATE TABLE other (time timestamptz)");
    EXPECT_THAT(refused("time"), AllOf(HasSubstr("several tables"), HasSubstr("\"other\""),
                                       HasSubstr("\"metrics\"")));
    EXPECT_THAT(refused("nowhere"), HasSubstr("has no plain table with such a column"));
    EXPECT_THAT(refused("metrics.nowhere"), HasSubstr("no such table and column"));
    EXPECT_THAT(refused("public.metrics.x.time"), HasSubstr("takes [[SCHEMA.]TABLE.]COLUMN"));
    EXPECT_THAT(refused("metrics.time:soon"), HasSubstr("not 'soon'"));
    EXPECT_THAT(refused("metrics.time:-1 day"), HasSubstr("not '-1 day'"));
    EXPECT_THAT(refused("counters.tick"), HasSubstr("needs a chunk interval"));
    EXPECT_THAT(refused("counters.tick:1 day"),
                HasSubstr("must be a positive integer, not '1 day'"));
    EXPECT_THAT(refused("texts.txt"), HasSubstr("has the type text"));
    EXPECT_THAT(refused("texts.g"), HasSubstr("is generated"));
    EXPECT_THAT(refused("keyed.t2"), HasSubstr("not in the unique index \"keyed_pkey\""));
    EXPECT_THAT(refused("parent.t"), HasSubstr("inheritance"));
    EXPECT_THAT(refused("child.t"), HasSubstr("inheritance"));
    EXPECT_THAT(refused("\"Odd\".parts_2.\"at \"\";x\""),
                HasSubstr("is a partition; name the partitioned table"));
    EXPECT_THAT(
        clone_fails({"--create-hypertable", "tick:10", "--create-hypertable", "counters.tick:10"},
                    exit_usage),
        HasSubstr("twice"));
}

TEST_F(CloneSchema, PlainTablesOfASourceWithTimescaleDbBecomeHypertables) {
    make_readings();
    source.run("CREATE TABLE events (at timestamptz, device int REFERENCES device)");
    EXPECT_THAT(clone_fails({"--create-hypertable", "readings.time"}, exit_usage),
                HasSubstr("is already a hypertable"));
    source.run("CREATE TABLE echo (time timestamptz, device int, FOREIGN KEY (time, device) "
               "REFERENCES readings (time, device))");
    EXPECT_THAT(clone_fails({"--create-hypertable", "echo.time"}, exit_usage),
                HasSubstr("a foreign key connects it with another hypertable"));
    clone({"--create-hypertable", "events.at"});
    EXPECT_THAT(target.rows("SELECT hypertable_name FROM timescaledb_information.hypertables "
                            "ORDER BY 1"),
                ElementsAre("events", "readings"));
    target.run("INSERT INTO events VALUES ('2024-01-01', 1)");
    migrate({"--until", "2024-01-05", "--filter", "readings"});
    expect_equal_rows("readings");
}

} // namespace
} // namespace test
