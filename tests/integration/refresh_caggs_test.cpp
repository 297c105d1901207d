// `refresh-caggs`, and the whole procedure of the guide.

#include "postgres/quote.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class RefreshCaggs : public Migration {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        NEEDS_SAME_VERSION();
    }

    static constexpr auto create_raw =
        "CREATE TABLE raw (time timestamptz NOT NULL, device int, value float8);"
        "SELECT create_hypertable('raw', 'time', chunk_time_interval => interval '1 day')";

    /// A hierarchy of three levels: one in a schema other than public, one whose name needs quotes,
    /// one that shows only materialized rows.
    static constexpr auto create_caggs =
        "CREATE SCHEMA agg;"
        "CREATE MATERIALIZED VIEW agg.hourly WITH (timescaledb.continuous, "
        "timescaledb.materialized_only = false) AS SELECT time_bucket('1 hour', time) AS bucket, "
        "device, max(value) AS value FROM raw GROUP BY 1, 2 WITH NO DATA;"
        "CREATE MATERIALIZED VIEW \"Daily \"\"agg\" WITH (timescaledb.continuous, "
        "timescaledb.materialized_only = true) AS SELECT time_bucket('1 day', bucket) AS bucket, "
        "device, max(value) AS value FROM agg.hourly GROUP BY 1, 2 WITH NO DATA;"
        "CREATE MATERIALIZED VIEW weekly WITH (timescaledb.continuous, "
        "timescaledb.materialized_only = true) AS SELECT time_bucket('7 days', bucket) AS bucket, "
        "device, max(value) AS value FROM \"Daily \"\"agg\" GROUP BY 1, 2 WITH NO DATA";

    static std::string insert(const std::string& from, const std::string& until) {
        return fmt::format("INSERT INTO raw SELECT t, d, extract(epoch FROM t) + d FROM "
                           "generate_series('{}'::timestamptz, '{}'::timestamptz - interval '1 s', "
                           "'20 min') t, generate_series(1, 3) d",
                           from, until);
    }

    void refresh_source(const std::string& until) {
        for (const std::string name : {"agg.hourly", "\"Daily \"\"agg\"", "weekly"})
            source.run(
                fmt::format("CALL refresh_continuous_aggregate('{}', NULL, '{}')", name, until));
    }

    /// The rows of an aggregate's materialization hypertable.
    static std::vector<std::string> materialized(Database& database, const std::string& view,
                                                 const std::string& condition = "true") {
        return database.rows(fmt::format(
            "SELECT bucket, device, value FROM {} WHERE {} ORDER BY 1, 2",
            database.value(fmt::format("SELECT format('%I.%I', materialization_hypertable_schema, "
                                       "materialization_hypertable_name) FROM "
                                       "timescaledb_information.continuous_aggregates WHERE "
                                       "format('%I.%I', view_schema, view_name) = {}",
                                       postgres::quote_literal(view))),
            condition));
    }

    void expect_same_materialization(const std::string& condition = "true") {
        for (const std::string view : {"agg.hourly", "public.\"Daily \"\"agg\"", "public.weekly"}) {
            SCOPED_TRACE(view);
            const auto rows = materialized(source, view, condition);
            EXPECT_FALSE(rows.empty());
            EXPECT_EQ(rows, materialized(target, view, condition));
        }
    }

    /// The state of the guide's procedure after `copy`. The schema was cloned, and dual-writes
    /// began, on the 20th at 06:00. Since then, the source has refreshed its aggregates, and
    /// dropped old rows that only the aggregates contain.
    void migrate_dual_written() {
        source.run(create_raw);
        source.run(insert("2024-01-01", "2024-01-20 06:00"));
        source.run(create_caggs);
        refresh_source("2024-01-16");
        source.run("SELECT drop_chunks('raw', older_than => '2024-01-07'::timestamptz)");
        clone_schema();
        both(insert("2024-01-20 06:00", "2024-01-30"));
        refresh_source("2024-01-29");
        migrate({"--until", "2024-01-20T06:00"});
    }
};

TEST_F(RefreshCaggs, EqualsTheSourceUpToItsWatermarkWithoutOldRawData) {
    migrate_dual_written();
    const auto output = backfill_ok({"refresh-caggs"});
    EXPECT_THAT(output, AllOf(HasSubstr("Refreshed \"agg\".\"hourly\" [2024-01-"),
                              HasSubstr("2024-01-29 00:00:00 UTC) in"),
                              HasSubstr("Refreshed 3 of 3 continuous aggregates.")));
    expect_same_materialization();
    // The lowest level is refreshed first.
    EXPECT_LT(output.find("hourly"), output.find("Daily"));
    EXPECT_LT(output.find("Daily"), output.find("weekly"));
    for (const std::string view : {"agg.hourly", "\"Daily \"\"agg\"", "weekly"})
        EXPECT_EQ(source.rows(fmt::format("SELECT * FROM {} ORDER BY 1, 2", view)),
                  target.rows(fmt::format("SELECT * FROM {} ORDER BY 1, 2", view)));
    EXPECT_THAT(
        backfill_ok({"refresh-caggs"}),
        AllOf(HasSubstr("weekly\" is up to date (to 2024-01-29"), HasSubstr("Refreshed 0 of 3")));
}

TEST_F(RefreshCaggs, KeepsCopiedRowsWhereTheTargetHasNeverRefreshed) {
    both(create_raw);
    source.run(insert("2024-01-01", "2024-01-20"));
    both(create_caggs);
    refresh_source("2024-01-16");
    source.run("SELECT drop_chunks('raw', older_than => '2024-01-10'::timestamptz)");
    migrate({"--until", "2024-01-20"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}),
                HasSubstr("Refreshed 0 of 3 continuous aggregates. Moved the watermark only: 3."));
    expect_same_materialization();
    EXPECT_EQ(source.rows("SELECT * FROM agg.hourly ORDER BY 1, 2"),
              target.rows("SELECT * FROM agg.hourly ORDER BY 1, 2"));
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("Refreshed 0 of 3"));
}

TEST_F(RefreshCaggs, FillsAggregatesThatWereNotCopied) {
    both(create_raw);
    source.run(insert("2024-01-01", "2024-01-20"));
    both(create_caggs);
    refresh_source("2024-01-16");
    migrate({"--until", "2024-01-20", "--filter", "^public\\.raw$"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("[-infinity, "));
    expect_same_materialization();
}

TEST_F(RefreshCaggs, SelectsByFilterAndCascades) {
    migrate_dual_written();
    EXPECT_THAT(
        backfill_ok({"refresh-caggs", "--filter", "hourly"}),
        AllOf(HasSubstr("Refreshed 1 of 1"), Not(HasSubstr("Daily")), Not(HasSubstr("weekly"))));
    EXPECT_THAT(backfill_ok({"refresh-caggs", "--filter", "daily", "--cascade-down"}),
                AllOf(HasSubstr("Refreshed 1 of 2"), HasSubstr("hourly\" is up to date")));
    EXPECT_THAT(backfill_ok({"refresh-caggs", "--filter", "daily", "--cascade-up"}),
                AllOf(HasSubstr("Refreshed 1 of 2"), HasSubstr("weekly")));
    expect_same_materialization();
    const auto outcome = backfill({"refresh-caggs", "--filter", "nothing like it"});
    EXPECT_EQ(outcome.exit_status, 2);
    EXPECT_THAT(outcome.errors, HasSubstr("matches no continuous aggregate"));
}

TEST_F(RefreshCaggs, ReportsThatThereIsNothingToDo) {
    both(create_raw);
    both(create_caggs);
    EXPECT_THAT(backfill_ok({"refresh-caggs"}),
                AllOf(HasSubstr("the source has not materialized it yet"), HasSubstr("0 of 3")));
    target.run(insert("2024-01-01", "2024-01-20"));
    target.run("CALL refresh_continuous_aggregate('agg.hourly', NULL, '2024-01-16')");
    EXPECT_THAT(backfill_ok({"refresh-caggs", "--filter", "hourly"}), HasSubstr("0 of 1"));
}

TEST_F(RefreshCaggs, ReportsAWindowSmallerThanABucket) {
    both(create_raw);
    both(insert("2024-01-01", "2024-01-20"));
    const std::string create =
        "CREATE MATERIALIZED VIEW sums WITH (timescaledb.continuous) AS "
        "SELECT time_bucket('{}', time) AS bucket, sum(value) FROM raw GROUP "
        "BY 1 WITH NO DATA";
    source.run(fmt::format(fmt::runtime(create), "1 hour"));
    target.run(fmt::format(fmt::runtime(create), "1 day"));
    source.run("CALL refresh_continuous_aggregate('sums', NULL, '2024-01-16 05:00')");
    target.run("CALL refresh_continuous_aggregate('sums', NULL, '2024-01-16')");
    EXPECT_THAT(backfill_ok({"refresh-caggs"}),
                AllOf(HasSubstr("[2024-01-16 00:00:00 UTC, 2024-01-16 05:00:00 UTC)"),
                      HasSubstr("less than a bucket"), HasSubstr("Refreshed 0 of 1")));
}

TEST_F(RefreshCaggs, NamesAggregatesThatFailAndContinues) {
    migrate_dual_written();
    target.run("DROP MATERIALIZED VIEW weekly; ALTER MATERIALIZED VIEW agg.hourly RENAME TO other");
    const auto outcome = backfill({"refresh-caggs"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                HasSubstr("Failed to refresh \"public\".\"weekly\": it is missing in "
                          "the target"));
    EXPECT_THAT(outcome.output, HasSubstr("Failed to refresh \"agg\".\"hourly\""));
    EXPECT_THAT(outcome.output, HasSubstr("Refreshed \"public\".\"Daily \"\"agg\""));
    EXPECT_THAT(outcome.output, HasSubstr("Refreshed 1 of 3 continuous aggregates. Failed: 2."));
}

TEST_F(RefreshCaggs, SupportsEveryTypeOfTimeColumn) {
    for (const std::string type : {"smallint", "integer", "bigint"}) {
        both(fmt::format(
            "CREATE TABLE by_{0} (tick {0} NOT NULL, value int);"
            "SELECT create_hypertable('by_{0}', 'tick', chunk_time_interval => 100);"
            "CREATE FUNCTION now_{0}() RETURNS {0} LANGUAGE sql STABLE AS 'SELECT 1000::{0}';"
            "SELECT set_integer_now_func('by_{0}', 'now_{0}');"
            "CREATE MATERIALIZED VIEW sums_{0} WITH (timescaledb.continuous) AS SELECT "
            "time_bucket({0} '10', tick) AS bucket, sum(value) FROM by_{0} GROUP BY 1 WITH NO DATA",
            type));
        source.run(
            fmt::format("INSERT INTO by_{} SELECT g, g FROM generate_series(-500, 500) g", type));
        source.run(
            fmt::format("CALL refresh_continuous_aggregate('sums_{0}', NULL, 200::{0})", type));
    }
    for (const std::string type : {"date", "timestamp"}) {
        both(fmt::format(
            "CREATE TABLE by_{0} (time {0} NOT NULL, value int);"
            "SELECT create_hypertable('by_{0}', 'time', chunk_time_interval => interval '30 days');"
            "CREATE MATERIALIZED VIEW sums_{0} WITH (timescaledb.continuous) AS SELECT "
            "time_bucket('7 days', time) AS bucket, sum(value) FROM by_{0} GROUP BY 1 WITH NO DATA",
            type));
        source.run(fmt::format("INSERT INTO by_{} SELECT t, 1 FROM "
                               "generate_series('1969-10-01'::timestamp, '1970-04-01', '6 h') t",
                               type));
        source.run(fmt::format(
            "CALL refresh_continuous_aggregate('sums_{0}', NULL, '1970-03-01'::{0})", type));
    }
    migrate({"--filter", "(by|sums)_.*int", "--until", "105"});
    migrate({"--filter", "(by|sums)_(date|timestamp)", "--until", "1970-01-20T12:00"});
    migrate({"--filter", "by_.*int", "--until", "600"});
    migrate({"--filter", "by_(date|timestamp)", "--until", "1970-05-01"});
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("Refreshed 5 of 5"));
    expect_equal();
}

TEST_F(RefreshCaggs, FollowsTheProcedureOfTheDocuments) {
    source.run(
        "CREATE SCHEMA schema1; CREATE SCHEMA schema2;"
        "CREATE TABLE schema1.with_timestamptz (time timestamptz NOT NULL, v int);"
        "SELECT create_hypertable('schema1.with_timestamptz', 'time');"
        "CREATE TABLE schema1.with_bigint (tick bigint NOT NULL, v int);"
        "SELECT create_hypertable('schema1.with_bigint', 'tick', chunk_time_interval => 100);"
        "CREATE TABLE schema2.other (time timestamptz NOT NULL, v int);"
        "SELECT create_hypertable('schema2.other', 'time');"
        "CREATE MATERIALIZED VIEW schema2.daily WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('1 day', time) AS bucket, sum(v) FROM schema2.other GROUP BY 1 WITH NO "
        "DATA;"
        "ALTER TABLE schema2.other SET (timescaledb.compress)");
    for (const std::string table : {"schema1.with_timestamptz", "schema2.other"})
        source.run(fmt::format(
            "INSERT INTO {} SELECT t, 1 FROM generate_series('2015-01-01'::timestamptz, "
            "'2017-06-01', '6 h') t",
            table));
    source.run("INSERT INTO schema1.with_bigint SELECT g, 1 FROM generate_series(0, 999) g");
    source.run("CALL refresh_continuous_aggregate('schema2.daily', NULL, '2016-12-01')");
    source.run("SELECT compress_chunk(c) FROM show_chunks('schema2.other', older_than => "
               "'2016-06-01'::timestamptz) c");
    clone_schema();

    backfill_ok(
        {"stage", "--filter", "^schema1\\.with_timestamptz$", "--until", "2015-06-01T00:00:00"});
    backfill_ok({"stage", "--filter", "^schema1\\.with_bigint$", "--until", "537"});
    backfill_ok({"stage", "--filter", "^schema2\\..*", "--until", "2017-01-01T00:00:00"});
    backfill_ok({"copy"});
    backfill_ok({"refresh-caggs"});
    EXPECT_THAT(backfill_ok({"verify"}), Not(HasSubstr("differs")));
    expect_equal_rows("schema1.with_timestamptz", "time < '2015-06-01'");
    expect_equal_rows("schema1.with_bigint", "tick < 537");
    expect_equal_rows("schema2.other", "time < '2017-01-01'");
    expect_equal_rows("schema2.daily", "bucket < '2016-12-01'");
    EXPECT_EQ(target.value("SELECT count(*) FROM schema1.with_bigint"), "537");
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("were finished"));
}

class RefreshWithoutCaggs : public Migration {};

TEST_F(RefreshWithoutCaggs, ReportsThatThereAreNone) {
    both("CREATE TABLE raw (time timestamptz NOT NULL); SELECT create_hypertable('raw', 'time')");
    EXPECT_THAT(backfill_ok({"refresh-caggs"}), HasSubstr("has no continuous aggregates"));
}

} // namespace
} // namespace test
