// Tests how clone-schema defines single objects of TimescaleDB: dimensions, aggregates and jobs.

#include "support/clone_portable.hpp"
#include "support/role.hpp"
#include "support/with_own_servers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CloneDefinitions : public ClonePortable {
  protected:
    using ClonePortable::ClonePortable;

    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        ClonePortable::SetUp();
    }

    void make_readings() {
        source.run("CREATE TABLE readings (time timestamptz NOT NULL, device int, value float8);"
                   "SELECT create_hypertable('readings', 'time')");
    }

    void make_aggregate() {
        make_readings();
        source.run("CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS "
                   "SELECT time_bucket('1 hour', time) AS hour, device, max(value) AS top "
                   "FROM readings GROUP BY 1, 2 WITH NO DATA");
    }

    std::string materialized() {
        return source.value("SELECT format('%I.%I', materialization_hypertable_schema, "
                            "materialization_hypertable_name) "
                            "FROM timescaledb_information.continuous_aggregates");
    }

    std::vector<std::string> jobs_of_target() {
        return target.rows("SELECT proc_name, check_name FROM timescaledb_information.jobs "
                           "WHERE job_id >= 1000 ORDER BY 1, 2");
    }
};

class CloneDefinitionsRoles : public WithOwnServers<CloneDefinitions> {};

// ---------------------------------------------------------------- dimensions

TEST_F(CloneDefinitions, FunctionsOfDimensionsMayBeOverloaded) {
    source.run(R"(
        CREATE FUNCTION part(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';
        CREATE FUNCTION part(text, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 8';
        CREATE FUNCTION stamp(text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
            'SELECT timestamptz ''2024-01-01''';
        CREATE FUNCTION stamp(int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
            'SELECT timestamptz ''2025-01-01''';
        CREATE FUNCTION "Now"() RETURNS int LANGUAGE sql STABLE AS 'SELECT 100';
        CREATE FUNCTION "Now"(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1';
        CREATE TABLE ticks (tick int NOT NULL, part text);
        SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 10);
        SELECT add_dimension('ticks', 'part', number_partitions => 2,
            partitioning_func => 'part(anyelement)'::regprocedure::oid::regproc);
        SELECT set_integer_now_func('ticks', '"Now"()'::regprocedure::oid::regproc);
        CREATE TABLE texts (t text NOT NULL);
        SELECT create_hypertable('texts', 't', chunk_time_interval => interval '1 day',
            time_partitioning_func => 'stamp(text)'::regprocedure::oid::regproc))");
    clone({"--portable"});
    EXPECT_THAT(differences(managed), IsEmpty());
    target.run("INSERT INTO ticks VALUES (1, 'a'); INSERT INTO texts VALUES ('a')");
    EXPECT_EQ(target.value("SELECT _timescaledb_functions.to_timestamp(range_start) "
                           "FROM _timescaledb_catalog.dimension_slice s "
                           "JOIN _timescaledb_catalog.dimension d ON d.id = s.dimension_id "
                           "WHERE column_name = 't'"),
              target.value("SELECT timestamptz '2024-01-01 00:00+00'"));
}

TEST_F(CloneDefinitions, FunctionsOfDimensionsMayBeMissing) {
    source.run("CREATE FUNCTION now_of() RETURNS int LANGUAGE sql STABLE AS 'SELECT 100';"
               "CREATE FUNCTION part(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 7';"
               "CREATE TABLE ticks (tick int NOT NULL, part text);"
               "SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 10);"
               "SELECT set_integer_now_func('ticks', 'now_of'); DROP FUNCTION now_of");
    EXPECT_THAT(clone({"--portable", "--dry-run"}),
                HasSubstr("Left out the integer_now function \"public\".\"now_of\" of "
                          "\"public\".\"ticks\": it does not exist"));
    source.run("SELECT add_dimension('ticks', 'part', number_partitions => 2, "
               "partitioning_func => 'part'); DROP FUNCTION part");
    EXPECT_THAT(clone_fails({"--portable"}),
                HasSubstr("cannot clone \"public\".\"ticks\": the dimension \"part\" has a "
                          "partitioning function that does not exist"));
}

TEST_F(CloneDefinitions, DimensionsThatTheTargetLacksAreRefused) {
    if (!version_at_least(source, 2, 22) || version_at_least(2, 22))
        GTEST_SKIP() << "needs a source with TimescaleDB 2.22 or later and an earlier target";
    source.run("CREATE TABLE events (id uuid PRIMARY KEY); SELECT create_hypertable('events', "
               "'id')");
    EXPECT_THAT(clone_fails({"--dry-run"}),
                HasSubstr("cannot clone \"public\".\"events\": the dimension \"id\" has the type "
                          "uuid; the target has TimescaleDB"));
}

// ---------------------------------------------------------------- aggregates

TEST_F(CloneDefinitions, WhatFunctionsReadOfAggregatesIsCreatedAfterThem) {
    make_aggregate();
    source.run(R"(
        CREATE FUNCTION top() RETURNS float8 LANGUAGE sql STABLE AS
            'SELECT coalesce(max(top), 10) FROM public.hourly';
        CREATE FUNCTION below_top(float8) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN RETURN $1 < public."top"(); END';
        CREATE VIEW a_top AS SELECT top();
        CREATE MATERIALIZED VIEW a_materialized AS SELECT * FROM a_top;
        CREATE UNIQUE INDEX ON a_materialized (top);
        CREATE TABLE by_default (x float8 DEFAULT top());
        INSERT INTO by_default VALUES (1))");
    clone({"--portable"});
    EXPECT_EQ(target.value("SELECT top FROM a_materialized"), "10");
    expect_equal_rows("by_default");
}

/// pg_dump leaves them out if it dumps only some tables.
TEST_F(CloneDefinitions, StatisticsOfMaterializedViewsOnAggregatesAreCloned) {
    make_aggregate();
    source.run(R"(
        CREATE MATERIALIZED VIEW "Tops" AS SELECT * FROM hourly;
        CREATE STATISTICS "Of tops" (dependencies) ON hour, device FROM "Tops";
        ALTER STATISTICS "Of tops" SET STATISTICS 77;
        COMMENT ON STATISTICS "Of tops" IS 'it''s a comment')");
    clone({"--portable"});
    EXPECT_THAT(differences("SELECT pg_get_statisticsobjdef(oid), stxstattarget, "
                            "obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext"),
                IsEmpty());
}

TEST_F(CloneDefinitions, TablesThatAreComputedFromAggregatesAreRefused) {
    make_aggregate();
    source.run("CREATE FUNCTION below(float8) RETURNS bool LANGUAGE sql IMMUTABLE AS "
               "'SELECT $1 < coalesce(max(top), 10) FROM public.hourly'");
    const auto refused = [&](const std::string& description, const std::string& table) {
        source.run(table);
        EXPECT_THAT(clone_fails({"--portable"}),
                    AllOf(HasSubstr("cannot clone: "), HasSubstr(description)));
        source.run("DROP TABLE computed");
    };
    refused("constraint computed_x_check", "CREATE TABLE computed (x float8 CHECK (below(x)))");
    refused("default value for column y",
            "CREATE TABLE computed (x float8, y bool GENERATED ALWAYS AS (below(x)) STORED)");
    refused("index public.of_computed",
            "CREATE TABLE computed (x float8); CREATE INDEX of_computed ON computed (below(x))");
    refused("table public.computed",
            "CREATE TABLE computed (x float8) PARTITION BY LIST (below(x))");
    source.run("ALTER TABLE readings ADD CHECK (below(value))"); // it gets no rows
    clone({"--portable"});
}

TEST_F(CloneDefinitions, WhatWasAddedToMaterializationHypertablesIsCloned) {
    make_aggregate();
    source.run("CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
               "'BEGIN RETURN NEW; END'");
    source.run(fmt::format(R"(
        SELECT add_dimension('{0}', 'device', 4);
        CREATE UNIQUE INDEX "Un's" ON {0} (hour DESC, device) WITH (fillfactor = 50);
        CREATE INDEX partial ON {0} (device) WHERE top > 1;
        COMMENT ON INDEX _timescaledb_internal."Un's" IS 'it''s unique';
        COMMENT ON TABLE {0} IS 'materialized';
        COMMENT ON COLUMN {0}.device IS 'a column';
        ALTER TABLE {0} SET (fillfactor = 60, autovacuum_enabled = false);
        CREATE TRIGGER "Touching" BEFORE INSERT ON {0} FOR EACH ROW WHEN (NEW.device > 1)
            EXECUTE FUNCTION touch('x');
        COMMENT ON TRIGGER "Touching" ON {0} IS 'a trigger';
        CREATE STATISTICS "Both" ON hour, device FROM {0};
        ALTER STATISTICS "Both" SET STATISTICS 77;
        COMMENT ON STATISTICS "Both" IS 'both';
        ALTER TABLE {0} REPLICA IDENTITY FULL;
        CREATE POLICY everything ON {0} USING (true);
        SET client_min_messages = error;
        CREATE PUBLICATION published FOR TABLE {0};
        SELECT add_reorder_policy('{0}', 'Un''s'))",
                           materialized()));
    const auto output = clone({"--portable"});
    EXPECT_THAT(output,
                AllOf(HasSubstr("Left out the policy everything on table "),
                      HasSubstr("Left out the publication of table "),
                      HasSubstr("it was added to the materialization hypertable of "
                                "\"public\".\"hourly\"; create it in the target"),
                      HasSubstr("Left out job 1000 (policy_reorder on \"public\".\"hourly\"): "
                                "\"public\".\"hourly\" does not have its index")));
    source.run("SELECT delete_job(1000)");
    EXPECT_THAT(differences(managed), IsEmpty());
}

TEST_F(CloneDefinitions, ColumnstoresOfAggregatesNeedNoSegments) {
    make_aggregate();
    // Earlier versions choose the device.
    const auto none =
        version_at_least(source, 2, 25) ? "" : "timescaledb.compress_segmentby = '', ";
    source.run(fmt::format("ALTER MATERIALIZED VIEW hourly SET (timescaledb.compress, {}"
                           "timescaledb.compress_orderby = 'hour DESC, device')",
                           none));
    clone({"--portable"});
    EXPECT_THAT(differences(managed), IsEmpty());
}

TEST_F(CloneDefinitions, AggregatesMayHaveWindowFunctions) {
    if (!version_at_least(source, 2, 20))
        GTEST_SKIP() << "needs TimescaleDB 2.20 or later";
    make_readings();
    source.run("SET timescaledb.enable_cagg_window_functions = on;"
               "CREATE MATERIALIZED VIEW ranked WITH (timescaledb.continuous) AS "
               "SELECT time_bucket('1 hour', time) AS hour, device, max(value), rank() OVER "
               "(PARTITION BY time_bucket('1 hour', time) ORDER BY max(value)) "
               "FROM readings GROUP BY 1, 2 WITH NO DATA");
    if (!version_at_least(2, 20)) {
        EXPECT_THAT(clone_fails(), HasSubstr("cannot clone the window functions of the continuous "
                                             "aggregate \"public\".\"ranked\": the target has"));
        return;
    }
    clone({"--portable"});
    EXPECT_THAT(differences(managed), IsEmpty());
}

// ---------------------------------------------------------------- foreign keys

TEST_F(CloneDefinitions, ForeignKeysThatAreNotValidRemainSo) {
    make_readings();
    source.run("ALTER TABLE readings ADD UNIQUE (time, device);"
               "CREATE TABLE alarm (time timestamptz, device int);"
               "INSERT INTO alarm VALUES ('2024-01-01', 1);"
               "ALTER TABLE alarm ADD CONSTRAINT loose FOREIGN KEY (time, device) "
               "REFERENCES readings (time, device) NOT VALID");
    EXPECT_THAT(clone({"--portable"}), Not(HasSubstr("validation")));
    EXPECT_EQ(target.value("SELECT convalidated FROM pg_constraint WHERE conname = 'loose'"), "f");
    expect_equal_rows("alarm");
}

// ---------------------------------------------------------------- jobs

TEST_F(CloneDefinitions, RefreshPoliciesMayHaveNarrowRanges) {
    make_aggregate();
    const auto add = [&](const std::string& start, const std::string& end,
                         const std::string& narrow_start) {
        source.run(fmt::format("SELECT add_continuous_aggregate_policy('hourly', {}, {}, "
                               "interval '1 day')",
                               start, end));
        source.run(fmt::format("SELECT alter_job(job_id, config => config || "
                               "'{{\"start_offset\": \"{}\"}}') "
                               "FROM timescaledb_information.jobs WHERE job_id = "
                               "(SELECT max(job_id) FROM timescaledb_information.jobs)",
                               narrow_start));
    };
    add("NULL", "interval '3 hours'", "3:30");
    if (version_at_least(source, 2, 21)) {
        add("interval '3 hours'", "interval '1 hour'", "1:30");
        add("interval '1 hour'", "NULL", "0:30");
    }
    clone({"--portable"});
    EXPECT_THAT(differences(managed), IsEmpty());
}

TEST_F(CloneDefinitions, PoliciesAreAddedInTheOrderThatTheTargetRequires) {
    make_aggregate();
    source.run("ALTER MATERIALIZED VIEW hourly SET (timescaledb.compress, "
               "timescaledb.compress_segmentby = 'device');"
               "SELECT add_retention_policy('hourly', interval '100 years');"
               "SELECT add_continuous_aggregate_policy('hourly', interval '10 days', "
               "interval '1 hour', interval '1 day');"
               "SELECT add_compression_policy('hourly', interval '50 days')");
    clone({"--portable"});
    EXPECT_THAT(differences(managed), IsEmpty());
    source.run("SELECT delete_job(1001)"); // the refresh policy
    const auto left_out = "Left out job 1002 (policy_compression on \"public\".\"hourly\"): "
                          "TimescaleDB ";
    const auto output = clone({"--portable", "--dry-run", "--allow-non-empty"});
    if (version_at_least(2, 27))
        EXPECT_THAT(output, Not(HasSubstr(left_out)));
    else
        EXPECT_THAT(output, HasSubstr(left_out));
}

TEST_F(CloneDefinitions, JobsThatCannotRunAreListed) {
    source.run("CREATE PROCEDURE other(text) LANGUAGE sql AS 'SELECT 1';"
               "CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';"
               "CREATE FUNCTION check_it(config jsonb) RETURNS void LANGUAGE sql AS 'SELECT';"
               "SELECT add_job('other', interval '1 day');"
               "SELECT add_job('tidy', interval '1 day', check_config => 'check_it');"
               "DROP FUNCTION check_it");
    const auto output = clone({"--portable"});
    EXPECT_THAT(output, AllOf(HasSubstr("Left out job 1000 (\"public\".\"other\"): its procedure "
                                        "does not exist with the arguments (integer, jsonb)"),
                              HasSubstr("Left out the check \"public\".\"check_it\" of job 1001 "
                                        "(\"public\".\"tidy\"): it does not exist")));
    EXPECT_THAT(jobs_of_target(), ElementsAre("tidy|NULL"));
}

TEST_F(CloneDefinitions, PoliciesWhoseIndexWasDroppedAreListed) {
    make_readings();
    source.run("CREATE INDEX by_device ON readings (device);"
               "SELECT add_reorder_policy('readings', 'by_device'); DROP INDEX by_device");
    EXPECT_THAT(clone({"--portable"}),
                HasSubstr("Left out job 1000 (policy_reorder on \"public\".\"readings\"): "
                          "\"public\".\"readings\" does not have its index"));
}

TEST_F(CloneDefinitionsRoles, OwnersOfJobsNeedNotUseSchemas) {
    const Role owner(source, "owner");
    source.run("CREATE SCHEMA app;"
               "CREATE PROCEDURE app.tidy(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';"
               "CREATE FUNCTION app.check_it(config jsonb) RETURNS void LANGUAGE sql AS 'SELECT'");
    source.run(fmt::format("GRANT USAGE ON SCHEMA app TO {0}; SET ROLE {0}; SELECT add_job("
                           "'app.tidy', interval '1 day', config => '{{}}', check_config => "
                           "'app.check_it'); RESET ROLE",
                           owner.name()));
    clone({"--portable", "--roles"});
    EXPECT_THAT(target.rows("SELECT proc_name, check_name, owner FROM "
                            "timescaledb_information.jobs WHERE job_id >= 1000"),
                ElementsAre("tidy|check_it|" + owner.name()));
    EXPECT_EQ(target.value(
                  fmt::format("SELECT has_schema_privilege('{}', 'app', 'USAGE')", owner.name())),
              "f");
    target.run("SELECT delete_job(job_id) FROM timescaledb_information.jobs WHERE job_id >= 1000");
    source.run(fmt::format("ALTER ROLE {} NOLOGIN", owner.name()));
    target.run(fmt::format("ALTER ROLE {} NOLOGIN; DROP SCHEMA app CASCADE", owner.name()));
    EXPECT_THAT(clone_fails({"--portable"}), HasSubstr("may not log in"));
    source.run(
        fmt::format("SELECT delete_job(1000); REVOKE USAGE ON SCHEMA app FROM {}", owner.name()));
}

} // namespace
} // namespace test
