// What roles without superuser can do, and the messages if they lack privileges.

#include "support/migration.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::UnorderedElementsAre;

using Arguments = std::vector<std::string>;

/// The SQL that a message advises for a side, such as "source".
std::vector<std::string> advised(const std::string& message, const std::string& side) {
    const auto begin = message.find("; in the " + side);
    if (begin == std::string::npos)
        return {};
    const std::string colon = ": ";
    const auto from = message.find(colon, begin) + colon.size();
    auto rest = message.substr(from, message.find("; in the ", from) - from);
    std::vector<std::string> statements;
    for (std::size_t end = 0; end != std::string::npos; rest.erase(0, end + 2)) {
        end = rest.find("; ");
        auto statement = rest.substr(0, end);
        statement.erase(std::min(statement.find(" ("), statement.find_last_not_of('\n') + 1));
        statements.push_back(statement);
        if (end == std::string::npos)
            break;
    }
    return statements;
}

class Privileges : public Migration {
  protected:
    Role reader{source, "reader"};
    Role owner{target, "owner"};

    /// The privileges that every migration needs, except those on the tables.
    void SetUp() override {
        target.run(fmt::format("GRANT CREATE ON DATABASE {} TO {}", target.name(), owner.name()));
    }

    Outcome run(const Arguments& arguments) const {
        return backfill_between(reader.uri(), owner.uri(), arguments);
    }

    std::string run_ok(const Arguments& arguments) const {
        const auto outcome = run(arguments);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        EXPECT_EQ(outcome.errors, "");
        return outcome.output;
    }

    /// Creates a hypertable with chunks of a day in a schema, and three chunks in the source.
    void create(const std::string& schema, const std::string& name) {
        both(fmt::format("CREATE SCHEMA IF NOT EXISTS {0};"
                         "CREATE TABLE {0}.{1} (time timestamptz NOT NULL, device int);"
                         "SELECT create_hypertable('{0}.{1}', 'time', "
                         "chunk_time_interval => interval '1 day')",
                         schema, name));
        source.run(fmt::format("INSERT INTO {}.{} SELECT t, d FROM "
                               "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:00', "
                               "'1 hour') t, generate_series(1, 3) d",
                               schema, name));
    }

    /// Lets the reader read the table in the source, and makes the owner its owner in the target.
    void give(const std::string& schema, const std::string& name) {
        source.run(fmt::format("GRANT USAGE ON SCHEMA {0} TO {2}; GRANT SELECT ON {0}.{1} TO {2}",
                               schema, name, reader.name()));
        target.run(fmt::format("GRANT USAGE ON SCHEMA {0} TO {2}; ALTER TABLE {0}.{1} OWNER TO {2}",
                               schema, name, owner.name()));
    }

    void stage_and_copy() const {
        run_ok({"stage", "--until", "2025-01-01"});
        run_ok({"copy"});
    }

    bool has_queue() { return target.value("SELECT to_regnamespace('__backfill') IS NULL") == "f"; }
};

// ---------------------------------------------------------------- what is enough

TEST_F(Privileges, AReaderAndAnOwnerCanDoEverything) {
    NEEDS_COMMUNITY_EDITION();
    const auto create_cagg =
        "CREATE MATERIALIZED VIEW metrics.daily WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('1 day', time) AS bucket, count(*) FROM metrics.cpu GROUP BY 1 WITH NO DATA";
    create("metrics", "cpu");
    create("metrics", "large");
    // Two pieces of a large chunk, for several workers.
    both("ALTER TABLE metrics.large ADD blob text; "
         "ALTER TABLE metrics.large ALTER blob SET STORAGE PLAIN");
    source.run("INSERT INTO metrics.large SELECT '2024-02-01'::timestamptz + i * interval '1 s', "
               "i, repeat('x', 4000) FROM generate_series(1, 5000) i");
    both(create_cagg);
    for (auto* const database : {&source, &target})
        database->run("ALTER TABLE metrics.cpu SET (timescaledb.compress, "
                      "timescaledb.compress_segmentby = 'device')");
    give("metrics", "cpu");
    give("metrics", "large");
    source.run("GRANT SELECT ON metrics.daily TO " + reader.name());
    target.run(fmt::format("ALTER MATERIALIZED VIEW metrics.daily OWNER TO {}", owner.name()));
    // This is created after the grants, because later chunks must have them, too.
    source.run("SELECT compress_chunk(c) FROM "
               "show_chunks('metrics.cpu', older_than => '2024-01-02'::timestamptz) c;"
               "INSERT INTO metrics.cpu VALUES ('2024-01-09', 1)");
    source.run("CALL refresh_continuous_aggregate('metrics.daily', NULL, '2024-02-01')");
    // A chunk with rows is loaded in place.
    target.run("INSERT INTO metrics.cpu VALUES ('2024-01-03 12:00', 99)");

    run_ok({"stage", "--until", "2025-01-01"});
    target.run("UPDATE __backfill.task SET bytes = 1e9 WHERE hypertable_name = 'large' AND "
               "bytes = (SELECT max(bytes) FROM __backfill.task)");
    const auto explanation = run_ok({"copy", "--explain", "--load-strategy", "attach"});
    EXPECT_THAT(explanation,
                AllOf(HasSubstr("chunks: load, then attach"), HasSubstr("1 chunk: in place"),
                      HasSubstr("1 chunk: create the chunk")));
    run_ok({"copy", "--load-strategy", "attach"});
    run_ok({"refresh-caggs"});
    expect_equal();
    run_ok({"verify"});

    // Copy again, in place and together.
    target.run("UPDATE __backfill.task SET worked = NULL, bytes = 8192");
    run_ok({"copy", "--parallelism", "1"});
    expect_equal();
    EXPECT_THAT(run_ok({"verify", "--all"}), HasSubstr(": 10 equal"));
    run_ok({"clean"});
    EXPECT_FALSE(has_queue());
}

TEST_F(Privileges, AMemberOfTheOwnerIsEnough) {
    create("public", "readings");
    give("public", "readings");
    const Role member(target, "member");
    target.run(fmt::format("GRANT {} TO {}; GRANT CREATE ON DATABASE {} TO {}", owner.name(),
                           member.name(), target.name(), member.name()));
    for (const Arguments& arguments :
         {Arguments{"stage", "--until", "2025-01-01"}, {"copy"}, {"verify"}, {"clean"}}) {
        const auto outcome = backfill_between(reader.uri(), member.uri(), arguments);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    }
    expect_equal();
}

TEST_F(Privileges, OnTablesThatAreNotStagedAreNotNeeded) {
    create("public", "readings");
    create("secret", "others");
    give("public", "readings");
    run_ok({"stage", "--until", "2025-01-01", "--filter", "readings"});
    run_ok({"copy"});
    run_ok({"verify"});
    expect_equal_rows("readings");
}

TEST_F(Privileges, CompressedChunksAreCopiedAsRowsIfTheirTablesMayNotBeRead) {
    NEEDS_COMMUNITY_EDITION();
    create("public", "readings");
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device')");
    source.run("SELECT compress_chunk(c) FROM "
               "show_chunks('readings', older_than => '2024-01-03'::timestamptz) c");
    give("public", "readings");
    source.run(fmt::format("DO $$ DECLARE r regclass; BEGIN FOR r IN SELECT oid FROM pg_class "
                           "WHERE relname LIKE '%compress%' AND relkind = 'r' AND relnamespace = "
                           "'_timescaledb_internal'::regnamespace LOOP EXECUTE format('REVOKE ALL "
                           "ON %s FROM {}', r); END LOOP; END $$",
                           reader.name()));
    run_ok({"stage", "--until", "2025-01-01"});
    EXPECT_THAT(run_ok({"copy"}), HasSubstr("decompressed: the role may not read the compressed "
                                            "table in the source"));
    expect_equal();
    run_ok({"verify"});
}

// ---------------------------------------------------------------- what is missing

TEST_F(Privileges, StageListsAllThatAreMissingAndChangesNothing) {
    create("public", "readings");
    create("metrics", "cpu");
    target.run(fmt::format("REVOKE CREATE ON DATABASE {} FROM {}", target.name(), owner.name()));
    const Role app(target, "app");
    target.run("ALTER TABLE readings OWNER TO " + app.name());

    const auto outcome = run({"stage", "--until", "2025-01-01"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(
        outcome.errors,
        AllOf(MatchesRegex("timescaledb-backfill: cannot stage: missing privileges[^\n]+\n"),
              HasSubstr("; in the source "), HasSubstr("; in the target ")));
    EXPECT_FALSE(has_queue());
    const auto in_source = advised(outcome.errors, "source");
    const auto in_target = advised(outcome.errors, "target");
    const auto to = [](const Role& role) {
        return fmt::format(" TO \"{}\"", role.name());
    };
    EXPECT_THAT(in_source,
                UnorderedElementsAre("GRANT USAGE ON SCHEMA \"metrics\"" + to(reader),
                                     "GRANT SELECT ON \"metrics\".\"cpu\"" + to(reader),
                                     "GRANT SELECT ON \"public\".\"readings\"" + to(reader)));
    EXPECT_THAT(in_target,
                UnorderedElementsAre(fmt::format("GRANT CREATE ON DATABASE \"{}\"", target.name()) +
                                         to(owner),
                                     "GRANT USAGE ON SCHEMA \"metrics\"" + to(owner),
                                     "ALTER TABLE \"metrics\".\"cpu\" OWNER" + to(owner),
                                     fmt::format("GRANT \"{}\"", app.name()) + to(owner)));

    // These statements are sufficient.
    for (const auto& statement : in_source)
        source.run(statement);
    for (const auto& statement : in_target)
        target.run(statement);
    stage_and_copy();
    expect_equal();
}

TEST_F(Privileges, CopyListsAllThatAreMissingAndCopiesNothing) {
    create("public", "readings");
    create("metrics", "cpu");
    give("public", "readings");
    give("metrics", "cpu");
    run_ok({"stage", "--until", "2025-01-01"});
    source.run(fmt::format("REVOKE SELECT ON readings FROM {0}; REVOKE USAGE ON SCHEMA metrics "
                           "FROM {0}",
                           reader.name()));
    target.run(fmt::format("ALTER TABLE metrics.cpu OWNER TO current_user; REVOKE INSERT ON "
                           "readings FROM {}",
                           owner.name()));
    const auto outcome = run({"copy"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, HasSubstr("cannot copy: missing privileges"));
    const auto in_source = advised(outcome.errors, "source");
    const auto in_target = advised(outcome.errors, "target");
    EXPECT_THAT(in_source, UnorderedElementsAre(HasSubstr("SCHEMA \"metrics\""),
                                                HasSubstr("\"public\".\"readings\"")));
    EXPECT_THAT(in_target,
                UnorderedElementsAre(HasSubstr("ALTER TABLE \"metrics\".\"cpu\""),
                                     HasSubstr("GRANT SELECT, INSERT, DELETE ON \"public\"")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL AND "
                           "failed IS NULL"),
              "6");
    for (const auto& statement : in_source)
        source.run(statement);
    for (const auto& statement : in_target)
        target.run(statement);
    run_ok({"copy"});
    expect_equal();
}

TEST_F(Privileges, OnAnAggregateAreThoseOnItsView) {
    NEEDS_COMMUNITY_EDITION();
    create("public", "readings");
    give("public", "readings");
    both("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
         "time_bucket('1 day', time) AS bucket, count(*) FROM readings GROUP BY 1 WITH NO DATA");
    source.run("CALL refresh_continuous_aggregate('daily', NULL, NULL)");
    const auto outcome = run({"stage", "--until", "2025-01-01"});
    EXPECT_EQ(outcome.exit_status, 1);
    const auto in_source = advised(outcome.errors, "source");
    const auto in_target = advised(outcome.errors, "target");
    EXPECT_THAT(in_source, ElementsAre(HasSubstr("GRANT SELECT ON \"public\".\"daily\"")));
    EXPECT_THAT(in_target, ElementsAre(HasSubstr("ALTER MATERIALIZED VIEW \"public\".\"daily\"")));
    source.run(in_source.front());
    target.run(in_target.front());
    stage_and_copy();
    run_ok({"refresh-caggs"});
    expect_equal();
}

TEST_F(Privileges, OnSingleChunksAreChecked) {
    create("public", "readings");
    give("public", "readings");
    source.run(fmt::format("DO $$ BEGIN EXECUTE format('REVOKE ALL ON %s FROM {}', "
                           "(SELECT show_chunks('readings') LIMIT 1)); END $$",
                           reader.name()));
    const auto outcome = run({"stage", "--until", "2025-01-01"});
    EXPECT_EQ(outcome.exit_status, 1);
    const auto in_source = advised(outcome.errors, "source");
    EXPECT_THAT(in_source, ElementsAre(HasSubstr("GRANT SELECT ON \"public\".\"readings\"")));
    source.run(in_source.front());
    stage_and_copy();
    expect_equal();
}

TEST_F(Privileges, ChunksInAnotherSchemaRequireUsageOfIt) {
    both("CREATE SCHEMA pieces; CREATE TABLE readings (time timestamptz NOT NULL, device int);"
         "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day', "
         "associated_schema_name => 'pieces')");
    source.run("INSERT INTO readings SELECT generate_series('2024-01-01'::timestamptz, "
               "'2024-01-03 23:00', '1 hour'), 1");
    give("public", "readings");
    const auto outcome = run({"stage", "--until", "2025-01-01"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(advised(outcome.errors, "source"),
                ElementsAre(HasSubstr("GRANT USAGE ON SCHEMA \"pieces\"")));
    EXPECT_THAT(advised(outcome.errors, "target"),
                ElementsAre(HasSubstr("GRANT USAGE ON SCHEMA \"pieces\"")));
    source.run("GRANT USAGE ON SCHEMA pieces TO " + reader.name());
    // TimescaleDB creates chunks as the hypertable's owner.
    target.run("GRANT USAGE, CREATE ON SCHEMA pieces TO " + owner.name());
    stage_and_copy();
    expect_equal();
}

// ---------------------------------------------------------------- what can be done without

TEST_F(Privileges, ChunksAreLoadedInPlaceIfStagingTablesCannotBeLikeThem) {
    NEEDS_COMMUNITY_EDITION();
    both("CREATE TYPE unit AS ENUM ('m', 's'); CREATE TABLE device (id int PRIMARY KEY);"
         "INSERT INTO device VALUES (1), (2), (3)");
    for (const std::string name : {"keyed", "typed", "placed"})
        create("public", name);
    both("ALTER TABLE keyed ADD FOREIGN KEY (device) REFERENCES device;"
         "ALTER TABLE typed ADD unit unit");
    for (const std::string name : {"keyed", "typed", "placed"})
        give("public", name);
    target.run("REVOKE USAGE ON TYPE unit FROM PUBLIC; SET allow_in_place_tablespaces = on");
    const auto tablespace = target.name() + "_space";
    target.run(fmt::format("CREATE TABLESPACE {} LOCATION ''", tablespace));
    target.run(fmt::format("GRANT CREATE ON TABLESPACE {0} TO {1};"
                           "SELECT attach_tablespace('{0}', 'placed');",
                           tablespace, owner.name()));
    // As after REVOKE, which TimescaleDB refuses.
    target.run(
        fmt::format("UPDATE pg_tablespace SET spcacl = NULL WHERE spcname = '{}'", tablespace));

    run_ok({"stage", "--until", "2025-01-01"});
    EXPECT_THAT(run_ok({"copy", "--explain", "--load-strategy", "attach"}),
                AllOf(Not(HasSubstr("load, then attach")),
                      HasSubstr("the role may not reference a table"),
                      HasSubstr("the role may not use a column's type"),
                      HasSubstr("the role may not create tables in a tablespace")));
    run_ok({"copy", "--load-strategy", "attach"});
    expect_equal();
    target.run("DROP TABLE placed");
    target.run("DROP TABLESPACE " + tablespace);
}

} // namespace
} // namespace test
