// Tests the findings of check.

#include "support/migration.hpp"
#include "support/pgbouncer.hpp"
#include "support/proxy.hpp"
#include "support/role.hpp"
#include "support/with_standby.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>

namespace test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

using Arguments = std::vector<std::string>;

/// The result of `check`. A finding is "level subject: text. Remedy: remedy", with single spaces.
struct Report {
    int exit_status = -1;
    std::vector<std::string> findings;
    std::string summary;

    /// The findings of a level about a subject, without the level and the subject.
    std::vector<std::string> of(const std::string& level, const std::string& subject) const {
        const auto beginning = fmt::format("{} {}: ", level, subject);
        std::vector<std::string> texts;
        for (const auto& finding : findings)
            if (finding.starts_with(beginning))
                texts.push_back(finding.substr(beginning.size()));
        return texts;
    }
    std::vector<std::string> ok(const std::string& subject) const { return of("ok", subject); }
    std::vector<std::string> warnings(const std::string& subject) const {
        return of("warning", subject);
    }
    std::vector<std::string> errors(const std::string& subject) const {
        return of("error", subject);
    }

    std::vector<std::string> all_of(const std::string& level) const {
        std::vector<std::string> texts;
        std::ranges::copy_if(findings, std::back_inserter(texts), [&](const std::string& finding) {
            return finding.starts_with(level + " ");
        });
        return texts;
    }
};

Report report_of(const Outcome& outcome) {
    EXPECT_EQ(outcome.errors, "");
    Report report{.exit_status = outcome.exit_status, .findings = {}, .summary = {}};
    std::istringstream lines(outcome.output);
    static const std::regex gap("^(ok|warning|error) +");
    for (std::string line; std::getline(lines, line);)
        report.findings.push_back(std::regex_replace(line, gap, "$1 "));
    if (!report.findings.empty()) {
        report.summary = report.findings.back();
        report.findings.pop_back();
    }
    // Only warnings and errors have remedies, and all of them do.
    EXPECT_THAT(report.findings, Each(ContainsRegex("^(ok|warning|error) [^:]+: .")));
    EXPECT_THAT(report.all_of("ok"), Each(Not(HasSubstr("Remedy: "))));
    EXPECT_THAT(report.all_of("warning"), Each(HasSubstr(". Remedy: ")));
    EXPECT_THAT(report.all_of("error"), Each(HasSubstr(". Remedy: ")));
    const auto errors = report.all_of("error").size();
    const auto warnings = report.all_of("warning").size();
    EXPECT_EQ(report.summary,
              fmt::format("{} error{}, {} warning{}.", errors, errors == 1 ? "" : "s", warnings,
                          warnings == 1 ? "" : "s"));
    EXPECT_EQ(report.exit_status, errors == 0 ? 0 : 1);
    return report;
}

/// Makes a proxy cut the connection of a client that sends a text.
void cut_at(Proxy& proxy, const std::string& text) {
    proxy.plan_at(text, [](int /*number*/) {
        return std::optional(FaultAt{.fault = Fault::cut, .is_delivered = false});
    });
}

/// The source has three chunks of a day each.
class Check : public Migration {
  protected:
    explicit Check(const DatabaseOptions& source_options = {},
                   const DatabaseOptions& target_options = {})
        : Migration(source_options, target_options) {}
    explicit Check(const TemporaryServer* source_server, const TemporaryServer* target_server)
        : Migration(source_server, target_server) {}

    static constexpr auto create_readings =
        "CREATE TABLE readings (time timestamptz NOT NULL, device int, note text);"
        "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')";

    void SetUp() override {
        both(create_readings);
        fill();
    }

    void fill() {
        source.run("INSERT INTO readings SELECT t, d, 'note' FROM "
                   "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t, "
                   "generate_series(1, 3) d; ANALYZE readings");
    }

    Report check(Arguments arguments = {"--until", "2025-01-01"}) const {
        arguments.insert(arguments.begin(), "check");
        return report_of(backfill(arguments));
    }

    static Report check_between(const std::string& source_uri, const std::string& target_uri) {
        return report_of(
            backfill_between(source_uri, target_uri, {"check", "--until", "2025-01-01"}));
    }
};

// ---------------------------------------------------------------- overall behavior

TEST_F(Check, ReportsNoProblemForAnIntactMigration) {
    const auto report = check();
    EXPECT_THAT(report.findings, Each(StartsWith("ok ")));
    for (const auto* subject : {"connection",
                                "encryption",
                                "versions",
                                "extension schema",
                                "encoding",
                                "search path",
                                "range",
                                "size",
                                "disk space",
                                "hypertables",
                                "columns",
                                "indexes",
                                "constraints",
                                "generated columns",
                                "triggers",
                                "event triggers in the source",
                                "event triggers in the target",
                                "chunk intervals",
                                "compression",
                                "privileges in the source",
                                "privileges in the target",
                                "jobs in the source",
                                "jobs in the target",
                                "owners of policies",
                                "foreign keys",
                                "rows in the target",
                                "connections to the source",
                                "connections to the target"})
        EXPECT_THAT(report.ok(subject), Not(IsEmpty())) << subject;
    EXPECT_THAT(report.ok("size"),
                ElementsAre(ContainsRegex("^\"public\"\\.\"readings\": 3 chunks, [0-9.]+ kB, about "
                                          "216 rows$")));
    EXPECT_THAT(report.ok("encryption"), SizeIs(2));
    EXPECT_EQ(report.summary, "0 errors, 0 warnings.");
    migrate({"--until", "2025-01-01"});
}

TEST_F(Check, ChangesNothing) {
    both("ALTER TABLE readings ADD CONSTRAINT positive CHECK (device > 0)");
    target.run("ALTER TABLE readings DROP CONSTRAINT positive; CREATE TABLE plan (device int); "
               "INSERT INTO readings VALUES ('2024-01-02', 7)");
    const auto state = [](Database& side) {
        std::vector<std::string> parts;
        for (const auto* catalog :
             {"pg_namespace", "pg_class", "pg_attribute", "pg_constraint", "pg_index", "pg_proc",
              "pg_trigger",
              // shared by all databases
              "(SELECT * FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database "
              "WHERE datname = current_database()))",
              "_timescaledb_catalog.hypertable", "_timescaledb_catalog.chunk",
              "_timescaledb_catalog.dimension_slice", "timescaledb_information.jobs", "readings"})
            parts.push_back(side.value(fmt::format(
                // The scheduler changes statistics and next_start.
                "SELECT md5(string_agg((to_jsonb(t) - '{{relpages,reltuples,relallvisible,"
                "relallfrozen,relfrozenxid,relminmxid,next_start,relhasindex}}'::text[])::text, "
                "',' ORDER BY (to_jsonb(t) - '{{relpages,reltuples,relallvisible,relallfrozen,"
                "relfrozenxid,relminmxid,next_start,relhasindex}}'::text[])::text)) FROM {} t",
                catalog)));
        return parts;
    };
    const auto source_before = state(source);
    const auto target_before = state(target);
    EXPECT_THAT(check().all_of("warning"), SizeIs(3));
    EXPECT_EQ(state(source), source_before);
    EXPECT_EQ(state(target), target_before);
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill') IS NULL"), "t");
}

TEST_F(Check, SessionsAreReadOnly) {
    NEEDS_COMMUNITY_EDITION();
    // check calls this function, which reports whether its session is read-only.
    both(
        "CREATE TABLE ticks (tick int NOT NULL); SELECT create_hypertable('ticks', 'tick', "
        "chunk_time_interval => 10); CREATE FUNCTION ticks_now() RETURNS int LANGUAGE sql STABLE "
        "AS $$ SELECT CASE WHEN pg_catalog.current_setting('default_transaction_read_only') = "
        "'on' AND pg_catalog.current_setting('transaction_read_only') = 'on' THEN 95 ELSE 0 END $$;"
        "SELECT set_integer_now_func('ticks', 'ticks_now');"
        "SELECT add_retention_policy('ticks', 10, initial_start => '2100-01-01')");
    source.run("INSERT INTO ticks SELECT generate_series(1, 99)");
    const auto report = check({"--until", "200", "--filter", "ticks"});
    EXPECT_THAT(report.warnings("jobs in the source"),
                ElementsAre(HasSubstr("8 of the 10 in the range")));
    EXPECT_THAT(report.errors("jobs in the target"),
                ElementsAre(HasSubstr("8 of the 10 in the range")));
}

TEST_F(Check, ChecksOnlyWhatTheFilterSelects) {
    both("CREATE TABLE others (time timestamptz NOT NULL);"
         "SELECT create_hypertable('others', 'time')");
    target.run("DROP TABLE others");
    EXPECT_THAT(
        check().errors("hypertables"),
        ElementsAre(HasSubstr("hypertable \"public\".\"others\" is missing in the target")));
    EXPECT_EQ(check({"--filter", "readings"}).exit_status, 0);
    const auto outcome = backfill({"check", "--filter", "nothing_of_the_kind"});
    EXPECT_EQ(outcome.exit_status, 2);
    EXPECT_THAT(outcome.errors, HasSubstr("matches no hypertable"));
}

// ---------------------------------------------------------------- connections

TEST_F(Check, AnUnreachableSideIsAnErrorAndTheOtherIsChecked) {
    const auto nowhere = fmt::format("host=127.0.0.1 port={} dbname=x", free_port());
    const auto without_target = check_between(source.uri(), nowhere);
    EXPECT_THAT(without_target.errors("connection"),
                ElementsAre(HasSubstr("cannot connect to the target")));
    EXPECT_THAT(without_target.ok("size"), ElementsAre(HasSubstr("3 chunks")));
    EXPECT_THAT(without_target.ok("privileges in the source"), SizeIs(1));
    EXPECT_THAT(without_target.all_of("error"), SizeIs(1));

    const auto without_source = check_between(nowhere, target.uri());
    EXPECT_THAT(without_source.errors("connection"), SizeIs(1));
    EXPECT_THAT(without_source.ok("privileges in the target"),
                ElementsAre(HasSubstr("1 hypertable")));
    EXPECT_THAT(without_source.ok("connections to the target"), SizeIs(1));
    EXPECT_THAT(without_source.all_of("error"), SizeIs(1));

    EXPECT_EQ(check_between(nowhere, nowhere).summary, "2 errors, 0 warnings.");
}

TEST_F(Check, ALostConnectionIsAnErrorAfterEarlierFindings) {
    auto proxy = Proxy::in_front_of(target.uri());
    cut_at(proxy, "indisexclusion");
    const auto report = check_between(source.uri(), proxy.uri(target.uri()));
    EXPECT_THAT(report.errors("connection"),
                ElementsAre(HasSubstr("lost while checking definitions")));
    EXPECT_THAT(report.ok("versions"), SizeIs(1));
    EXPECT_THAT(report.all_of("error"), SizeIs(1));
}

TEST_F(Check, ATopicThatCannotBeCheckedIsAnErrorAndTheOthersAreChecked) {
    const Role owner(target, "owner");
    target.run(fmt::format("ALTER TABLE readings OWNER TO {0}; GRANT CREATE ON DATABASE {1} TO {0};"
                           "REVOKE SELECT ON timescaledb_information.jobs FROM PUBLIC",
                           owner.name(), target.name()));
    const auto report = check_between(source.uri(), owner.uri());
    for (const auto* subject : {"jobs in the target", "owners of policies"})
        EXPECT_THAT(report.errors(subject), ElementsAre(AllOf(HasSubstr("could not be checked"),
                                                              HasSubstr("permission denied"))));
    EXPECT_THAT(report.ok("connections to the target"), SizeIs(1));
    EXPECT_THAT(report.all_of("error"), SizeIs(2));
}

TEST_F(Check, ADatabaseWithoutTheExtensionIsAnError) {
    const Database plain("BACKFILL_TARGET", {.with_extension = false});
    EXPECT_THAT(check_between(source.uri(), plain.uri()).errors("connection"),
                ElementsAre(AllOf(HasSubstr("has no timescaledb extension"),
                                  EndsWith("Remedy: connect to the database that has the "
                                           "hypertables"))));
}

TEST_F(Check, TheSameDatabaseIsAnError) {
    EXPECT_THAT(check_between(source.uri(), source.uri()).errors("connection"),
                ElementsAre(HasSubstr("the same database")));
}

TEST_F(Check, APoolerInTransactionModeIsAnError) {
    NEEDS_PGBOUNCER();
    const PgBouncer pooler(source, target, "pool_mode = transaction");
    const auto report = check_between(source.uri(), pooler.uri(target));
    EXPECT_THAT(report.errors("connection"),
                ElementsAre(AllOf(HasSubstr("behind a pooler"),
                                  HasSubstr("Remedy: connect to the server directly"))));
    EXPECT_THAT(report.ok("size"), SizeIs(1));
    const PgBouncer session(source, target, "pool_mode = session");
    EXPECT_EQ(check_between(session.uri(source), session.uri(target)).exit_status, 0);
}

TEST_F(Check, TooFewConnectionsAreFound) {
    const Role reader(source, "reader");
    const Role owner(target, "owner");
    source.run("GRANT SELECT ON readings TO " + reader.name());
    target.run(fmt::format("ALTER TABLE readings OWNER TO {0}; GRANT CREATE ON DATABASE {1} TO {0}",
                           owner.name(), target.name()));
    const auto with_limits = [&](int of_source, int of_target) {
        source.run(fmt::format("ALTER ROLE {} CONNECTION LIMIT {}", reader.name(), of_source));
        target.run(fmt::format("ALTER ROLE {} CONNECTION LIMIT {}", owner.name(), of_target));
        return check_between(reader.uri(), owner.uri());
    };
    // 8 workers, each with one connection to the source and two to the target, and 3 of the run. A
    // third connection to the target removes stand-ins.
    const bool has_stand_ins =
        is_community() && version_at_least(2, 22) && !version_at_least(2, 29, 1);
    const int needed = has_stand_ins ? 27 : 19;
    const auto enough = with_limits(11, needed);
    EXPECT_THAT(enough.ok("connections to the source"),
                ElementsAre(HasSubstr("needs up to 11; free: 11 (the limit of the role")));
    EXPECT_THAT(enough.ok("connections to the target"),
                ElementsAre(HasSubstr(fmt::format("needs up to {0}; free: {0}", needed))));

    const auto few = with_limits(10, 8);
    EXPECT_THAT(few.warnings("connections to the source"),
                ElementsAre(HasSubstr("copy --parallelism 7, or")));
    EXPECT_THAT(few.warnings("connections to the target"),
                ElementsAre(HasSubstr(has_stand_ins ? "copy --parallelism 1, or"
                                                    : "copy --parallelism 2, or")));

    const auto too_few = with_limits(3, 4);
    EXPECT_THAT(too_few.errors("connections to the source"), SizeIs(1));
    EXPECT_THAT(too_few.errors("connections to the target"), SizeIs(1));

    target.run(fmt::format("ALTER DATABASE {} CONNECTION LIMIT 10", target.name()));
    EXPECT_THAT(with_limits(-1, -1).warnings("connections to the target"),
                ElementsAre(HasSubstr("the limit of the database")));
}

// ---------------------------------------------------------------- servers

TEST_F(Check, DifferentSchemasOfTheExtensionAreFound) {
    Database elsewhere("BACKFILL_TARGET", {.with_extension = false});
    elsewhere.run("CREATE SCHEMA ts; CREATE EXTENSION timescaledb SCHEMA ts; SET search_path = "
                  "public, ts");
    elsewhere.run(create_readings);
    EXPECT_THAT(check_between(source.uri(), elsewhere.uri()).warnings("extension schema"),
                ElementsAre(HasSubstr("\"public\" in the source, \"ts\" in the target")));
}

TEST_F(Check, AnUnfinishedRestoreIsFound) {
    target.run(fmt::format("ALTER DATABASE {} SET timescaledb.restoring = 'on'", target.name()));
    EXPECT_THAT(check().warnings("restoring"),
                ElementsAre(HasSubstr("SELECT \"public\".\"timescaledb_post_restore\"()")));
}

TEST_F(Check, DifferentVersionsAreExplained) {
    NEEDS_COMMUNITY_EDITION();
    both("ALTER TABLE readings SET (timescaledb.compress)");
    const auto report = check();
    if (is_same_version()) {
        EXPECT_THAT(report.ok("versions"), ElementsAre(ContainsRegex("TimescaleDB 2.* on both")));
        EXPECT_THAT(report.warnings("versions"), IsEmpty());
    } else {
        EXPECT_THAT(report.warnings("versions"),
                    ElementsAre(AllOf(HasSubstr("compressed chunks are copied as rows"),
                                      HasSubstr("ALTER EXTENSION timescaledb UPDATE TO"))));
    }
}

TEST_F(Check, AnApacheTargetIsFound) {
    if (target.is_community() || !source.is_community())
        GTEST_SKIP()
            << "needs a source of the Community edition and a target of the Apache edition";
    EXPECT_THAT(check().warnings("versions"), ElementsAre(HasSubstr("Apache edition neither")));
}

class CheckEncodings : public Check {
  protected:
    CheckEncodings()
        : Check({.clauses = "ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'"},
                {.clauses = "ENCODING LATIN2 LC_COLLATE 'C' LC_CTYPE 'C'"}) {}
};

TEST_F(CheckEncodings, DifferentEncodingsAreFound) {
    EXPECT_THAT(check().warnings("encoding"),
                ElementsAre(HasSubstr("LATIN1 in the source, LATIN2 in the target")));
}

class CheckStandby : public WithStandby<Check> {
  protected:
    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        Check::SetUp();
        ASSERT_TRUE(wait_for_standby());
    }

    /// Changes the standby's settings, and waits until other sessions see them.
    static void set(const std::string& feedback, const std::string& delay) {
        on_standby("ALTER SYSTEM SET hot_standby_feedback = " + feedback);
        on_standby(fmt::format("ALTER SYSTEM SET max_standby_streaming_delay = '{}'", delay));
        on_standby("SELECT pg_reload_conf()");
        EXPECT_TRUE(eventually([&] {
            return on_standby(
                       fmt::format("SELECT current_setting('hot_standby_feedback') = '{}' AND "
                                   "current_setting('max_standby_streaming_delay') = '{}' AS v",
                                   feedback, delay))
                .boolean(0, "v");
        }));
    }
};

TEST_F(CheckStandby, ASourceThatCancelsQueriesIsFound) {
    const auto uri = standby->uri(source.name());
    set("off", "30s");
    EXPECT_THAT(check_between(uri, target.uri()).warnings("standby"),
                ElementsAre(AllOf(HasSubstr("hot_standby_feedback off, max_standby_streaming_delay "
                                            "30 s"),
                                  HasSubstr("ALTER SYSTEM SET hot_standby_feedback = on"))));
    set("on", "30s");
    EXPECT_THAT(check_between(uri, target.uri()).warnings("standby"), SizeIs(1));
    set("off", "-1");
    EXPECT_THAT(check_between(uri, target.uri()).warnings("standby"), SizeIs(1));
    set("on", "-1");
    const auto report = check_between(uri, target.uri());
    EXPECT_EQ(report.exit_status, 0);
    EXPECT_THAT(report.ok("standby"), SizeIs(1));
}

TEST_F(CheckStandby, ATargetIsAnError) {
    EXPECT_THAT(check_between(target.uri(), standby->uri(source.name())).errors("standby"),
                ElementsAre(HasSubstr("hot standby")));
}

// ---------------------------------------------------------------- the range

TEST_F(Check, WithoutBoundsAllRowsAreInTheRange) {
    const auto report = check({});
    EXPECT_THAT(report.ok("range"), ElementsAre("without --until, everything"));
    EXPECT_THAT(report.ok("size"), ElementsAre(HasSubstr("3 chunks")));
    EXPECT_THAT(check({"--from", "2024-01-02"}).ok("size"), ElementsAre(HasSubstr("2 chunks")));
    EXPECT_THAT(check({"--until", "2024-01-01 12:00"}).ok("size"),
                ElementsAre(HasSubstr("1 chunk,")));
}

TEST_F(Check, AnEmptyRangeIsFound) {
    EXPECT_THAT(check({"--until", "2020-01-01"}).warnings("size"),
                ElementsAre(HasSubstr("no chunks in the range")));
}

TEST_F(Check, ACompletionPointInTheFutureIsFound) {
    EXPECT_THAT(check({"--until", "2200-01-01"}).warnings("range"),
                ElementsAre(HasSubstr("in the future")));
}

TEST_F(Check, AnUnsupportedTimeTypeIsFound) {
    if (!version_at_least(source, 2, 23) || !version_at_least(target, 2, 23))
        GTEST_SKIP() << "needs TimescaleDB 2.23, which partitions by UUIDs";
    both(
        "CREATE TABLE orders (id uuid NOT NULL); SELECT create_hypertable('orders', by_range('id', "
        "interval '1 day'))");
    EXPECT_THAT(check().errors("range"),
                ElementsAre(HasSubstr("\"public\".\"orders\" is partitioned by \"id\" of the type "
                                      "uuid, which is not supported. Remedy: leave it out with "
                                      "--filter")));
    const auto outcome = backfill({"stage", "--until", "2025-01-01"});
    EXPECT_EQ(outcome.exit_status, 2);
    EXPECT_THAT(outcome.errors, HasSubstr("of the type uuid, which is not supported"));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')::text"), "");
}

TEST_F(Check, PlainTablesThatSyncTablesWouldLeaveOutAreNamed) {
    both("CREATE TABLE fine (id int PRIMARY KEY)");
    EXPECT_THAT(check().ok("plain tables"), ElementsAre(HasSubstr("can bring 1 table up to date")));
    both("CREATE TABLE large (value text); ALTER TABLE large ALTER value SET STORAGE PLAIN;"
         "CREATE TABLE ruled (id int PRIMARY KEY)");
    source.run("INSERT INTO large SELECT repeat('x', 8000) FROM generate_series(1, 8500);"
               "CREATE TABLE only_source_1 (a int); CREATE TABLE only_source_2 (a int)");
    target.run("CREATE TABLE only_target (a int);"
               "CREATE RULE ignores AS ON INSERT TO ruled DO INSTEAD NOTHING");
    const auto report = check();
    EXPECT_THAT(
        report.warnings("plain tables"),
        UnorderedElementsAre(
            AllOf(HasSubstr("\"public\".\"only_source_1\", \"public\".\"only_source_2\": it is "
                            "missing in the target"),
                  HasSubstr("as clone-schema does")),
            AllOf(HasSubstr("would leave out \"public\".\"large\": "), HasSubstr("no primary key")),
            HasSubstr("would leave out \"public\".\"ruled\": it has rules in the target"),
            HasSubstr("the source has no \"public\".\"only_target\"; ")));
    EXPECT_THAT(report.ok("plain tables"), IsEmpty());
}

TEST_F(Check, LaggingSequencesAreFound) {
    EXPECT_THAT(check().ok("sequences"), SizeIs(1));
    both("CREATE SEQUENCE \"Order ids\"; CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE even; "
         "CREATE SEQUENCE round CYCLE");
    source.run("SELECT setval('\"Order ids\"', 6000), setval('down', -5), setval('even', 7), "
               "setval('round', 2)");
    target.run("SELECT setval('\"Order ids\"', 1000), setval('even', 7), setval('round', 9)");
    EXPECT_THAT(
        check().warnings("sequences"),
        ElementsAre(
            AllOf(HasSubstr("\"public\".\"Order ids\": 6000 in the source, 1000 in the target"),
                  HasSubstr("SELECT setval('\"public\".\"Order ids\"', 6000)")),
            HasSubstr("\"public\".\"down\": -5 in the source, not used yet in the target"),
            AllOf(HasSubstr("\"public\".\"round\": 2 in the source, 9 in the target; it cycles, so "
                            "the values do not show which side is behind"),
                  HasSubstr("SELECT setval('\"public\".\"round\"', 2)"))));
    target.run("SELECT setval('\"Order ids\"', 6000), setval('down', -6), setval('round', 2)");
    EXPECT_THAT(check().warnings("sequences"), IsEmpty());
}

TEST_F(Check, DifferentSearchPathsAreFound) {
    const auto set = [](Database& side, const std::string& path) {
        side.run(fmt::format("ALTER DATABASE {} SET search_path TO {}", side.name(), path));
    };
    source.run("CREATE SCHEMA empty; CREATE SCHEMA app");
    set(source, "nowhere, empty, app, public");
    EXPECT_THAT(check().ok("search path"), SizeIs(1)) << "the schemas are empty";
    source.run("CREATE TABLE app.one ()");
    const auto found = check().warnings("search path");
    ASSERT_THAT(found, ElementsAre(HasSubstr("nowhere, empty, app, public in the source and "
                                             "\"$user\", public in the target")));
    // The remedy works.
    target.run(found.front().substr(found.front().find("ALTER DATABASE")));
    EXPECT_THAT(check().ok("search path"), SizeIs(1));
    set(target, "app, \"$user\", public, further");
    EXPECT_THAT(check().ok("search path"), SizeIs(1));
    set(target, "public, app");
    EXPECT_THAT(check().warnings("search path"), SizeIs(1));
}

TEST_F(Check, UnsuitableBoundsAreFound) {
    both("CREATE TABLE ticks (tick int NOT NULL);"
         "SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 10)");
    const auto report = check();
    EXPECT_THAT(report.errors("range"),
                ElementsAre(HasSubstr("\"public\".\"ticks\" (\"tick\" integer) cannot take --until "
                                      "2025-01-01")));
    EXPECT_THAT(report.ok("size"), Contains(HasSubstr("\"readings\": 3 chunks")));
    for (const Arguments& wrong : {Arguments{"--until", "yesterday or so"},
                                   {"--until", "2024-01-01", "--from", "2024-02-01"}}) {
        auto arguments = wrong;
        arguments.insert(arguments.begin(), "check");
        EXPECT_EQ(backfill(arguments).exit_status, 2);
    }
}

TEST_F(Check, TieredDataIsFound) {
    source.run("UPDATE _timescaledb_catalog.chunk SET osm_chunk = true WHERE id = (SELECT min(id) "
               "FROM _timescaledb_catalog.chunk)");
    EXPECT_THAT(check().warnings("tiered data"),
                ElementsAre(HasSubstr("\"public\".\"readings\" has data tiered")));
    source.run("UPDATE _timescaledb_catalog.chunk SET osm_chunk = false");
}

// ---------------------------------------------------------------- schema

TEST_F(Check, DifferentColumnsAreFound) {
    source.run("ALTER TABLE readings ADD extra int");
    target.run("ALTER TABLE readings ALTER device TYPE bigint");
    EXPECT_THAT(check().errors("columns"),
                ElementsAre(HasSubstr("column \"device\" is integer in the source and bigint in"),
                            HasSubstr("column \"extra\" (integer) is missing in the target")));
}

TEST_F(Check, ADatabaseWithoutHypertablesIsFound) {
    both("DROP TABLE readings");
    EXPECT_THAT(check().errors("hypertables"), ElementsAre(HasSubstr("has no hypertables")));
}

TEST_F(Check, DifferentIndexesAreFound) {
    source.run("CREATE INDEX by_note ON readings (note) WHERE device > 1;"
               "CREATE INDEX the_same ON readings (device, time)");
    target.run("CREATE INDEX other_name ON readings (device, time);"
               "CREATE UNIQUE INDEX once ON readings (time, device);"
               "CREATE INDEX slow ON readings (note, device)");
    EXPECT_THAT(
        check().warnings("indexes"),
        ElementsAre(
            AllOf(HasSubstr("the index \"by_note\" (USING btree (note) WHERE (device > 1)) is "
                            "missing in the target"),
                  EndsWith("CREATE INDEX ON \"public\".\"readings\" USING btree (note) WHERE "
                           "(device > 1)")),
            AllOf(HasSubstr("the unique index \"once\""), HasSubstr("in the target only"),
                  HasSubstr("rows that violate it")),
            AllOf(HasSubstr("the index \"slow\""), HasSubstr("in the target only"))));
    // The remedy works.
    target.run("CREATE INDEX ON \"public\".\"readings\" USING btree (note) WHERE (device > 1);"
               "DROP INDEX once; DROP INDEX slow");
    EXPECT_THAT(check().ok("indexes"), SizeIs(1));
    target.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'other_name'::regclass");
    EXPECT_THAT(check().warnings("indexes"),
                ElementsAre(HasSubstr("the index \"other_name\" is invalid")));
}

TEST_F(Check, DifferentConstraintsAreFound) {
    both("ALTER TABLE readings ADD CONSTRAINT both_have CHECK (device < 100)");
    source.run("ALTER TABLE readings ADD CONSTRAINT positive CHECK (device > 0)");
    target.run("ALTER TABLE readings ADD CONSTRAINT short CHECK (length(note) < 10);"
               "ALTER TABLE readings ALTER device SET NOT NULL");
    EXPECT_THAT(check().warnings("constraints"),
                ElementsAre(AllOf(HasSubstr("\"positive\" (CHECK ((device > 0))) is missing"),
                                  EndsWith("ALTER TABLE \"public\".\"readings\" ADD CONSTRAINT "
                                           "\"positive\" CHECK ((device > 0))")),
                            AllOf(HasSubstr("\"short\""), HasSubstr("in the target only")),
                            HasSubstr("column \"device\" is NOT NULL in the target only")));
}

TEST_F(Check, DifferentGeneratedColumnsAreFound) {
    both("CREATE TABLE sums (time timestamptz NOT NULL, v int, "
         "same int GENERATED ALWAYS AS (v + 1) STORED);"
         "SELECT create_hypertable('sums', 'time')");
    EXPECT_THAT(check().ok("generated columns"), SizeIs(1));
    source.run("ALTER TABLE sums ADD twice int GENERATED ALWAYS AS (v * 2) STORED, ADD own int");
    target.run("ALTER TABLE sums ADD twice int GENERATED ALWAYS AS (v * 3) STORED, "
               "ADD own int GENERATED ALWAYS AS (v) STORED");
    EXPECT_THAT(check().warnings("generated columns"),
                ElementsAre(AllOf(HasSubstr("column \"own\" is generated in the target only, as v"),
                                  EndsWith("ALTER TABLE \"public\".\"sums\" ALTER \"own\" DROP "
                                           "EXPRESSION")),
                            HasSubstr("\"public\".\"sums\": column \"twice\" is generated as (v * "
                                      "2) in the source and as (v * 3) in the target")));
}

TEST_F(Check, DifferentChunkIntervalsAreFound) {
    target.run("SELECT set_chunk_time_interval('readings', interval '7 days')");
    EXPECT_THAT(
        check().warnings("chunk intervals"),
        ElementsAre(HasSubstr("dimension \"time\": 1 day in the source, 7 days in the target")));
    // This chunk of the target spans several of the source's.
    target.run("INSERT INTO readings VALUES ('2024-01-02', 1)");
    EXPECT_THAT(check().warnings("chunk intervals"),
                Contains(HasSubstr(
                    "the target has 1 chunk whose boundaries differ from the source's, such as")));
}

TEST_F(Check, DifferentDimensionsAreFound) {
    both("CREATE TABLE spread (time timestamptz NOT NULL, device int); CREATE TABLE parts (time "
         "timestamptz NOT NULL, device int)");
    source.run("SELECT create_hypertable('spread', 'time', 'device', 4);"
               "SELECT create_hypertable('parts', 'time', 'device', 4)");
    target.run("SELECT create_hypertable('spread', 'time');"
               "SELECT create_hypertable('parts', 'time', 'device', 2)");
    EXPECT_THAT(check().warnings("chunk intervals"),
                ElementsAre(HasSubstr("\"parts\": dimension \"device\": 4 partitions in the "
                                      "source, 2 partitions in the target"),
                            HasSubstr("\"spread\": partitioned by")));
}

TEST_F(Check, ChunksOfOtherSpacePartitionsAreNotReported) {
    both("CREATE TABLE parts (time timestamptz NOT NULL, device int);"
         "SELECT create_hypertable('parts', 'time', 'device', 4)");
    source.run("INSERT INTO parts VALUES ('2024-01-02', 1)");
    // Except for the first, these rows are in other space partitions of the same time.
    target.run("INSERT INTO parts SELECT '2024-01-02', i FROM generate_series(1, 20) i");
    EXPECT_THAT(check().warnings("chunk intervals"), IsEmpty());
}

TEST_F(Check, DifferentCompressionSettingsAreFound) {
    NEEDS_COMMUNITY_EDITION();
    source.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'device', timescaledb.compress_orderby = 'time DESC NULLS LAST, note')");
    const auto only_source = check().warnings("compression");
    ASSERT_THAT(only_source, ElementsAre(HasSubstr("enabled in the source only")));
    // The remedy works.
    const std::string sql = "in the target: ";
    target.run(only_source.front().substr(only_source.front().find(sql) + sql.size()));
    EXPECT_THAT(check().ok("compression"), SizeIs(1));
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
               "'note', timescaledb.compress_orderby = 'time')");
    EXPECT_THAT(
        check().warnings("compression"),
        ElementsAre(AllOf(HasSubstr("segmentby \"device\", orderby \"time\" DESC NULLS "
                                    "LAST, \"note\" in the source"),
                          HasSubstr("segmentby \"note\", orderby \"time\" in the target"))));
}

TEST_F(Check, DifferentSparseIndexesAreFound) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    if (!version_at_least(2, 23))
        GTEST_SKIP() << "needs timescaledb.compress_index";
    source.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_orderby = "
               "'time', timescaledb.compress_index = 'bloom(note), minmax(device)')");
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_orderby = "
               "'time', timescaledb.compress_index = '')");
    const auto warnings = check().warnings("compression");
    ASSERT_THAT(warnings,
                ElementsAre(AllOf(
                    HasSubstr("sparse indexes bloom(\"note\"), minmax(\"device\") in the source"),
                    HasSubstr("sparse indexes none in the target"))));
    const std::string sql = "otherwise, in the target: ";
    target.run(warnings.front().substr(warnings.front().find(sql) + sql.size()));
    EXPECT_THAT(check().ok("compression"), SizeIs(1));
}

TEST_F(Check, ARoleThatMayNotCreateCompressedTablesIsFound) {
    NEEDS_COMMUNITY_EDITION();
    NEEDS_SAME_VERSION();
    both("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby = "
         "'device', timescaledb.compress_orderby = 'time')");
    source.run("SELECT compress_chunk(show_chunks('readings'))");
    const Role owner(target, "owner");
    target.run(fmt::format("ALTER TABLE readings OWNER TO {0};"
                           "GRANT CREATE ON DATABASE {1} TO {0}",
                           owner.name(), target.name()));
    way_to_target = owner.uri();
    const auto warnings = check().warnings("compression");
    ASSERT_THAT(warnings, ElementsAre(HasSubstr("may not create compressed tables")));
    const std::string sql = "as a superuser: ";
    target.connect()->execute(warnings.front().substr(warnings.front().find(sql) + sql.size()));
    EXPECT_THAT(check().ok("compression"), SizeIs(1));
    backfill_ok({"stage", "--until", "2025-01-01"});
    EXPECT_THAT(backfill_ok({"copy"}), Not(HasSubstr("decompressed")));
}

// ---------------------------------------------------------------- foreign keys

class CheckForeignKeys : public Check {
  protected:
    void SetUp() override {
        both("CREATE TABLE device (id int PRIMARY KEY)");
        Check::SetUp();
        both("ALTER TABLE readings ADD FOREIGN KEY (device) REFERENCES device NOT VALID");
    }
};

TEST_F(CheckForeignKeys, MissingReferencedRowsAreFound) {
    source.run("INSERT INTO device SELECT generate_series(1, 20)");
    EXPECT_THAT(check().errors("foreign keys"),
                ElementsAre(AllOf(HasSubstr("\"public\".\"device\", which \"public\".\"readings\" "
                                            "references: empty in the target"))));
    target.run("INSERT INTO device SELECT generate_series(4, 20)");
    EXPECT_THAT(check().warnings("foreign keys"),
                ElementsAre(HasSubstr("20 keys in the source and 17 in the target; the target "
                                      "lacks at least 3")));
    target.run("INSERT INTO device SELECT generate_series(101, 103)");
    EXPECT_THAT(check().warnings("foreign keys"),
                ElementsAre(HasSubstr("20 keys in the source and 20 in the target, but not the "
                                      "same ones")));
    target.run("UPDATE device SET id = id - 100 WHERE id > 100");
    EXPECT_THAT(check().ok("foreign keys"),
                ElementsAre(HasSubstr("the same 20 keys on both sides")));
}

TEST_F(CheckForeignKeys, TablesThatAreEmptyOnBothSidesAreAccepted) {
    source.run("TRUNCATE readings");
    EXPECT_THAT(check().ok("foreign keys"), ElementsAre(HasSubstr("the same 0 keys")));
}

TEST_F(CheckForeignKeys, UnreadableTablesAreReported) {
    const Role owner(target, "owner");
    target.run(fmt::format("ALTER TABLE readings OWNER TO {0}; GRANT CREATE ON DATABASE {1} TO {0}",
                           owner.name(), target.name()));
    EXPECT_THAT(
        check_between(source.uri(), owner.uri()).warnings("foreign keys"),
        ElementsAre(AllOf(HasSubstr("could not be compared"), HasSubstr("permission denied"))));
}

// ---------------------------------------------------------------- rows in the target

TEST_F(Check, ExistingRowsOfTheTargetAreFound) {
    target.run("INSERT INTO readings SELECT t, 1 FROM generate_series('2024-01-02'::timestamptz, "
               "'2024-01-03 23:00', '1 hour') t; ANALYZE readings");
    EXPECT_THAT(check().warnings("rows in the target"),
                ElementsAre(HasSubstr(
                    "\"public\".\"readings\": the target already has about 48 rows in 2 chunks")));
    // This row is outside the range, in a chunk that the bound cuts.
    EXPECT_THAT(check({"--until", "2024-01-02"}).ok("rows in the target"), SizeIs(1));
    target.run("DELETE FROM readings WHERE time < '2024-01-02 12:00'");
    EXPECT_THAT(check({"--until", "2024-01-02 12:00"}).warnings("rows in the target"), IsEmpty());
    EXPECT_THAT(check({"--until", "2024-01-02 15:00"}).warnings("rows in the target"),
                ElementsAre(HasSubstr("about 3 rows in 1 chunk")));
}

TEST_F(Check, EmptyChunksOfTheTargetAreNotReported) {
    target.run("INSERT INTO readings VALUES ('2024-01-02', 1); TRUNCATE readings");
    EXPECT_THAT(check().ok("rows in the target"), SizeIs(1));
}

TEST_F(Check, CompressedRowsOfTheTargetAreFound) {
    NEEDS_COMMUNITY_EDITION();
    both("ALTER TABLE readings SET (timescaledb.compress)");
    target.run("INSERT INTO readings SELECT t, 1 FROM generate_series('2024-01-02'::timestamptz, "
               "'2024-01-02 23:00', '1 hour') t");
    // The server counts the rows before they are compressed.
    const auto counted = [&] {
        return target.value(
            "SELECT sum(pg_stat_get_live_tuples(c)) FROM show_chunks('readings') c");
    };
    ASSERT_TRUE(eventually([&] { return counted() == "24"; }));
    target.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
    EXPECT_THAT(check().warnings("rows in the target"),
                ElementsAre(HasSubstr("about 24 rows in 1 chunk")));
    // The same applies to the counts of ANALYZE.
    source.run("SELECT compress_chunk(c) FROM show_chunks('readings') c");
    EXPECT_THAT(check().ok("size"), ElementsAre(HasSubstr("about 216 rows")));
    EXPECT_THAT(check({"--until", "2024-01-02 02:00"}).warnings("rows in the target"),
                ElementsAre(HasSubstr("about 2 rows in 1 chunk")));
}

TEST_F(Check, AnExistingQueueIsFound) {
    backfill_ok({"stage", "--until", "2025-01-01"});
    EXPECT_THAT(check().ok("queue"), SizeIs(1));
    backfill_ok({"clean"});
    target.run("CREATE SCHEMA __backfill");
    EXPECT_THAT(check().errors("queue"), SizeIs(1));
}

// ---------------------------------------------------------------- jobs

class CheckJobs : public Check {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        both(create_readings);
        // Chunks for the last ten days.
        source.run("INSERT INTO readings SELECT generate_series(now() - interval '10 days', now(), "
                   "'1 hour'), 1; ANALYZE readings");
    }

    /// Adds a policy whose job never runs. Returns the job's ID.
    static std::string add(Database& side, const std::string& policy) {
        return side.value(fmt::format("SELECT add_{}, initial_start => '2100-01-01')", policy));
    }

    static void pause(Database& side, const std::string& job) {
        side.run(fmt::format("SELECT alter_job({}, scheduled => false)", job));
    }

    Report check_until(const std::string& expression) {
        return check(
            {"--until", source.value(fmt::format("SELECT ({})::timestamptz::text", expression))});
    }
};

TEST_F(CheckJobs, RetentionOfTheSourceIsFound) {
    const auto job = add(source, "retention_policy('readings', interval '5 days'");
    const auto found = check_until("now()").warnings("jobs in the source");
    ASSERT_THAT(found,
                ElementsAre(AllOf(
                    HasSubstr(fmt::format(
                        "\"public\".\"readings\": job {} (retention) drops chunks after 5 days: 5 "
                        "of the 11 in the range at its next run, and 6 more within 7 days",
                        job)),
                    HasSubstr(fmt::format("SELECT \"public\".\"alter_job\"({}, "
                                          "scheduled => false)",
                                          job)))));
    EXPECT_THAT(check_until("now() - interval '20 days'").warnings("jobs in the source"),
                IsEmpty());
    pause(source, job);
    EXPECT_THAT(check_until("now()").ok("jobs in the source"), SizeIs(1));
    add(target, "retention_policy('readings', interval '90 days'");
    const auto harmless = check_until("now()");
    EXPECT_THAT(harmless.ok("jobs in the target"),
                Contains(HasSubstr("none of which is in the range")));
    EXPECT_EQ(harmless.exit_status, 0);
}

TEST_F(CheckJobs, RetentionOfTheTargetThatDropsCopiedChunksIsAnError) {
    const auto job = add(target, "retention_policy('readings', interval '5 days'");
    EXPECT_THAT(check_until("now()").errors("jobs in the target"),
                ElementsAre(AllOf(HasSubstr("5 of the 11 in the range as soon as they are copied"),
                                  HasSubstr(fmt::format("alter_job\"({},", job)))));
    pause(target, job);
    EXPECT_EQ(check_until("now()").exit_status, 0);
}

TEST_F(CheckJobs, EffectsOfRetentionAreUnknownWithoutTheSource) {
    add(target, "retention_policy('readings', interval '5 days'");
    const auto nowhere = fmt::format("host=127.0.0.1 port={} dbname=x", free_port());
    EXPECT_THAT(check_between(nowhere, target.uri()).warnings("jobs in the target"),
                ElementsAre(HasSubstr("could not determine")));
}

TEST_F(CheckJobs, PoliciesWhoseOwnersLackPrivilegesAreFound) {
    const Role role(target, "other");
    const auto job = add(target, "retention_policy('readings', interval '100 years'");
    pause(target, job);
    target.run(fmt::format("UPDATE _timescaledb_config.bgw_job SET owner = '{}' WHERE id = {}",
                           role.name(), job));
    target.run("SET ROLE " + role.name());
    EXPECT_THROW(target.run(fmt::format("CALL run_job({})", job)), postgres::SqlError);
    target.run("RESET ROLE");
    const auto give = fmt::format("ALTER TABLE public.readings OWNER TO \"{}\"", role.name());
    EXPECT_THAT(check_until("now()").warnings("owners of policies"),
                ElementsAre(AllOf(HasSubstr(fmt::format("all runs of job {} ", job)),
                                  HasSubstr("its owner " + role.name()), HasSubstr(give))));
    target.run(give);
    EXPECT_THAT(check_until("now()").warnings("owners of policies"), IsEmpty());
}

TEST_F(CheckJobs, RetentionThatReachesTheRangeSoonIsFound) {
    add(target, "retention_policy('readings', interval '12 days'");
    EXPECT_THAT(check_until("now()").warnings("jobs in the target"),
                ElementsAre(HasSubstr("5 of the 11 in the range within 7 days")));
}

TEST_F(CheckJobs, RetentionByIntegerTimeIsFound) {
    both("CREATE TABLE ticks (tick int NOT NULL); SELECT create_hypertable('ticks', 'tick', "
         "chunk_time_interval => 10); CREATE FUNCTION ticks_now() RETURNS int LANGUAGE sql STABLE "
         "AS 'SELECT 95'; SELECT set_integer_now_func('ticks', 'ticks_now')");
    source.run("INSERT INTO ticks SELECT generate_series(0, 99)");
    add(source, "retention_policy('ticks', 50");
    add(target, "retention_policy('ticks', 95");
    const auto report = check({"--until", "200", "--filter", "ticks"});
    EXPECT_THAT(report.warnings("jobs in the source"),
                ElementsAre(HasSubstr(
                    "drops chunks after 50: 4 of the 10 in the range at its next run; ")));
    EXPECT_THAT(report.ok("jobs in the target"), Contains(HasSubstr("none of which")));
}

TEST_F(CheckJobs, RetentionByCreationTimeCountsChunks) {
    const auto job = add(source, "retention_policy('readings', drop_created_before => "
                                 "interval '3 days'");
    source.run("UPDATE _timescaledb_catalog.chunk SET creation_time = now() - interval '4 days' "
               "WHERE id IN (SELECT id FROM _timescaledb_catalog.chunk ORDER BY id LIMIT 2)");
    add(target, "retention_policy('readings', drop_created_before => interval '3 days'");
    auto report = check_until("now()");
    EXPECT_THAT(
        report.warnings("jobs in the source"),
        ElementsAre(AllOf(HasSubstr(fmt::format(
                              "job {} (retention) drops chunks 3 days after they were created: 2 "
                              "of the 11 in the range at its next run, and 9 more within 7 days",
                              job)),
                          HasSubstr("alter_job"))));
    EXPECT_THAT(
        report.warnings("jobs in the target"),
        ElementsAre(HasSubstr(
            "drops chunks 3 days after they were created, and copy creates the 11 in the range")));
    target.run("INSERT INTO readings SELECT now() - interval '2 days', 1");
    target.run("UPDATE _timescaledb_catalog.chunk SET creation_time = now() - interval '4 days'");
    report = check_until("now()");
    EXPECT_THAT(report.errors("jobs in the target"),
                ElementsAre(HasSubstr("1 of the target's chunks in the range at its next run")));
}

TEST_F(CheckJobs, TheRemedyKeepsAJobsTimeZone) {
    source.run("SELECT add_retention_policy('readings', interval '5 days', initial_start => "
               "'2100-01-01', timezone => 'Europe/Berlin')");
    const auto found = check_until("now()").warnings("jobs in the source");
    ASSERT_THAT(found, ElementsAre(HasSubstr("timezone => 'Europe/Berlin'")));
}

TEST_F(CheckJobs, EffectsOfPoliciesAreReported) {
    both("ALTER TABLE readings SET (timescaledb.compress)");
    add(target, "compression_policy('readings', interval '1 day'");
    EXPECT_THAT(check_until("now()").warnings("jobs in the target"),
                ElementsAre(HasSubstr("(compression) compresses chunks of the range")));
}

TEST_F(CheckJobs, CompactionPoliciesAreFound) {
    if (!version_at_least(2, 29))
        GTEST_SKIP() << "needs TimescaleDB 2.29";
    both("ALTER TABLE readings SET (timescaledb.compress)");
    target.run("SELECT add_compaction_policy('readings')");
    EXPECT_THAT(check_until("now()").warnings("jobs in the target"),
                ElementsAre(AllOf(HasSubstr("\"public\".\"readings\": job "),
                                  HasSubstr("(compaction) merges overlapping"))));
}

TEST_F(CheckJobs, IntegerNowFunctionsMayNameTablesWithoutASchema) {
    both("CREATE TABLE ticks (tick bigint NOT NULL); SELECT create_hypertable('ticks', 'tick', "
         "chunk_time_interval => 10); CREATE FUNCTION ticks_now() RETURNS bigint LANGUAGE sql "
         "STABLE AS 'SELECT coalesce(max(tick), 0) FROM ticks'; "
         "SELECT set_integer_now_func('ticks', 'ticks_now')");
    source.run("INSERT INTO ticks SELECT generate_series(0, 99)");
    add(source, "retention_policy('ticks', 50");
    EXPECT_THAT(check({"--until", "200", "--filter", "ticks"}).warnings("jobs in the source"),
                ElementsAre(HasSubstr("drops chunks after 50: 4 of the 10 in the range")));
}

TEST_F(CheckJobs, RetentionWithUnknownTimeIsFound) {
    both("CREATE TABLE ticks (tick int NOT NULL); SELECT create_hypertable('ticks', 'tick', "
         "chunk_time_interval => 10); CREATE SEQUENCE calls; CREATE FUNCTION ticks_now() RETURNS "
         "int LANGUAGE sql STABLE AS 'SELECT 95'; SELECT set_integer_now_func('ticks', "
         "'ticks_now'); CREATE OR REPLACE FUNCTION ticks_now() RETURNS int LANGUAGE plpgsql STABLE "
         "AS $$ BEGIN RETURN pg_catalog.nextval('public.calls'); END $$;"
         "SELECT add_retention_policy('ticks', 10, initial_start => '2100-01-01')");
    source.run("INSERT INTO ticks SELECT generate_series(1, 99)");
    const auto report = check({"--until", "200", "--filter", "ticks"});
    EXPECT_THAT(report.warnings("jobs in the source"),
                ElementsAre(HasSubstr("could not determine")));
    EXPECT_THAT(report.warnings("jobs in the target"),
                ElementsAre(HasSubstr("could not determine")));
    for (auto* side : {&source, &target})
        EXPECT_EQ(side->value("SELECT is_called FROM calls"), "f");
}

TEST_F(CheckJobs, CompressionReorderingAndUserDefinedJobsOfTheTargetAreFound) {
    target.run("ALTER TABLE readings SET (timescaledb.compress)");
    const auto compression = add(target, "compression_policy('readings', interval '1 day'");
    const auto reorder = target.value("SELECT add_reorder_policy('readings', 'readings_time_idx')");
    target.run("CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE plpgsql AS 'BEGIN END'");
    const auto action = add(target, "job('tidy', interval '1 hour'");
    EXPECT_THAT(check_until("now()").warnings("jobs in the target"),
                ElementsAre(HasSubstr(fmt::format("job {} (compression)", compression)),
                            HasSubstr(fmt::format("job {} (reorder)", reorder)),
                            AllOf(HasSubstr(fmt::format("job {} ", action)),
                                  HasSubstr("runs \"public\".\"tidy\""))));
    for (const auto& job : {compression, reorder, action})
        pause(target, job);
    EXPECT_THAT(check_until("now()").ok("jobs in the target"),
                ElementsAre("no active job interferes"));
}

TEST_F(CheckJobs, UsersJobsMayHaveSettingsLikePolicies) {
    source.run("CREATE PROCEDURE mine(int, jsonb) LANGUAGE sql AS 'SELECT 1';"
               "SELECT add_job('mine', '1 day', initial_start => '2100-01-01', config => "
               "'{\"drop_after\": \"soon\", \"drop_created_before\": 1, \"start_offset\": 1.5}')");
    EXPECT_THAT(check_until("now()").ok("jobs in the source"), SizeIs(1));
}

TEST_F(CheckJobs, RefreshPoliciesThatOverlapTheRangeAreErrors) {
    both("CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS SELECT "
         "time_bucket('1 day', time) AS bucket, count(*) FROM readings GROUP BY 1 WITH NO DATA");
    const auto all = add(target, "continuous_aggregate_policy('daily', NULL, NULL, interval '1 h'");
    EXPECT_THAT(check_until("now()").errors("jobs in the target"),
                ElementsAre(HasSubstr(fmt::format("\"public\".\"daily\": job {} (refresh)", all))));
    target.run("SELECT remove_continuous_aggregate_policy('daily')");
    add(target, "continuous_aggregate_policy('daily', interval '4 days', NULL, interval '1 h'");
    EXPECT_THAT(check_until("now() - interval '3 days'").errors("jobs in the target"), SizeIs(1));
    const auto later = check_until("now() - interval '5 days'");
    EXPECT_THAT(later.errors("jobs in the target"), IsEmpty());
    EXPECT_THAT(later.ok("jobs in the target"), Contains(HasSubstr("a window after the range")));
}

// ---------------------------------------------------------------- privileges

TEST_F(Check, MissingPrivilegesAreFound) {
    const Role reader(source, "reader");
    const Role owner(target, "owner");
    const auto report = check_between(reader.uri(), owner.uri());
    EXPECT_THAT(report.errors("privileges in the source"),
                ElementsAre(AllOf(HasSubstr("lacks 1 privilege"),
                                  HasSubstr("GRANT SELECT ON \"public\".\"readings\" TO"))));
    EXPECT_THAT(
        report.errors("privileges in the target"),
        ElementsAre(AllOf(HasSubstr("lacks 2 privileges"), HasSubstr("GRANT CREATE ON DATABASE"),
                          HasSubstr("ALTER TABLE \"public\".\"readings\" OWNER TO"))));
    EXPECT_THAT(report.all_of("error"), SizeIs(2));
    EXPECT_THAT(report.ok("size"), SizeIs(1));

    source.run("GRANT SELECT ON readings TO " + reader.name());
    target.run(fmt::format("ALTER TABLE readings OWNER TO {0}; GRANT CREATE ON DATABASE {1} TO {0}",
                           owner.name(), target.name()));
    EXPECT_THAT(check_between(reader.uri(), owner.uri()).findings, Each(StartsWith("ok ")));

    source.run("ALTER TABLE readings ENABLE ROW LEVEL SECURITY");
    EXPECT_THAT(check_between(reader.uri(), owner.uri()).errors("privileges in the source"),
                ElementsAre(HasSubstr("row level security hides rows")));
    source.run("ALTER TABLE readings DISABLE ROW LEVEL SECURITY");
    target.run("ALTER TABLE readings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
    EXPECT_THAT(check_between(reader.uri(), owner.uri()).errors("privileges in the target"),
                ElementsAre(HasSubstr("NO FORCE ROW LEVEL SECURITY")));
}

TEST_F(Check, SchemasWithoutUsageAreIgnored) {
    both("CREATE SCHEMA secret; ALTER TABLE readings SET SCHEMA secret");
    const Role reader(source, "reader");
    const auto report = check_between(reader.uri(), target.uri());
    EXPECT_THAT(report.errors("privileges in the source"),
                ElementsAre(HasSubstr("GRANT USAGE ON SCHEMA \"secret\"")));
    EXPECT_THAT(report.all_of("error"), SizeIs(1));
}

} // namespace
} // namespace test
