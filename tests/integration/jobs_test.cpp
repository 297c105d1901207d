// Turning the target's background jobs off and on.

#include "base/exit_status.hpp"
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
using testing::IsEmpty;
using testing::Not;

class Jobs : public Migration {
  protected:
    /// Four jobs: retention, refresh, a job of add_job(), and compression, which its owner has
    /// turned off.
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        target.run(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time');"
            "ALTER TABLE readings SET (timescaledb.compress)");
        target.run("CREATE MATERIALIZED VIEW \"Daily\" WITH (timescaledb.continuous) AS "
                   "SELECT time_bucket('1 day', time) AS day, count(*) FROM readings GROUP BY 1 "
                   "WITH NO DATA");
        retention = target.value("SELECT add_retention_policy('readings', interval '1 year')");
        refresh = target.value("SELECT add_continuous_aggregate_policy('\"Daily\"', NULL, "
                               "interval '1 day', interval '1 day')");
        target.run("CREATE PROCEDURE tidy(job_id int, config jsonb) LANGUAGE SQL AS 'SELECT 1'");
        action = target.value("SELECT add_job('tidy', interval '1 hour')");
        compression = target.value("SELECT add_compression_policy('readings', interval '1 day')");
        target.run(fmt::format("SELECT alter_job({}, scheduled => false)", compression));
    }

    std::vector<std::string> on() {
        return target.rows("SELECT job_id FROM timescaledb_information.jobs WHERE scheduled AND "
                           "job_id >= 1000 ORDER BY job_id");
    }

    std::string others() {
        return target.value("SELECT string_agg(job_id::text || scheduled, ',' ORDER BY job_id) "
                            "FROM timescaledb_information.jobs WHERE job_id < 1000");
    }

    std::string jobs(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "jobs");
        return backfill_ok(arguments);
    }

    std::string retention;
    std::string refresh;
    std::string action;
    std::string compression;
};

TEST_F(Jobs, ThatWereOnAreTurnedOffAndOnAgain) {
    const auto before = others();
    EXPECT_THAT(jobs({"disable"}),
                AllOf(HasSubstr(fmt::format("Turned off job {} (Retention Policy) on "
                                            "public.readings\n",
                                            retention)),
                      HasSubstr("on public.\"Daily\"\n"),
                      Not(HasSubstr(fmt::format("job {} (", compression))),
                      HasSubstr("Turned off 3 jobs.")));
    EXPECT_THAT(on(), IsEmpty());
    EXPECT_THAT(jobs({"disable"}), HasSubstr("Nothing to turn off"));
    EXPECT_THAT(jobs({"enable"}), HasSubstr("Turned on 3 jobs."));
    EXPECT_THAT(on(), ElementsAre(retention, refresh, action)) << "compression was off before";
    EXPECT_THAT(jobs({"enable"}), HasSubstr("Nothing to turn on"));
    EXPECT_EQ(others(), before);
}

TEST_F(Jobs, AreSelectedByWhatTheyWorkOn) {
    jobs({"disable", "--filter", "daily"});
    EXPECT_THAT(on(), ElementsAre(retention, action));
    jobs({"disable", "--filter", "tidy"});
    EXPECT_THAT(on(), ElementsAre(retention));
    jobs({"disable"});
    jobs({"enable", "--filter", "readings"});
    EXPECT_THAT(on(), ElementsAre(retention));
    jobs({"enable"});
    EXPECT_THAT(on(), ElementsAre(retention, refresh, action));
    jobs({"disable", "--filter", "^public\\.Daily$"});
    EXPECT_THAT(on(), ElementsAre(retention, action)) << "the pattern matches names without quotes";
    jobs({"enable"});
    auto outcome = backfill({"jobs", "disable", "--filter", "("});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.errors, HasSubstr("not a POSIX regular expression"));
    outcome = backfill({"jobs", "disable", "--filter", "^public.reading$"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.errors,
                AllOf(HasSubstr("matches no job"), HasSubstr("; the nearest: public.readings")));
}

TEST_F(Jobs, StayAsTheyAreInADryRun) {
    EXPECT_THAT(jobs({"disable", "--dry-run"}),
                AllOf(HasSubstr("Would turn off 3 jobs."), HasSubstr("Would turn off job")));
    EXPECT_THAT(on(), ElementsAre(retention, refresh, action));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')::text"), "");
    jobs({"disable"});
    EXPECT_THAT(jobs({"enable", "--dry-run"}), HasSubstr("Would turn on 3 jobs."));
    EXPECT_THAT(on(), IsEmpty());
}

TEST_F(Jobs, AreListed) {
    jobs({"disable", "--filter", "tidy"});
    const auto text = jobs({"list"});
    EXPECT_THAT(text, AllOf(HasSubstr("off, until jobs enable"), HasSubstr("public.tidy"),
                            HasSubstr("public.\"Daily\""), HasSubstr("4 jobs of the target"),
                            HasSubstr(": 2 on, 2 off.")));
}

TEST_F(Jobs, KeepTheQueueUntilTheyAreOnAgain) {
    jobs({"disable"});
    const auto outcome = backfill({"clean"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors,
                AllOf(HasSubstr(retention), HasSubstr("are still off"), HasSubstr("jobs enable")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.suspended_job"), "3");
    jobs({"enable"});
    backfill_ok({"clean"});
    EXPECT_THAT(jobs({"enable"}), HasSubstr("Nothing to turn on"));
}

TEST_F(Jobs, ThatAreGoneOrOnAlreadyAreForgotten) {
    jobs({"disable"});
    target.run(fmt::format("SELECT delete_job({})", action));
    target.run(fmt::format("SELECT alter_job({}, scheduled => true)", refresh));
    EXPECT_THAT(jobs({"enable"}), HasSubstr("Turned on"));
    EXPECT_THAT(on(), ElementsAre(retention, refresh));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.suspended_job"), "0");
}

TEST_F(Jobs, OfOtherRolesAreRefusedBeforeAnythingIsChanged) {
    const Role role(target);
    target.run(fmt::format("GRANT CREATE ON DATABASE {} TO {}", target.name(), role.name()));
    way_to_target = role.uri();
    const auto outcome = backfill({"jobs", "disable"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, AllOf(HasSubstr("the role does not own job " + retention),
                                      HasSubstr("connect as their owner")));
    EXPECT_THAT(on(), ElementsAre(retention, refresh, action));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')::text"), "");
}

TEST_F(Jobs, WhoseOwnersLackPrivilegesCauseAWarningWhenTurnedOn) {
    const Role role(target, "other");
    const auto ours = target.value("SELECT current_user");
    // As if only the owner of the hypertables had been changed.
    target.run(fmt::format("UPDATE _timescaledb_config.bgw_job SET owner = '{}' WHERE id >= 1000",
                           role.name()));
    jobs({"disable"});
    const auto warnings = [&] {
        const auto outcome = backfill({"jobs", "enable", "--dry-run"});
        EXPECT_EQ(outcome.exit_status, 0);
        return outcome.errors;
    };
    const auto errors = warnings();
    const std::string sentence =
        fmt::format(" fail: its owner {} does not have the privileges of {}", role.name(), ours);
    EXPECT_THAT(errors, AllOf(HasSubstr("on public.readings" + sentence),
                              HasSubstr("on public.\"Daily\"" + sentence),
                              Not(HasSubstr(fmt::format("job {} ", action)))));
    const auto give = [](const std::string& object, const std::string& to) {
        return fmt::format("ALTER {} OWNER TO \"{}\"", object, to);
    };
    for (const auto* object : {"TABLE public.readings", "MATERIALIZED VIEW public.\"Daily\""})
        EXPECT_THAT(errors, HasSubstr(give(object, role.name())));
    if (version_at_least(2, 26)) {
        for (const auto* object : {"TABLE public.readings", "MATERIALIZED VIEW public.\"Daily\""}) {
            EXPECT_THAT(errors, HasSubstr(give(object, ours)));
            target.run(give(object, ours));
        }
    } else {
        for (const auto& job : {retention, refresh}) {
            const auto update = fmt::format("UPDATE _timescaledb_config.bgw_job SET owner = "
                                            "'\"{}\"' WHERE id = {}",
                                            ours, job);
            const auto alter =
                fmt::format("SELECT \"public\".\"alter_job\"({}, scheduled => true)", job);
            EXPECT_THAT(errors, HasSubstr(update + "; " + alter));
            target.run(update);
        }
    }
    EXPECT_THAT(warnings(), Not(HasSubstr("does not have the privileges")));
    target.run(fmt::format("UPDATE _timescaledb_config.bgw_job SET owner = '{}' WHERE id >= 1000",
                           role.name()));
    for (const auto* object : {"TABLE public.readings", "MATERIALIZED VIEW public.\"Daily\""})
        target.run(give(object, role.name()));
    EXPECT_THAT(warnings(), Not(HasSubstr("does not have the privileges")));
}

TEST_F(Jobs, KeepTheirTimeZones) {
    const auto zoned = target.value("SELECT add_job('tidy', interval '1 day', timezone => "
                                    "'Europe/Berlin', initial_start => '2100-01-01 05:00')");
    const auto timezone =
        fmt::format("SELECT timezone FROM _timescaledb_config.bgw_job WHERE id = {}", zoned);
    jobs({"disable"});
    EXPECT_EQ(target.value(timezone), "Europe/Berlin");
    jobs({"enable"});
    EXPECT_EQ(target.value(timezone), "Europe/Berlin");
}

TEST_F(Jobs, ThatDropByCreationAreTurnedOffAndOn) {
    target.run("SELECT remove_retention_policy('readings')");
    const auto policy = target.value(
        "SELECT add_retention_policy('readings', drop_created_before => interval '1 year')");
    EXPECT_THAT(jobs({"disable"}), HasSubstr("Turned off 3 jobs."));
    EXPECT_THAT(on(), IsEmpty());
    EXPECT_THAT(jobs({"enable"}), HasSubstr("Turned on 3 jobs."));
    EXPECT_THAT(on(), ElementsAre(refresh, action, policy));
}

TEST_F(Jobs, OfAggregatesOnAggregatesAreTurnedOffAndOn) {
    target.run("CREATE MATERIALIZED VIEW monthly WITH (timescaledb.continuous) AS "
               "SELECT time_bucket('30 days', day) AS month, sum(count) FROM \"Daily\" GROUP BY 1 "
               "WITH NO DATA");
    const auto upper = target.value("SELECT add_continuous_aggregate_policy('monthly', NULL, "
                                    "interval '1 day', interval '1 day')");
    EXPECT_THAT(jobs({"disable"}), HasSubstr("Turned off 4 jobs."));
    EXPECT_THAT(on(), IsEmpty());
    EXPECT_THAT(jobs({"enable"}), HasSubstr("Turned on 4 jobs."));
    EXPECT_THAT(on(), ElementsAre(retention, refresh, action, upper));
}

TEST_F(Jobs, WhoseIntegerNowFunctionNamesATableWithoutASchemaAreTurnedOffAndOn) {
    target.run("CREATE TABLE ticks (tick bigint NOT NULL);"
               "SELECT create_hypertable('ticks', 'tick', chunk_time_interval => 10);"
               "CREATE FUNCTION ticks_now() RETURNS bigint LANGUAGE sql STABLE AS "
               "'SELECT coalesce(max(tick), 0) FROM ticks';"
               "SELECT set_integer_now_func('ticks', 'ticks_now')");
    target.run("SELECT add_retention_policy('ticks', 100)");
    EXPECT_THAT(jobs({"disable"}), HasSubstr("Turned off 4 jobs."));
    EXPECT_THAT(jobs({"enable"}), HasSubstr("Turned on 4 jobs."));
}

TEST_F(Jobs, ThatTheServerRefusesToAlterAreNamed) {
    target.run("CREATE FUNCTION agree(jsonb) RETURNS void LANGUAGE sql AS ''");
    const auto refused = target.value(
        "SELECT add_job('tidy', interval '1 day', config => '{}', check_config => 'agree')");
    target.run("CREATE OR REPLACE FUNCTION agree(jsonb) RETURNS void LANGUAGE plpgsql AS "
               "$$BEGIN RAISE 'not today'; END$$");
    const auto before = on();
    const auto outcome = backfill({"jobs", "disable"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors,
                AllOf(HasSubstr("cannot turn off job " + refused), HasSubstr("not today")));
    EXPECT_EQ(on(), before);
}

TEST_F(Jobs, RequireAnAction) {
    const auto outcome = backfill({"jobs"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.errors, HasSubstr("ACTION"));
    EXPECT_EQ(backfill({"jobs", "off"}).exit_status, exit_usage);
}

} // namespace
} // namespace test
