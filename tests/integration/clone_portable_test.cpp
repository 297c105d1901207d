// Tests clone-schema by definitions: --portable, and between different versions, editions and
// schemas of TimescaleDB.

#include "support/clone_portable.hpp"
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

/// Those that a user has chosen. TimescaleDB adds others, depending on its version.
constexpr auto chosen_sparse_indexes =
    "SELECT jsonb_path_query_array(index, '$[*] ? (@.source == \"config\")') "
    "FROM _timescaledb_catalog.compression_settings WHERE relid = 'z_readings'::regclass";

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
    EXPECT_THAT(differences(chosen_sparse_indexes), IsEmpty());
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
    EXPECT_THAT(differences(chosen_sparse_indexes), IsEmpty());
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
    const auto output = clone({"--portable"});
    if (source.value("SELECT count(*) FROM pg_publication_rel") != "1") {
        // This version of TimescaleDB publishes chunks.
        EXPECT_THAT(output, HasSubstr("Left out publications of single chunks of "
                                      "\"public\".\"z_readings\" (\"Some's\" of "));
    }
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
    source.run("SET client_min_messages = error; CREATE PUBLICATION \"All;\" FOR ALL TABLES;"
               "COMMENT ON PUBLICATION \"All;\" IS 'x';"
               "CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA public;"
               "CREATE PUBLICATION of_table FOR TABLE z_device");
    const Role role(target, "owner");
    target.run(fmt::format("ALTER DATABASE {} OWNER TO {}", target.name(), role.name()));
    way_to_target = role.uri();
    EXPECT_THAT(clone(), AllOf(HasSubstr("by their definitions: the target's role may not write"),
                               HasSubstr("Left out the event trigger \"Note;\": the target's role "
                                         "is no superuser"),
                               HasSubstr("Left out the publication \"All;\": "),
                               HasSubstr("Left out the publication \"of_schema\": ")));
    EXPECT_THAT(target.rows("SELECT pubname FROM pg_publication"), ElementsAre("of_table"));
    source.run("DROP PUBLICATION \"All;\"; DROP PUBLICATION of_schema");
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
    source.run("CREATE RULE of_table AS ON INSERT TO z_device DO ALSO SELECT * FROM a_daily");
    EXPECT_THAT(clone_fails({"--portable"}), HasSubstr("rule of_table on table public.z_device;"));
    source.run("DROP RULE of_table ON z_device");
    const auto materialized = source.value(
        "SELECT materialization_hypertable_name FROM timescaledb_information.continuous_aggregates "
        "WHERE view_name = 'a_daily'");
    refused("VIEW", "on_internal", " AS SELECT * FROM _timescaledb_internal." + materialized);
    refused("FUNCTION", "of_internal",
            "(_timescaledb_internal." + materialized + ") RETURNS int LANGUAGE sql AS 'SELECT 1'");
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
