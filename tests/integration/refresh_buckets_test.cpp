// Which buckets `refresh-caggs` computes, and which copied buckets it keeps.

#include "base/exit_status.hpp"
#include "postgres/quote.hpp"
#include "support/migration.hpp"

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

/// A table `flow` with a row for each hour, and real-time aggregates that read it.
class RefreshBuckets : public Migration {
  protected:
    using Migration::Migration;

    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        NEEDS_SAME_VERSION();
    }

    static std::string create_flow(const std::string& interval = "7 days") {
        return fmt::format("CREATE TABLE flow (at timestamptz NOT NULL, n int);"
                           "SELECT create_hypertable('flow', 'at', chunk_time_interval => "
                           "interval '{}')",
                           interval);
    }

    /// \param bucket arguments of time_bucket().
    static std::string create(const std::string& name, const std::string& bucket,
                              const std::string& from = "flow",
                              const std::string& aggregate = "count(*)") {
        return fmt::format("CREATE MATERIALIZED VIEW {} WITH (timescaledb.continuous, "
                           "timescaledb.materialized_only = false) AS SELECT time_bucket({}) AS "
                           "bucket, {} AS n FROM {} GROUP BY 1 WITH NO DATA",
                           name, bucket, aggregate, from);
    }

    /// A row for each hour.
    static std::string hours(const std::string& from, const std::string& until) {
        return fmt::format(
            "INSERT INTO flow SELECT t, 1 FROM generate_series('{}+00'::timestamptz, "
            "'{}+00'::timestamptz - interval '1 s', '1 hour') t",
            from, until);
    }

    static std::string refresh(const std::string& name, const std::string& until) {
        return fmt::format("CALL refresh_continuous_aggregate('{}', NULL, {})", name,
                           until == "NULL" ? until : "'" + until + "+00'::timestamptz");
    }

    static std::vector<std::string> shown(Database& database, const std::string& name) {
        return database.rows(
            fmt::format("SELECT to_char(bucket AT TIME ZONE 'UTC', 'MM-DD HH24'), n "
                        "FROM {} ORDER BY 1",
                        name));
    }

    static std::string hypertable_of(Database& database, const std::string& name) {
        return database.value(
            fmt::format("SELECT format('%I.%I', materialization_hypertable_schema, "
                        "materialization_hypertable_name) FROM "
                        "timescaledb_information.continuous_aggregates WHERE view_name = '{}'",
                        name));
    }

    static std::vector<std::string> materialized(Database& database, const std::string& name) {
        return shown(database, hypertable_of(database, name));
    }

    static std::string watermark(Database& database, const std::string& name) {
        return database.value(
            fmt::format("SELECT _timescaledb_functions.cagg_watermark(mat_hypertable_id) FROM "
                        "_timescaledb_catalog.continuous_agg WHERE user_view_name = '{}'",
                        name));
    }

    void expect_same(const std::string& name) {
        SCOPED_TRACE(name);
        EXPECT_THAT(materialized(source, name), Not(IsEmpty()));
        EXPECT_EQ(materialized(source, name), materialized(target, name));
        EXPECT_EQ(shown(source, name), shown(target, name));
        EXPECT_EQ(watermark(source, name), watermark(target, name));
    }
};

// ---------------------------------------------------------------- missing rows

TEST_F(RefreshBuckets, KeepsAWeekWhoseFirstDaysWereDropped) {
    both(create_flow());
    both(create("flow_weekly", "'7 days', at"));
    source.run(hours("2025-06-02", "2025-06-17"));
    source.run(refresh("flow_weekly", "2025-06-16"));
    source.run("SELECT drop_chunks('flow', older_than => '2025-06-12 00:00+00'::timestamptz)");
    migrate({"--until", "2025-06-18"});
    backfill_ok({"verify"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}),
                AllOf(HasSubstr("Moved the watermark of \"public\".\"flow_weekly\" to 2025-06-16 "
                                "00:00:00 UTC"),
                      HasSubstr("Moved the watermark only: 1.")));
    EXPECT_THAT(shown(target, "flow_weekly"),
                ElementsAre("06-02 00|168", "06-09 00|168", "06-16 00|24"));
    expect_same("flow_weekly");
    backfill_ok({"verify", "--all"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("is up to date (to 2025-06-16"));
}

TEST_F(RefreshBuckets, KeepsDaysWithoutRows) {
    both(create_flow("1 day"));
    both(create("daily", "'1 day', at"));
    source.run(hours("2025-06-02", "2025-06-05"));
    source.run(refresh("daily", "2025-06-05"));
    source.run("SELECT drop_chunks('flow', older_than => '2025-07-01'::timestamptz)");
    migrate({"--until", "2025-06-18"});
    backfill_ok({"refresh-caggs"});
    EXPECT_THAT(shown(target, "daily"), ElementsAre("06-02 00|24", "06-03 00|24", "06-04 00|24"));
    expect_same("daily");
}

TEST_F(RefreshBuckets, KeepsBucketsInAHierarchy) {
    both(create_flow("1 day"));
    both(create("daily", "'1 day', at"));
    both(create("weekly", "'7 days', bucket", "daily", "sum(n)"));
    source.run(hours("2025-06-02", "2025-06-20"));
    source.run(refresh("daily", "2025-06-17"));
    source.run(refresh("weekly", "2025-06-16"));
    source.run("SELECT drop_chunks('flow', older_than => '2025-06-12'::timestamptz)");
    source.run("SELECT drop_chunks('daily', older_than => '2025-06-12'::timestamptz)");
    migrate({"--until", "2025-06-20"});
    backfill_ok({"refresh-caggs"});
    expect_same("daily");
    expect_same("weekly");
    EXPECT_THAT(materialized(target, "weekly"), ElementsAre("06-02 00|168", "06-09 00|168"));
}

TEST_F(RefreshBuckets, RefreshesCompleteBucketsAndReportsOthers) {
    both(create_flow("1 day"));
    both(create("weekly", "'7 days', at"));
    both(create("daily", "'1 day', at"));
    source.run(hours("2025-06-02", "2025-06-30"));
    source.run(refresh("weekly", "2025-06-30"));
    source.run(refresh("daily", "2025-06-30"));
    // Drop the oldest rows, and some in the middle.
    source.run("SELECT drop_chunks('flow', older_than => '2025-06-05 00:00+00'::timestamptz)");
    source.run("SELECT drop_chunks('flow', older_than => '2025-06-19 00:00+00'::timestamptz, "
               "newer_than => '2025-06-17 00:00+00'::timestamptz)");
    migrate({"--filter", "^public\\.flow$", "--until", "2025-07-01"});
    const auto outcome = backfill({"refresh-caggs"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(
        outcome.output,
        AllOf(
            HasSubstr("Failed to refresh \"public\".\"weekly\": 2 buckets of [2025-06-02 00:00:00 "
                      "UTC, 2025-06-09 00:00:00 UTC), [2025-06-16 00:00:00 UTC, 2025-06-23 "
                      "00:00:00 UTC) cannot be computed as in the source"),
            HasSubstr("Failed to refresh \"public\".\"daily\": 5 buckets of"),
            HasSubstr("stage and copy the aggregate itself")));
    EXPECT_THAT(materialized(target, "weekly"), ElementsAre("06-09 00|168", "06-23 00|168"));
    EXPECT_EQ(materialized(target, "daily").size(), 23U);
    EXPECT_EQ(target.value("SELECT count(*) FROM daily WHERE n <> 24"), "0");
    // Follow the remedy from the message.
    migrate({"--filter", "^public\\.(weekly|daily)$", "--until", "2025-07-01"});
    backfill_ok({"refresh-caggs"});
    expect_same("weekly");
    expect_same("daily");
}

TEST_F(RefreshBuckets, RecognizesGaps) {
    both(create_flow("1 day"));
    both(create("weekly", "'7 days', at"));
    // Rows begin on a Wednesday, and there are none at weekends: these days never had chunks.
    source.run(hours("2025-06-04", "2025-06-07"));
    source.run(hours("2025-06-09", "2025-06-14"));
    source.run(hours("2025-06-16", "2025-06-21"));
    source.run(refresh("weekly", "2025-06-23"));
    migrate({"--filter", "^public\\.flow$", "--until", "2025-07-01"});
    backfill_ok({"refresh-caggs"});
    EXPECT_THAT(materialized(target, "weekly"),
                ElementsAre("06-02 00|72", "06-09 00|120", "06-16 00|120"));
    expect_same("weekly");
}

TEST_F(RefreshBuckets, LeavesOutBucketsWhoseRowsAreNotCopied) {
    both(create_flow("1 day"));
    both(create("daily", "'1 day', at"));
    source.run(hours("2025-06-02", "2025-06-06"));
    source.run(refresh("daily", "2025-06-06"));
    migrate({"--filter", "^public\\.flow$", "--until", "2025-06-04"});
    backfill_ok({"stage", "--filter", "^public\\.flow$", "--until", "2025-06-06"});
    const auto outcome = backfill({"refresh-caggs"});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(
        outcome.output,
        HasSubstr("[2025-06-04 00:00:00 UTC, 2025-06-06 00:00:00 UTC) is left out because not "
                  "all of its rows are copied yet; run copy"));
    EXPECT_THAT(materialized(target, "daily"), ElementsAre("06-02 00|24", "06-03 00|24"));
    backfill_ok({"copy"});
    backfill_ok({"refresh-caggs"});
    expect_same("daily");
}

// ---------------------------------------------------------------- the bucket that --until cuts

TEST_F(RefreshBuckets, RefreshesTheBucketThatUntilCuts) {
    both(create_flow("1 day"));
    both(create("daily", "'1 day', at"));
    source.run(hours("2025-06-02", "2025-06-10 10:00"));
    source.run(refresh("daily", "NULL")); // up to the last row, as a policy may
    migrate({"--until", "2025-06-10 10:00"});
    EXPECT_EQ(materialized(target, "daily").back(), "06-10 00|10");
    both(hours("2025-06-10 10:00", "2025-06-14"));
    source.run(refresh("daily", "2025-06-13"));
    backfill_ok({"refresh-caggs"});
    expect_same("daily");
    EXPECT_EQ(target.value("SELECT n FROM daily WHERE bucket = '2025-06-10 00:00+00'"), "24");
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("Refreshed 0 of 1"));
}

/// Ten days ago at 10:00, as SQL.
constexpr auto completion =
    "date_trunc('day', now(), 'UTC') - interval '10 days' + interval '10 h'";

/// A policy that refreshes the last three days, and its effect after `jobs enable`.
class RefreshPolicies : public RefreshBuckets {
  protected:
    RefreshPolicies() : RefreshBuckets() {}
    explicit RefreshPolicies(const DatabaseOptions& of_source) : RefreshBuckets(of_source) {}

    std::string until() { return target.value(fmt::format("SELECT {}", completion)); }

    static std::string rows(const std::string& from, const std::string& until) {
        return fmt::format("INSERT INTO flow SELECT t, 1 FROM generate_series({}, {} - interval "
                           "'1 s', '1 hour') t",
                           from, until);
    }

    void create_policy() {
        target.run("SELECT alter_job(add_continuous_aggregate_policy('daily', interval '3 days', "
                   "interval '1 hour', interval '1 hour'), scheduled => false)");
    }

    /// Runs the policy, as the scheduler does after `jobs enable`.
    void run_policy() {
        target.run(fmt::format(
            "CALL run_job({})",
            target.value("SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = "
                         "'policy_refresh_continuous_aggregate'")));
    }

    /// Expects ten days, from the day before the completion point on, with all their rows.
    void expect_days() {
        EXPECT_EQ(
            target.value(fmt::format(
                "SELECT count(*) FROM {0} WHERE n = 24 AND bucket >= {1} - interval '11 days' "
                "AND bucket < {1} - interval '1 day'",
                hypertable_of(target, "daily"), today)),
            "10");
    }

    static constexpr auto begin = "date_trunc('day', now(), 'UTC') - interval '20 days'";
    static constexpr auto today = "date_trunc('day', now(), 'UTC')";
};

TEST_F(RefreshPolicies, MayStartAfterTheSourcesWatermark) {
    both(create_flow("1 day"));
    both(create("daily", "'1 day', at"));
    source.run(rows(begin, completion));
    create_policy();
    migrate({"--until", until()});
    both(rows(completion, today));
    source.run(fmt::format(
        "CALL refresh_continuous_aggregate('daily', NULL, {} - interval '8 days')", today));
    backfill_ok({"refresh-caggs"});
    run_policy();
    expect_days();
    EXPECT_EQ(shown(source, "daily"), shown(target, "daily"));
}

TEST_F(RefreshPolicies, LeaveAGapThatIsReported) {
    both(create_flow("3650 days")); // so that the aggregate's chunk ends after --until
    both(create("daily", "'1 day', at"));
    source.run(rows(begin, completion));
    source.run(fmt::format("CALL refresh_continuous_aggregate('daily', NULL, {} - interval '15 "
                           "days')",
                           today));
    create_policy();
    migrate({"--until", until()});
    both(rows(completion, today));
    const auto output = backfill_ok({"refresh-caggs"});
    EXPECT_THAT(output, AllOf(HasSubstr("Not refreshed: \"public\".\"daily\" ["),
                              HasSubstr(": the source has not materialized it")));
    EXPECT_THAT(backfill_ok({"refresh-caggs"}),
                AllOf(HasSubstr("Not refreshed: \"public\".\"daily\" ["),
                      HasSubstr("\"daily\" is otherwise up to date (to ")));
    backfill_ok({"verify"});
    const auto call = output.find("CALL ");
    ASSERT_NE(call, std::string::npos);
    target.run(output.substr(call, output.find('\n', call) - call));
    run_policy();
    expect_days();
    EXPECT_EQ(shown(source, "daily"), shown(target, "daily"));
}

class RefreshFromPlain : public RefreshPolicies {
  protected:
    RefreshFromPlain() : RefreshPolicies(DatabaseOptions{.with_extension = false}) {}

    void SetUp() override {
        if (!target.is_community())
            GTEST_SKIP() << "needs the Community edition";
    }
};

TEST_F(RefreshFromPlain, MaterializesUpToWhatPoliciesRefresh) {
    source.run("CREATE TABLE flow (at timestamptz NOT NULL, n int); CREATE INDEX ON flow (at)");
    target.run(create_flow("1 day"));
    target.run(create("daily", "'1 day', at"));
    create_policy();
    source.run(rows(begin, completion));
    migrate({"--until", until()});
    both(rows(completion, today));
    backfill_ok({"refresh-caggs"});
    run_policy();
    expect_days();
    EXPECT_EQ(target.value("SELECT count(*) FROM daily"), "20");
}

TEST_F(RefreshFromPlain, MaterializesTheBucketsAtBothEnds) {
    source.run("CREATE TABLE flow (at timestamptz NOT NULL, n int); CREATE INDEX ON flow (at)");
    target.run(create_flow("1 day"));
    target.run(create("weekly", "'7 days', at"));
    source.run(hours("2025-06-04", "2025-06-20 10:00")); // from a Wednesday to a Friday
    migrate({"--until", "2025-06-20 10:00"});
    both(hours("2025-06-20 10:00", "2025-06-24"));
    backfill_ok({"refresh-caggs"});
    EXPECT_THAT(materialized(target, "weekly"),
                ElementsAre("06-02 00|120", "06-09 00|168", "06-16 00|168"));
    // Buckets whose rows retention drops in the target are not computed again.
    target.run("SELECT drop_chunks('flow', older_than => '2025-06-12 00:00+00'::timestamptz)");
    backfill_ok({"refresh-caggs"});
    EXPECT_THAT(materialized(target, "weekly"),
                ElementsAre("06-02 00|120", "06-09 00|168", "06-16 00|168"));
}

TEST_F(RefreshFromPlain, NamesTheBucketThatFromCuts) {
    source.run("CREATE TABLE flow (at timestamptz NOT NULL, n int); CREATE INDEX ON flow (at)");
    target.run(create_flow("1 day"));
    target.run(create("weekly", "'7 days', at"));
    source.run(hours("2025-06-02", "2025-06-23"));
    migrate({"--from", "2025-06-04 12:00", "--until", "2025-06-23"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}),
                AllOf(HasSubstr("Not refreshed: \"public\".\"weekly\" [2025-06-02 00:00:00 UTC, "
                                "2025-06-09 00:00:00 UTC): --from cuts it"),
                      HasSubstr("CALL ")));
    EXPECT_THAT(materialized(target, "weekly"), ElementsAre("06-09 00|168", "06-16 00|168"));
}

// ---------------------------------------------------------------- boundaries of buckets

struct Bucketing {
    std::string name;
    std::string arguments;
    std::string first;  ///< the end of the source's refresh before the copy
    std::string second; ///< the end of the next bucket
};

class RefreshBucketing : public RefreshBuckets, public testing::WithParamInterface<Bucketing> {};

TEST_P(RefreshBucketing, ReachesTheSourcesWatermark) {
    both(create_flow("1 day"));
    both(create("cut", GetParam().arguments));
    source.run(hours("2025-03-01", "2025-06-09 13:00"));
    source.run(refresh("cut", GetParam().first));
    migrate({"--until", "2025-06-09 13:00"});
    // Computed buckets are reported one by one, too.
    const auto output = backfill_ok({"refresh-caggs"});
    EXPECT_THAT(output, HasSubstr(output.find("Refreshed \"") != std::string::npos
                                      ? "Refreshed 1 of 1 continuous aggregate.\n"
                                      : "Moved the watermark only: 1."));
    expect_same("cut");
    if (GetParam().name != "months_with_offset" ||
        version_at_least(2, 25)) { // before, the view shows some rows twice
        EXPECT_EQ(target.value("SELECT sum(n) FROM cut"),
                  source.value("SELECT count(*) FROM flow"));
    }

    // A single bucket whose rows were written to both sides.
    both(hours("2025-06-09 13:00", "2025-09-01"));
    source.run(refresh("cut", GetParam().second));
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("Refreshed 1 of 1"));
    expect_same("cut");
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("Refreshed 0 of 1"));
}

TEST_P(RefreshBucketing, IsMaterializedWhereNothingWasCopied) {
    both(create_flow("1 day"));
    both(create("cut", GetParam().arguments));
    source.run(hours("2025-03-01", "2025-07-09 13:00"));
    source.run(refresh("cut", GetParam().first));
    migrate({"--filter", "flow", "--until", "2025-07-09 13:00"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("Refreshed 1 of 1"));
    expect_same("cut");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, RefreshBucketing,
    testing::Values(Bucketing{"offset", "'1 day', at, \"offset\" => interval '6 hours'",
                              "2025-06-09 06:00", "2025-06-10 06:00"},
                    Bucketing{"origin",
                              "'7 days', at, origin => '2000-01-02 05:00+00'::timestamptz",
                              "2025-06-08 05:00", "2025-06-15 05:00"},
                    Bucketing{"months", "'1 month', at", "2025-06-01", "2025-07-01"},
                    Bucketing{"months_with_offset",
                              "'1 month', at, \"offset\" => interval '2 days'", "2025-06-03",
                              "2025-07-03"},
                    // Clocks went forward on 30 March.
                    Bucketing{"time_zone", "'1 day', at, 'Europe/Berlin'", "2025-06-07 22:00",
                              "2025-06-08 22:00"},
                    Bucketing{"months_in_a_time_zone", "'1 month', at, 'Europe/Berlin'",
                              "2025-05-31 22:00", "2025-06-30 22:00"}),
    [](const auto& made) { return made.param.name; });

} // namespace
} // namespace test
