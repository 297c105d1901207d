// Tests clone-schema by definitions: --portable, and between different versions, editions and
// schemas of TimescaleDB.

#include "support/clone_migration.hpp"
#include "support/role.hpp"
#include "support/with_own_servers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// All that TimescaleDB's views and catalog say about hypertables, aggregates and jobs, without IDs
/// and what versions show differently.
constexpr auto managed = R"(
    WITH cagg AS (
        SELECT view_schema, view_name, materialization_hypertable_schema AS schema,
               materialization_hypertable_name AS name
        FROM timescaledb_information.continuous_aggregates
    ), hypertable AS (
        SELECT id, coalesce(view_name, table_name) AS name, associated_schema_name,
               replace(associated_table_prefix, '_hyper_' || id, 'default') AS prefix
        FROM _timescaledb_catalog.hypertable h LEFT JOIN cagg ON cagg.name = h.table_name
        WHERE num_dimensions > 0
    )
    SELECT 'hypertable ' || format('%s.%s %s %s', hypertable_schema, hypertable_name,
                                   num_dimensions, compression_enabled)
    FROM timescaledb_information.hypertables
    UNION ALL
    SELECT 'chunks ' || format('%s %s %s', name, associated_schema_name, prefix) FROM hypertable
    UNION ALL
    SELECT 'dimension ' || (to_jsonb(d) - '{id,hypertable_id}'::text[])::text || name
           || row_number() OVER (PARTITION BY d.hypertable_id ORDER BY d.id)
    FROM _timescaledb_catalog.dimension d JOIN hypertable ON hypertable.id = d.hypertable_id
    UNION ALL
    SELECT 'columnstore ' || format('%s %s | %s | %s', coalesce(cagg.view_name, hypertable::text),
                                    segmentby, orderby, compress_interval_length)
    FROM timescaledb_information.hypertable_compression_settings
    LEFT JOIN cagg ON format('%I.%I', schema, name) = hypertable::text
    UNION ALL
    SELECT 'skipping ' || format('%s %s', name, column_name)
    FROM _timescaledb_catalog.chunk_column_stats s
    JOIN hypertable ON hypertable.id = s.hypertable_id
    WHERE chunk_id IS NULL OR chunk_id = 0
    UNION ALL
    SELECT 'aggregate ' || format('%s.%s of %s %s %s', a.view_schema, a.view_name,
                                  coalesce(below.view_name, a.hypertable_name), materialized_only,
                                  compression_enabled)
    FROM timescaledb_information.continuous_aggregates a
    LEFT JOIN cagg AS below ON below.name = a.hypertable_name
    UNION ALL
    SELECT 'bucket ' || name || (to_jsonb(b) - '{mat_hypertable_id,bucket_func}'::text[])::text
    FROM _timescaledb_catalog.continuous_aggs_bucket_function b
    JOIN hypertable ON hypertable.id = b.mat_hypertable_id
    UNION ALL
    SELECT 'view ' || format('%I.%I %s', view_schema, view_name, view_definition)
    FROM timescaledb_information.continuous_aggregates
    UNION ALL
    SELECT 'index ' || replace(pg_get_indexdef(indexrelid), cagg.name, cagg.view_name)
    FROM pg_index JOIN pg_class c ON c.oid = indrelid JOIN cagg ON c.relname = cagg.name
    UNION ALL
    SELECT 'job ' || (to_jsonb(j) - '{id,scheduled,hypertable_id,config,application_name,owner}'
                      ::text[]
                      -- before 2.27, such a policy can only be altered without its check
                      - CASE WHEN config ? 'drop_created_before' THEN '{check_schema,check_name}'
                             ELSE '{}' END::text[])::text
           || coalesce(hypertable.name, '')
           || coalesce((config - 'hypertable_id' - 'mat_hypertable_id')::text, '')
           || replace(replace(application_name, format(' [%s]', j.id), ''), 'Compression',
                      'Columnstore')
    FROM _timescaledb_config.bgw_job j LEFT JOIN hypertable ON hypertable.id = j.hypertable_id
    WHERE j.id >= 1000
    UNION ALL
    SELECT 'comment on column ' || description FROM pg_description
    WHERE objsubid > 0 AND classoid = 'pg_class'::regclass AND objoid > 16384)";

class ClonePortable : public CloneMigration {
  protected:
    using CloneMigration::CloneMigration;

    void SetUp() override { NEEDS_TARGET_NOT_OLDER(); }

    /// Hypertables of all kinds, with what the Apache edition has. The hypertables' names sort
    /// behind those of aggregates and views.
    void make_hypertables() {
        source.run(R"(
            CREATE SCHEMA "Odd "" schema; --";
            CREATE TYPE "Odd "" schema; --"."Enum 'x'" AS ENUM ('a', 'b;');
            CREATE TABLE z_device (id serial PRIMARY KEY, name text NOT NULL);
            INSERT INTO z_device (name) SELECT 'device ' || i FROM generate_series(1, 3) i;
            CREATE TABLE z_readings (time timestamptz NOT NULL, device int NOT NULL REFERENCES
                z_device, value float8, note text, twice float8 GENERATED ALWAYS AS (value * 2)
                STORED, UNIQUE (time, device));
            CREATE INDEX by_device ON z_readings (device, time DESC);
            SELECT create_hypertable('z_readings', 'time', chunk_time_interval =>
                interval '1 day', create_default_indexes => false);
            COMMENT ON TABLE z_readings IS 'it''s';
            COMMENT ON COLUMN z_readings.value IS 'a "value"';
            CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER touching BEFORE INSERT ON z_readings FOR EACH ROW
                EXECUTE FUNCTION touch();
            CREATE TABLE alarm (time timestamptz, device int, FOREIGN KEY (time, device)
                REFERENCES z_readings (time, device));
            INSERT INTO z_readings SELECT t, d, d, 'n' FROM generate_series('2024-01-01'::timestamptz,
                '2024-01-04 23:00', '1 hour') t, generate_series(1, 3) d;
            INSERT INTO alarm VALUES ('2024-01-02', 1);
            CREATE FUNCTION one_part(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
            CREATE TABLE "Odd "" schema; --"."T $$ .*" ("time ""x" timestamp NOT NULL, "space's" int
                NOT NULL, kind "Odd "" schema; --"."Enum 'x'" DEFAULT 'b;', part int NOT NULL,
                day date NOT NULL);
            SELECT create_hypertable('"Odd "" schema; --"."T $$ .*"', 'time "x', 'space''s', 3,
                chunk_time_interval => interval '12 hours');
            SELECT add_dimension('"Odd "" schema; --"."T $$ .*"', 'part', number_partitions => 2,
                partitioning_func => 'one_part');
            SELECT add_dimension('"Odd "" schema; --"."T $$ .*"', 'day', chunk_time_interval =>
                interval '30 days');
            CREATE TABLE z_ticks (tick smallint NOT NULL, x int);
            SELECT create_hypertable('z_ticks', 'tick', chunk_time_interval => 10,
                associated_schema_name => 'my chunks', associated_table_prefix => 'chunk of');
            INSERT INTO z_ticks SELECT generate_series(1, 45);
            CREATE FUNCTION "Now's"() RETURNS smallint LANGUAGE sql STABLE AS
                'SELECT coalesce(max(tick), 0::smallint) FROM public.z_ticks';
            SELECT set_integer_now_func('z_ticks', '"Now''s"');
            CREATE FUNCTION of_text(text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
                'SELECT timestamptz ''2024-01-01''';
            CREATE TABLE texts (t text NOT NULL);
            SELECT create_hypertable('texts', 't', chunk_time_interval => interval '1 day',
                time_partitioning_func => 'of_text');
            SET timescaledb.enable_chunk_skipping = on;
            SELECT enable_chunk_skipping('z_readings', 'device');
            CREATE VIEW latest AS SELECT device, max(time_bucket('1 hour', time)) FROM z_readings
                GROUP BY 1)");
    }

    /// What needs the Community edition.
    void make_community_objects() {
        source.run(R"(
            ALTER TABLE z_readings SET (timescaledb.compress, timescaledb.compress_segmentby =
                'device', timescaledb.compress_orderby = 'time DESC NULLS LAST, value',
                timescaledb.compress_chunk_time_interval = '2 days');
            ALTER TABLE "Odd "" schema; --"."T $$ .*" SET (timescaledb.compress,
                timescaledb.compress_segmentby = '"space''s"', timescaledb.compress_orderby =
                '"time ""x"');
            CREATE MATERIALIZED VIEW b_hourly WITH (timescaledb.continuous,
                timescaledb.materialized_only = false) AS
                SELECT time_bucket('1 hour', time) AS hour, device, avg(value) AS average, count(*)
                FROM z_readings GROUP BY 1, 2 WITH NO DATA;
            CREATE MATERIALIZED VIEW a_daily WITH (timescaledb.continuous,
                timescaledb.materialized_only = true) AS
                SELECT time_bucket('1 day', hour, 'Europe/Berlin') AS day, sum(count) FROM b_hourly
                GROUP BY 1 WITH NO DATA;
            ALTER MATERIALIZED VIEW b_hourly RENAME COLUMN average TO "Mean ""x";
            CREATE MATERIALIZED VIEW "Odd "" schema; --"."C's" WITH (timescaledb.continuous,
                timescaledb.create_group_indexes = false) AS
                SELECT time_bucket('2 days', r.time, origin => '2000-01-02 00:00+00'::timestamptz)
                       AS b, d.name, last(value, r.time)
                FROM z_readings r JOIN z_device d ON d.id = r.device GROUP BY 1, 2
                HAVING count(*) > 0 WITH NO DATA;
            CREATE MATERIALIZED VIEW of_ticks WITH (timescaledb.continuous) AS
                SELECT time_bucket(10::smallint, tick) AS b, count(*) FROM z_ticks GROUP BY 1
                WITH NO DATA;
            CREATE INDEX of_mean ON b_hourly ("Mean ""x", hour) WHERE device > 1;
            COMMENT ON VIEW b_hourly IS 'by hour';
            COMMENT ON COLUMN b_hourly.device IS 'it''s';
            ALTER MATERIALIZED VIEW b_hourly SET (timescaledb.compress,
                timescaledb.compress_segmentby = 'device', timescaledb.compress_orderby =
                'hour ASC');
            SELECT set_chunk_time_interval('b_hourly', interval '3 days');
            CREATE VIEW a_view AS SELECT day, sum FROM a_daily;
            CREATE MATERIALIZED VIEW a_names AS SELECT count(*) FROM a_view;
            CREATE UNIQUE INDEX a_names_idx ON a_names (count);
            CREATE VIEW a_top AS SELECT * FROM a_names)");
        source.run(R"(
            SELECT add_retention_policy('z_readings', interval '100 years', timezone =>
                'Europe/Berlin', initial_start => '2100-01-01 05:00+00');
            SELECT add_retention_policy('z_ticks', 100::smallint);
            SELECT add_retention_policy('texts', drop_created_before => interval '1 year');
            SELECT add_compression_policy('z_readings', interval '100 years', schedule_interval =>
                interval '3 hours');
            SELECT add_compression_policy('"Odd "" schema; --"."T $$ .*"',
                compress_created_before => interval '100 years');
            SELECT add_reorder_policy('z_readings', 'by_device');
            SELECT add_continuous_aggregate_policy('b_hourly', NULL, interval '1 day',
                interval '1 day');
            SELECT add_compression_policy('b_hourly', interval '100 years');
            SELECT add_retention_policy('b_hourly', interval '101 years');
            SELECT add_continuous_aggregate_policy('of_ticks', 100::smallint, 10::smallint,
                interval '1 day');
            SELECT alter_job(1000, max_runtime => interval '5 min', max_retries => 3,
                retry_period => interval '7 min', timezone => 'Europe/Berlin');
            SELECT alter_job(job_id, config => config || '{"maxchunks_to_compress": 4}')
            FROM timescaledb_information.jobs
            WHERE proc_name = 'policy_compression' AND hypertable_name = 'z_readings';
            CREATE PROCEDURE "Tidy's"(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';
            CREATE PROCEDURE "Tidy's"(text) LANGUAGE sql AS 'SELECT 1';
            CREATE FUNCTION check_tidy(config jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
            SELECT add_job('"Tidy''s"(int,jsonb)'::regprocedure::oid::regproc, interval '1 month',
                config => '{"a": [1.50, "it''s"], "hypertables": 1}', check_config => 'check_tidy',
                initial_start => '2100-01-01', timezone => 'Asia/Tokyo');
            SELECT add_job('"Tidy''s"(int,jsonb)'::regprocedure::oid::regproc, interval '1 day',
                fixed_schedule => false, scheduled => false))");
        if (!refuses_policies_of_hierarchies())
            source.run(policy_of_hierarchy);
    }

    static constexpr auto policy_of_hierarchy =
        "SELECT add_continuous_aggregate_policy('a_daily', interval '40 days', NULL, "
        "interval '1 month')";

    /// True of a target whose TimescaleDB cannot turn off such a policy.
    bool refuses_policies_of_hierarchies() {
        return version_at_least(2, 22) && !version_at_least(2, 23);
    }

    void expect_same_definitions() {
        EXPECT_THAT(differences(managed), IsEmpty());
        auto plain = differences(definitions);
        // Views of aggregates name their materialization hypertables.
        std::erase_if(plain, [](const std::string& row) {
            return row.starts_with("sequence _timescaledb_") ||
                   (row.starts_with("view ") &&
                    row.find("_materialized_hypertable_") != std::string::npos);
        });
        EXPECT_THAT(plain, IsEmpty());
    }

    void migrate_readings() {
        // With these, the Apache edition cannot copy rows without side effects.
        target.run("DROP TABLE alarm; DROP TRIGGER touching ON z_readings");
        migrate({"--until", "2024-01-05", "--filter", "z_readings"});
        backfill_ok({"verify"});
        expect_equal_rows("z_readings");
    }

    /// Copies hypertables and aggregates, refreshes and verifies.
    void migrate_everything() {
        migrate({"--until", "2024-01-05", "--filter", "z_readings|T .*|b_hourly|a_daily"});
        backfill_ok({"verify"});
        expect_equal_rows("z_readings");
        migrate({"--until", "100", "--filter", "z_ticks|of_ticks"});
        backfill_ok({"verify"});
        backfill_ok({"refresh-caggs"});
        for (const auto* aggregate : {"b_hourly", "a_daily", "of_ticks"})
            expect_equal_rows(aggregate);
    }
};

/// These tests have servers of their own, so that there are no roles of other tests.
class ClonePortableRoles : public WithOwnServers<ClonePortable> {};

// ---------------------------------------------------------------- everything

TEST_F(ClonePortable, WhatTimescaleDbManagesIsClonedByDefinitions) {
    NEEDS_COMMUNITY_EDITION();
    make_hypertables();
    make_community_objects();
    source.run("CALL refresh_continuous_aggregate('b_hourly', NULL, '2024-01-04')");
    source.run("CALL refresh_continuous_aggregate('a_daily', NULL, '2024-01-03')");
    source.run("CALL refresh_continuous_aggregate('of_ticks', NULL, NULL)");
    const auto output = clone({"--portable"});
    EXPECT_THAT(output, AllOf(HasSubstr("Cloning hypertables by their definitions: "),
                              HasSubstr("Defined hypertable \"public\".\"a_daily\""),
                              HasSubstr(" jobs turned off"), Not(HasSubstr("Made ")),
                              HasSubstr("the validation of the foreign key"),
                              Not(HasSubstr("public.alarm"))));
    expect_same_definitions();
    for (const auto* table : {"z_device", "alarm"})
        expect_equal_rows(table);
    EXPECT_EQ(target.value("SELECT count(*) FROM _timescaledb_catalog.chunk"), "0");
    const auto on = "SELECT count(*) FROM timescaledb_information.jobs "
                    "WHERE job_id >= 1000 AND scheduled";
    EXPECT_EQ(target.value(on), "0");
    migrate_everything();
    backfill_ok({"jobs", "enable"});
    EXPECT_EQ(target.value(on), source.value(on));
}

TEST_F(ClonePortable, HypertablesOfTheApacheEditionAreClonedByDefinitions) {
    make_hypertables();
    clone({"--portable"});
    expect_same_definitions();
    migrate_readings();
}

TEST_F(ClonePortable, AnotherVersionNeedsNoOption) {
    if (is_same_version())
        GTEST_SKIP() << "needs two TimescaleDB versions";
    make_hypertables();
    EXPECT_THAT(clone({"--dry-run"}),
                HasSubstr("Would clone hypertables by their definitions: the source has"));
    EXPECT_EQ(target.value("SELECT count(*) FROM timescaledb_information.hypertables"), "0");
    EXPECT_THAT(clone(), HasSubstr("by their definitions: the source has TimescaleDB"));
    expect_same_definitions();
}

TEST_F(ClonePortable, TheSameVersionRestoresTheCatalogUnlessTheOptionIsGiven) {
    NEEDS_SAME_VERSION();
    make_hypertables();
    EXPECT_THAT(clone({"--dry-run"}), Not(HasSubstr("by their definitions")));
    EXPECT_THAT(clone({"--dry-run", "--portable"}), HasSubstr("by their definitions: --portable"));
}

TEST_F(ClonePortable, SparseIndexesAreCloned) {
    NEEDS_COMMUNITY_EDITION();
    if (!version_at_least(source, 2, 22))
        GTEST_SKIP() << "needs TimescaleDB 2.22 or later";
    make_hypertables();
    source.run(
        "ALTER TABLE z_readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
        "'device', timescaledb.compress_orderby = 'time', timescaledb.compress_index = 'bloom(\"note\"),minmax(value)')");
    clone({"--portable"});
    EXPECT_THAT(differences("SELECT jsonb_path_query_array(index, '$[*] ? (@.source == "
                            "\"config\")') FROM _timescaledb_catalog.compression_settings "
                            "WHERE relid = 'z_readings'::regclass"),
                IsEmpty());
}

TEST_F(ClonePortable, NoSparseIndexesAreCloned) {
    NEEDS_COMMUNITY_EDITION();
    if (!version_at_least(source, 2, 22))
        GTEST_SKIP() << "needs TimescaleDB 2.22 or later";
    make_hypertables();
    source.run(
        "ALTER TABLE z_readings SET (timescaledb.compress, timescaledb.compress_orderby = 'time', "
        "timescaledb.compress_index = '')");
    clone({"--portable"});
    EXPECT_THAT(differences("SELECT index FROM _timescaledb_catalog.compression_settings "
                            "WHERE relid = 'z_readings'::regclass"),
                IsEmpty());
}

TEST_F(ClonePortable, JobsKeepTheirConfigurations) {
    NEEDS_COMMUNITY_EDITION();
    source.run("CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';"
               "SELECT add_job('tidy', '1 day', config => '{\"x\": 1, \"hypertable_id\": 5}');"
               "SELECT add_job('tidy', '2 days', config => '5')");
    clone({"--portable"});
    EXPECT_THAT(target.rows("SELECT config FROM timescaledb_information.jobs WHERE job_id >= 1000 "
                            "ORDER BY schedule_interval"),
                testing::ElementsAre("{\"x\": 1, \"hypertable_id\": 5}", "5"));
}

TEST_F(ClonePortable, NamedJobsKeepTheirNames) {
    NEEDS_COMMUNITY_EDITION();
    if (!version_at_least(source, 2, 20))
        GTEST_SKIP() << "needs TimescaleDB 2.20 or later";
    source.run("CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';"
               "SELECT add_job('tidy', interval '1 day', job_name => 'My ''job')");
    clone({"--portable"});
    EXPECT_THAT(differences(managed), IsEmpty());
}

TEST_F(ClonePortable, HypertablesByUuidAreCloned) {
    if (!version_at_least(source, 2, 22))
        GTEST_SKIP() << "needs TimescaleDB 2.22 or later";
    source.run(
        "CREATE TABLE events (id uuid PRIMARY KEY);"
        "SELECT create_hypertable('events', 'id', chunk_time_interval => interval '2 days')");
    clone({"--portable"});
    EXPECT_THAT(differences(managed), IsEmpty());
}

TEST_F(ClonePortable, PublishedTablesBecomeHypertables) {
    make_hypertables();
    source.run(
        "SET client_min_messages = error; CREATE PUBLICATION \"Some's\" FOR TABLE z_readings;"
        "COMMENT ON PUBLICATION \"Some's\" IS 'x'; CREATE PUBLICATION everything FOR ALL "
        "TABLES");
    clone({"--portable"});
    EXPECT_THAT(differences("SELECT pubname, puballtables, obj_description(oid, 'pg_publication'), "
                            "EXISTS (SELECT FROM pg_publication_rel WHERE prpubid = p.oid AND "
                            "prrelid = 'z_readings'::regclass) "
                            "FROM pg_publication p"),
                IsEmpty());
    expect_same_definitions();
}

TEST_F(ClonePortable, AfterAnErrorInTheLastStepTheSameCommandGoesOn) {
    NEEDS_COMMUNITY_EDITION();
    make_hypertables();
    make_community_objects();
    source.run("CREATE FUNCTION refuse(config jsonb) RETURNS void LANGUAGE plpgsql AS "
               "'BEGIN RAISE ''not today''; END';"
               "SELECT alter_job(job_id, check_config => NULL) FROM timescaledb_information.jobs "
               "WHERE job_id = 1000;"
               "UPDATE _timescaledb_config.bgw_job SET check_schema = 'public', check_name = "
               "'refuse' WHERE proc_name = 'Tidy''s'");
    const auto outcome = backfill(words({"--portable"}));
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("not today"), HasSubstr("--discard")));
    source.run("UPDATE _timescaledb_config.bgw_job SET check_schema = NULL, check_name = NULL "
               "WHERE proc_name = 'Tidy''s'");
    EXPECT_THAT(clone({"--portable"}), Not(HasSubstr("Copied")));
    expect_same_definitions();
}

// ---------------------------------------------------------------- another target

class ClonePortableSchemas : public ClonePortable {
  protected:
    ClonePortableSchemas() : ClonePortable(DatabaseOptions{.with_extension = false}, {}) {}
};

TEST_F(ClonePortableSchemas, TheExtensionMayBeInAnotherSchema) {
    Database other("BACKFILL_SOURCE");
    source.run(fmt::format("CREATE SCHEMA \"My ts\"; CREATE EXTENSION timescaledb SCHEMA \"My ts\" "
                           "VERSION '{}'",
                           other.value("SELECT extversion FROM pg_extension WHERE extname = "
                                       "'timescaledb'")));
    source.reconnect();
    source.run(fmt::format("ALTER DATABASE {} SET search_path = public, \"My ts\"", source.name()));
    source.reconnect();
    source.run("SET search_path = public, \"My ts\"");
    make_hypertables();
    if (is_community())
        make_community_objects();
    source.run("CREATE TABLE plain (t timestamptz, CHECK (time_bucket('1 day', t) > '2000-01-01'));"
               "CREATE FUNCTION old_bucket() RETURNS timestamptz LANGUAGE sql AS "
               "'SELECT \"My ts\".time_bucket(''1 day'', now())'");
    const auto output = clone();
    EXPECT_THAT(output,
                AllOf(HasSubstr("by their definitions: the source has TimescaleDB"),
                      HasSubstr("Left out the change of public.old_bucket(): its text names the "
                                "schema \"My ts\", and the target has TimescaleDB in "
                                "\"public\"")));
    target.run("INSERT INTO plain VALUES ('2024-01-01')");
    EXPECT_EQ(source.value("SELECT count(*) FROM latest"), "3");
    EXPECT_EQ(target.value("SELECT count(*) FROM latest"), "0");
    migrate_readings();
}

class ClonePortableIntoEmpty : public ClonePortable {
  protected:
    ClonePortableIntoEmpty() : ClonePortable({}, {.with_extension = false}) {}
};

TEST_F(ClonePortableIntoEmpty, TheExtensionIsCreatedInTheTargetsDefaultVersion) {
    make_hypertables();
    const auto version = "SELECT default_version FROM pg_available_extensions "
                         "WHERE name = 'timescaledb'";
    EXPECT_THAT(clone({"--portable"}), HasSubstr("Created the extension timescaledb"));
    target.reconnect();
    EXPECT_EQ(target.value("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"),
              target.value(version));
    expect_same_definitions();
}

TEST_F(ClonePortableIntoEmpty, AnInstalledOtherVersionIsUsed) {
    const auto others =
        target.rows(fmt::format("SELECT version FROM pg_available_extension_versions WHERE name = "
                                "'timescaledb' AND version <> '{}' AND version ~ '^2\\.(1[6-9]|2)'",
                                source.value("SELECT extversion FROM pg_extension WHERE extname = "
                                             "'timescaledb'")));
    if (others.empty())
        GTEST_SKIP() << "needs a server with another version of TimescaleDB";
    make_hypertables();
    target.run(fmt::format("CREATE EXTENSION timescaledb VERSION '{}'", others.front()));
    target.reconnect();
    EXPECT_THAT(clone(), HasSubstr("by their definitions"));
    expect_same_definitions();
}

TEST_F(ClonePortableRoles, TheOwnerOfTheDatabaseNeedsNoOtherPrivileges) {
    make_hypertables();
    if (is_community())
        make_community_objects();
    source.run("CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
               "CREATE EVENT TRIGGER \"Note;\" ON ddl_command_end EXECUTE FUNCTION note()");
    // Jobs of users keep their owners, whom the target's role must be a member of.
    if (is_community()) {
        EXPECT_EQ(source.value("SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name "
                               "= 'Tidy''s'"),
                  "2");
    }
    source.run("DELETE FROM _timescaledb_config.bgw_job WHERE proc_name = 'Tidy''s'");
    const Role role(target, "owner");
    target.run(fmt::format("ALTER DATABASE {} OWNER TO {}", target.name(), role.name()));
    way_to_target = role.uri();
    EXPECT_THAT(clone(), AllOf(HasSubstr("by their definitions: the target's role may not write"),
                               HasSubstr("Left out the event trigger \"Note;\": the target's role "
                                         "is no superuser")));
    expect_same_definitions();
    EXPECT_EQ(target.value("SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = "
                           "relnamespace WHERE nspname = 'public' AND relkind IN ('r', 'v', 'm') "
                           "AND pg_get_userbyid(relowner) <> '" +
                           role.name() +
                           "' AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND "
                           "deptype = 'e')"),
              "0");
    migrate_readings();
}

TEST_F(ClonePortableRoles, TheOwnerOfTheDatabaseMayCreateTheExtension) {
    make_hypertables();
    const Role role(target, "owner");
    target.run(fmt::format("ALTER DATABASE {} OWNER TO {}; DROP EXTENSION timescaledb",
                           target.name(), role.name()));
    way_to_target = role.uri();
    clone();
    target.reconnect();
    expect_same_definitions();
}

TEST_F(ClonePortableRoles, JobsKeepTheirOwnersAndPoliciesGetTheTargetsRole) {
    NEEDS_COMMUNITY_EDITION();
    const Role owner(source, "owner");
    source.run("CREATE TABLE readings (time timestamptz NOT NULL);"
               "SELECT create_hypertable('readings', 'time')");
    source.run(
        fmt::format("CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';"
                    "ALTER TABLE readings OWNER TO {0}; SET ROLE {0};"
                    "SELECT add_retention_policy('readings', interval '1 year');"
                    "SELECT add_job('tidy', interval '1 day', scheduled => false); RESET ROLE",
                    owner.name()));
    EXPECT_THAT(clone_fails({"--portable"}), HasSubstr("(job 1001)"));
    clone({"--portable", "--roles"});
    EXPECT_THAT(target.rows("SELECT proc_name, owner FROM timescaledb_information.jobs "
                            "WHERE job_id >= 1000 ORDER BY 1"),
                ElementsAre("policy_retention|" + target.value("SELECT current_user"),
                            "tidy|" + owner.name()));
    source.run("SELECT delete_job(1001)");
    target.run("SELECT delete_job(job_id) FROM timescaledb_information.jobs "
               "WHERE proc_name = 'tidy'");
}

// ---------------------------------------------------------------- what the target cannot have

/// The target is a server without the Community edition.
class CloneToApache : public ClonePortable {
  protected:
    static void SetUpTestSuite() {
        if (TemporaryServer::is_available())
            server = std::make_unique<TemporaryServer>(
                ServerOptions{.configuration = "timescaledb.license = 'apache'"});
    }
    static void TearDownTestSuite() { server.reset(); }

    CloneToApache() : ClonePortable(nullptr, server.get()) {}

    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        if (!source.is_community())
            GTEST_SKIP() << "needs a source with the Community edition";
        ClonePortable::SetUp();
    }

    static inline std::unique_ptr<TemporaryServer> server;
};

TEST_F(CloneToApache, HypertablesAreClonedAndTheRestIsListed) {
    make_hypertables();
    make_community_objects();
    source.run("DROP VIEW a_view CASCADE");
    const auto expect_list = [](const std::string& output) {
        for (const auto* left_out : {"the columnstore of \"public\".\"z_readings\"",
                                     "the continuous aggregate \"Odd \"\" schema; --\".\"C's\"",
                                     "the continuous aggregate \"public\".\"a_daily\"",
                                     "job 1000 (policy_retention on \"public\".\"z_readings\")",
                                     "job 1010 (\"public\".\"Tidy's\")"})
            EXPECT_THAT(output, HasSubstr(fmt::format("Left out {}: the target has the Apache "
                                                      "edition of TimescaleDB",
                                                      left_out)));
        EXPECT_THAT(output, Not(HasSubstr("hypertable \"public\".\"a_daily\"")));
    };
    expect_list(clone({"--dry-run"}));
    expect_list(clone());
    EXPECT_THAT(target.rows("SELECT hypertable_name FROM timescaledb_information.hypertables "
                            "ORDER BY 1"),
                ElementsAre("T $$ .*", "texts", "z_readings", "z_ticks"));
    migrate_readings();
}

TEST_F(CloneToApache, ViewsOnAggregatesAreRefused) {
    make_hypertables();
    make_community_objects();
    EXPECT_THAT(clone_fails(), AllOf(HasSubstr("view public.a_view"),
                                     HasSubstr("the target has the Apache edition")));
}

TEST_F(ClonePortable, WhatCannotBeClonedIsListedBeforeAnyChange) {
    NEEDS_COMMUNITY_EDITION();
    make_hypertables();
    make_community_objects();
    source.run(R"(
        INSERT INTO _timescaledb_catalog.tablespace (hypertable_id, tablespace_name)
            SELECT id, 'My "space' FROM _timescaledb_catalog.hypertable
            WHERE table_name = 'z_readings';
        UPDATE _timescaledb_config.bgw_job SET proc_name = 'policy_of_the_future' WHERE id = 1000)");
    const auto expect_list = [](const std::string& output) {
        EXPECT_THAT(output, AllOf(HasSubstr("Left out the tablespace \"My \"\"space\" of "
                                            "\"public\".\"z_readings\""),
                                  HasSubstr("Left out job 1000 (policy_of_the_future on "
                                            "\"public\".\"z_readings\")")));
    };
    const auto before = target.value(traces);
    expect_list(clone({"--portable", "--dry-run"}));
    EXPECT_EQ(target.value(traces), before);
    expect_list(clone({"--portable"}));
}

TEST_F(ClonePortable, APolicyThatCannotBeTurnedOffIsLeftOut) {
    NEEDS_COMMUNITY_EDITION();
    if (!refuses_policies_of_hierarchies())
        GTEST_SKIP() << "needs TimescaleDB 2.22";
    make_hypertables();
    make_community_objects();
    source.run(policy_of_hierarchy);
    EXPECT_THAT(clone({"--portable"}),
                HasSubstr("Left out job 1012 (policy_refresh_continuous_aggregate on "
                          "\"public\".\"a_daily\"): TimescaleDB 2.22 cannot turn off"));
}

TEST_F(ClonePortable, SettingsOfPoliciesThatBothVersionsHaveAreCloned) {
    NEEDS_COMMUNITY_EDITION();
    make_hypertables();
    make_community_objects();
    source.run("SELECT alter_job(job_id, config => config || '{\"include_tiered_data\": false, "
               "\"buckets_per_batch\": 7, \"compress_after_refresh\": true}') "
               "FROM timescaledb_information.jobs WHERE job_id = 1006");
    const auto output = clone({"--portable"});
    const auto config = target.value("SELECT config - 'mat_hypertable_id' FROM "
                                     "timescaledb_information.jobs WHERE config ? "
                                     "'buckets_per_batch'");
    const auto without = "Left out the setting compress_after_refresh of job 1006";
    EXPECT_THAT(config, HasSubstr("\"include_tiered_data\": false"));
    if (version_at_least(2, 27)) {
        EXPECT_THAT(config, HasSubstr("\"compress_after_refresh\": true"));
        EXPECT_THAT(output, Not(HasSubstr(without)));
    } else {
        EXPECT_THAT(config, Not(HasSubstr("compress_after_refresh")));
        EXPECT_THAT(output, HasSubstr(without));
    }
}

TEST_F(ClonePortable, ObjectsThatNeedAnAggregateInAnotherWayAreRefused) {
    NEEDS_COMMUNITY_EDITION();
    make_hypertables();
    make_community_objects();
    const auto refused = [&](const std::string& kind, const std::string& object,
                             const std::string& definition) {
        source.run(fmt::format("CREATE {} {}{}", kind, object, definition));
        EXPECT_THAT(clone_fails({"--portable"}),
                    AllOf(HasSubstr("cannot clone: "), HasSubstr(object)));
        source.run(fmt::format("DROP {} {}", kind, object));
    };
    refused("FUNCTION", "of_row", "(a_daily) RETURNS int LANGUAGE sql AS 'SELECT 1'");
    refused("TABLE", "rows_of", " (a a_daily[])");
    const auto materialized = source.value(
        "SELECT materialization_hypertable_name FROM timescaledb_information.continuous_aggregates "
        "WHERE view_name = 'a_daily'");
    refused("VIEW", "on_internal", " AS SELECT * FROM _timescaledb_internal." + materialized);
    clone({"--portable"});
}

TEST_F(ClonePortable, OldAggregatesAreRefused) {
    NEEDS_COMMUNITY_EDITION();
    make_hypertables();
    make_community_objects();
    source.run("UPDATE _timescaledb_catalog.continuous_aggs_bucket_function SET bucket_func = "
               "'timescaledb_experimental.time_bucket_ng(interval,timestamptz)' "
               "WHERE bucket_width = '01:00:00'");
    EXPECT_THAT(clone_fails({"--portable"}),
                AllOf(HasSubstr("\"public\".\"b_hourly\""), HasSubstr("time_bucket_ng()"),
                      HasSubstr("cagg_migrate_to_time_bucket")));
}

} // namespace
} // namespace test
