// What `stage` selects, accepts, refuses and adds to the queue.

#include "support/migration.hpp"
#include "support/proxy.hpp"
#include "support/role.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

using Arguments = std::vector<std::string>;
using Rows = std::vector<std::string>;

constexpr auto one_line = "timescaledb-backfill: [^\n]+\n";
constexpr auto free_port = "1"; // of 127.0.0.1, where nobody listens

class Stage : public Migration {
  protected:
    /// Creates a hypertable on both sides. The name may include a schema.
    void create(const std::string& name, const std::string& type, const std::string& interval) {
        both(fmt::format("CREATE TABLE {0} (time {1} NOT NULL, value float8);"
                         "SELECT create_hypertable('{0}', 'time', chunk_time_interval => {2})",
                         name, type, interval));
    }

    /// Creates a hypertable with chunks of ten ticks. The source has a row for each tick from -35
    /// to 34.
    void create_ticks(const std::string& name = "ticks", const std::string& type = "integer") {
        create(name, type, "10");
        source.run(fmt::format("INSERT INTO {} SELECT g, 0 FROM generate_series(-35, 34) g", name));
    }

    /// Creates a hypertable with chunks of a day. The source has a row per hour for the first three
    /// days of 2024.
    void create_readings(const std::string& name = "readings",
                         const std::string& type = "timestamptz") {
        create(name, type, "interval '1 day'");
        source.run(fmt::format("INSERT INTO {} SELECT t, 0 FROM "
                               "generate_series('2024-01-01'::timestamp, '2024-01-03 23:00', "
                               "'1 hour') t",
                               name));
    }

    std::string stage_ok(Arguments arguments) const {
        arguments.insert(arguments.begin(), "stage");
        return backfill_ok(arguments);
    }

    /// The names of the hypertables and aggregates with tasks, as users know them.
    Rows staged() {
        return target.rows("SELECT DISTINCT format('%I.%I', coalesce(cagg_schema, "
                           "hypertable_schema), coalesce(cagg_name, hypertable_name)) "
                           "FROM __backfill.task ORDER BY 1");
    }

    /// What stage selects without an existing queue.
    Rows selected(Arguments arguments) {
        target.run("DROP SCHEMA IF EXISTS __backfill CASCADE");
        arguments.insert(arguments.end(), {"--until", "2025-01-01"});
        stage_ok(arguments);
        return staged();
    }

    /// The slice of each chunk of an integer hypertable, and the ranges that are copied.
    Rows staged_ranges(const std::string& hypertable = "ticks") {
        return target.rows(fmt::format("SELECT slice || ' ' || range FROM __backfill.task "
                                       "WHERE hypertable_name = '{}' ORDER BY slice",
                                       hypertable));
    }

    /// The same for a hypertable by time, whose chunks have one range each.
    Rows staged_times(const std::string& hypertable = "readings") {
        const auto text = [](const std::string& range) {
            return fmt::format("to_char(to_timestamp(lower({0}) / 1e6), 'MM-DD HH24:MI') || ' to ' "
                               "|| to_char(to_timestamp(upper({0}) / 1e6), 'MM-DD HH24:MI')",
                               range);
        };
        return target.rows(fmt::format("SELECT {} || ': ' || {} FROM __backfill.task WHERE "
                                       "hypertable_name = '{}' ORDER BY slice",
                                       text("slice"), text("range"), hypertable));
    }

    std::string tasks(const std::string& condition = "true") {
        return target.value("SELECT count(*) FROM __backfill.task WHERE " + condition);
    }

    bool has_queue() {
        return target.value("SELECT to_regnamespace('__backfill') IS NOT NULL") == "t";
    }

    /// Changes a setting for new sessions in a database.
    static void set(Database& database, const std::string& setting) {
        database.run(fmt::format("ALTER DATABASE {} SET {}", database.name(), setting));
    }

    /// Locks the tasks that satisfy a condition, as a copy does, until the returned connection is
    /// closed or has been idle for 15 s.
    std::unique_ptr<postgres::Connection> claim(const std::string& condition) {
        auto connection = target.connect();
        connection->execute("SET idle_in_transaction_session_timeout = '15s'");
        connection->execute("BEGIN; SELECT FROM __backfill.task WHERE " + condition +
                            " FOR NO KEY UPDATE");
        return connection;
    }

    /// Blocks sessions that read the list of aggregates, as stage does, until the returned
    /// connection is closed.
    static std::unique_ptr<postgres::Connection> lock_catalog(const Database& database) {
        auto connection = database.connect();
        connection->execute("BEGIN; LOCK TABLE _timescaledb_catalog.continuous_agg");
        return connection;
    }

    /// True if a session has waited for a lock for longer than a time.
    static bool waits(Database& database, const std::string& time) {
        return database.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                              "current_database() AND wait_event_type = 'Lock' AND "
                              "clock_timestamp() - query_start > interval '" +
                              time + "'") != "0";
    }

    /// Expects a command to end with a status and a message of one line, and not to create a queue.
    template <typename Matcher>
    void expect_refused(const Outcome& outcome, int status, const Matcher& why) {
        EXPECT_EQ(outcome.exit_status, status);
        EXPECT_EQ(outcome.output, "");
        EXPECT_THAT(outcome.errors, AllOf(MatchesRegex(one_line), why));
        EXPECT_FALSE(has_queue());
    }

    template <typename Matcher>
    void expect_refused(Arguments arguments, int status, const Matcher& why) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        arguments.insert(arguments.begin(), "stage");
        expect_refused(backfill(arguments), status, why);
    }

    template <typename Matcher>
    void expect_refused_between(const std::string& source_uri, const std::string& target_uri,
                                const Matcher& why) {
        expect_refused(run_program({"stage", "--until", "2025-01-01", "--source", source_uri,
                                    "--target", target_uri}),
                       1, why);
    }
};

/// A snapshot of the source, exported during the lifetime of the object.
class Snapshot {
  public:
    explicit Snapshot(const Database& source) : connection_(source.connect()) {
        connection_->execute("BEGIN ISOLATION LEVEL REPEATABLE READ");
        id_ = connection_->query("SELECT pg_export_snapshot() AS id").string(0, "id");
    }

    const std::string& id() const { return id_; }

  private:
    std::unique_ptr<postgres::Connection> connection_;
    std::string id_;
};

// ---------------------------------------------------------------- selection

class StageSelection : public Stage {};

TEST_F(StageSelection, WithoutAFilterIsAllHypertables) {
    both("CREATE SCHEMA other; CREATE TABLE plain (time timestamptz)");
    create_readings();
    create_readings("other.readings", "date");
    EXPECT_THAT(selected({}), ElementsAre("other.readings", "public.readings"));
}

TEST_F(StageSelection, UsesACaseInsensitiveRegularExpression) {
    for (const std::string name : {"cpu", "cpu_load", "memory"})
        create_readings(name);
    EXPECT_THAT(selected({"--filter", "CPU"}), ElementsAre("public.cpu", "public.cpu_load"));
    EXPECT_THAT(selected({"-f", "^Public\\.cpu$"}), ElementsAre("public.cpu"));
    EXPECT_THAT(selected({"--filter=_load|^public\\.mem"}),
                ElementsAre("public.cpu_load", "public.memory"));
}

TEST_F(StageSelection, MatchesTheQuotedNameOfSchemaAndTable) {
    both(R"(CREATE SCHEMA "My Schema")");
    for (const std::string name : {"plain", R"("Mixed Case")", R"("we""ird")", R"("dotted.name")",
                                   R"("back\slash ü")", R"("My Schema".plain)"})
        create_readings(name);
    EXPECT_THAT(selected({"--filter", R"(^public\."mixed case"$)"}),
                ElementsAre(R"(public."Mixed Case")"));
    EXPECT_THAT(selected({"--filter", R"("we""ird")"}), ElementsAre(R"(public."we""ird")"));
    EXPECT_THAT(selected({"--filter", R"("dotted\.name"$)"}),
                ElementsAre(R"(public."dotted.name")"));
    EXPECT_THAT(selected({"--filter", R"(k\\slash ü)"}), ElementsAre(R"(public."back\slash ü")"));
    EXPECT_THAT(selected({"--filter", R"(^"My Schema"\.)"}), ElementsAre(R"("My Schema".plain)"));
    EXPECT_THAT(selected({"--filter", R"(^[^.]*\.plain$)"}),
                ElementsAre(R"("My Schema".plain)", "public.plain"));
    EXPECT_THAT(selected({"--filter", R"(^public\.mixed case$)"}),
                ElementsAre(R"(public."Mixed Case")"))
        << "the pattern matches names without quotes";
    EXPECT_THAT(selected({"--filter", R"(^public\.we"ird$)"}), ElementsAre(R"(public."we""ird")"));
    target.run("DROP SCHEMA __backfill CASCADE");
    expect_refused(
        {"--until", "2025-01-01", "--filter", "^public\\.mixedcase$"}, 2,
        AllOf(HasSubstr("matches no hypertable"), HasSubstr("; the nearest: public.Mixed Case, ")));
}

TEST_F(StageSelection, MatchesTheSameNamesWhateverTheServerQuotes) {
    create_readings();
    set(source, "quote_all_identifiers = on");
    EXPECT_THAT(selected({"--filter", "^public\\.readings$"}), ElementsAre("public.readings"));
}

TEST_F(StageSelection, LeavesOutCompressedTables) {
    NEEDS_COMMUNITY_EDITION();
    create_readings();
    both("ALTER TABLE readings SET (timescaledb.compress)");
    source.run("SELECT compress_chunk(show_chunks('readings'))");
    EXPECT_THAT(selected({}), ElementsAre("public.readings"));
    EXPECT_EQ(tasks(), "3");
}

/// raw <- hourly <- daily <- monthly, and its siblings hourly <- weekly and raw <- coarse.
class StageAggregates : public Stage {
  protected:
    void SetUp() override {
        NEEDS_COMMUNITY_EDITION();
        create_readings("raw");
        create_readings("unrelated");
        aggregate("hourly", "1 hour", "raw");
        aggregate("daily", "1 day", "hourly");
        aggregate("monthly", "1 month", "daily");
        aggregate("weekly", "1 week", "hourly");
        aggregate("coarse", "1 day", "raw");
    }

    void aggregate(const std::string& view, const std::string& bucket, const std::string& of) {
        both(fmt::format("CREATE MATERIALIZED VIEW {} WITH (timescaledb.continuous) AS SELECT "
                         "time_bucket('{}', time) AS time, sum(value) AS value FROM {} GROUP BY 1 "
                         "WITH NO DATA",
                         view, bucket, of));
        source.run(fmt::format("CALL refresh_continuous_aggregate('{}', NULL, NULL)", view));
    }
};

TEST_F(StageAggregates, AreAllSelectedWithoutAFilter) {
    EXPECT_THAT(selected({}),
                ElementsAre("public.coarse", "public.daily", "public.hourly", "public.monthly",
                            "public.raw", "public.unrelated", "public.weekly"));
    EXPECT_EQ(tasks("(cagg_name IS NULL) = (hypertable_name ~ '_materialized_hypertable_')"), "0");
}

TEST_F(StageAggregates, AreMatchedByTheNameOfTheView) {
    EXPECT_THAT(selected({"--filter", "^public\\.daily$"}), ElementsAre("public.daily"));
    EXPECT_THAT(selected({"--filter", "^public\\.raw$"}), ElementsAre("public.raw"));
}

TEST_F(StageAggregates, AreNotMatchedByTheNameOfTheirMaterializationHypertable) {
    expect_refused({"--until", "2025-01-01", "--filter", "materialized_hypertable"}, 2,
                   HasSubstr("matches no hypertable"));
    expect_refused({"--until", "2025-01-01", "--filter", "^_timescaledb_internal"}, 2,
                   HasSubstr("matches no hypertable"));
}

TEST_F(StageAggregates, CascadeUpSelectsAllThatReadTheMatch) {
    EXPECT_THAT(selected({"--filter", "^public\\.hourly$", "--cascade-up"}),
                ElementsAre("public.daily", "public.hourly", "public.monthly", "public.weekly"));
    EXPECT_THAT(selected({"--filter", "^public\\.monthly$", "-U"}), ElementsAre("public.monthly"));
}

TEST_F(StageAggregates, CascadeDownSelectsAllThatTheMatchReads) {
    EXPECT_THAT(selected({"--filter", "^public\\.monthly$", "--cascade-down"}),
                ElementsAre("public.daily", "public.hourly", "public.monthly", "public.raw"));
    EXPECT_THAT(selected({"--filter", "^public\\.raw$", "-D"}), ElementsAre("public.raw"));
}

TEST_F(StageAggregates, BothCascadesLeaveOutSiblings) {
    EXPECT_THAT(selected({"--filter", "^public\\.daily$", "-U", "-D"}),
                ElementsAre("public.daily", "public.hourly", "public.monthly", "public.raw"));
}

TEST_F(StageAggregates, AreStagedOnceWhenSeveralMatchesSelectThem) {
    const auto output =
        stage_ok({"--until", "2025-01-01", "--filter", "^public\\.(hourly|weekly)$", "-U", "-D"});
    EXPECT_THAT(staged(), ElementsAre("public.daily", "public.hourly", "public.monthly",
                                      "public.raw", "public.weekly"));
    EXPECT_THAT(output, Not(ContainsRegex("\"hourly\"(.|\n)*\"hourly\"")));
    EXPECT_THAT(output, Not(ContainsRegex("\"weekly\"(.|\n)*\"weekly\"")));
}

TEST_F(StageAggregates, DoNotIncludeDroppedChunksOfTheirHypertables) {
    source.run("SELECT drop_chunks('raw', older_than => '2024-01-03'::timestamptz)");
    EXPECT_THAT(selected({"--filter", "^public\\.raw$"}), ElementsAre("public.raw"));
    EXPECT_EQ(tasks(), "1");
}

TEST_F(Stage, ADryRunPrintsWhatWouldBeStagedAndChangesNothing) {
    create_ticks();
    const auto output = stage_ok({"--until", "15", "--dry-run"});
    EXPECT_THAT(output,
                AllOf(HasSubstr("public.ticks: 6 chunks"), HasSubstr("[-infinity, 15)"),
                      HasSubstr("Would stage 6 chunks"),
                      ContainsRegex("public.ticks: 6 chunks: [a-z]"), Not(HasSubstr("Next:"))));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')"), "");
    stage_ok({"--until", "0"});
    EXPECT_THAT(stage_ok({"--until", "15", "--dry-run"}),
                AllOf(HasSubstr("Would stage 2 chunks"), HasSubstr("Would skip 4 chunks")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task"), "4");
}

TEST_F(Stage, FindsHypertablesAndAggregatesWithOtherIdsInTheTarget) {
    NEEDS_COMMUNITY_EDITION();
    const std::string aggregate =
        "CREATE MATERIALIZED VIEW {} WITH (timescaledb.continuous) AS SELECT "
        "time_bucket('1 hour', time) AS time, sum(value) AS {} FROM {} GROUP BY 1 WITH NO DATA";
    target.run("CREATE TABLE extra (time timestamptz NOT NULL, value float8);"
               "SELECT create_hypertable('extra', 'time')");
    target.run(fmt::format(fmt::runtime(aggregate), "extra_hourly", "other", "extra"));
    create_readings();
    both(fmt::format(fmt::runtime(aggregate), "hourly", "value", "readings"));
    source.run("CALL refresh_continuous_aggregate('hourly', NULL, NULL)");
    EXPECT_THAT(selected({}), ElementsAre("public.hourly", "public.readings"));

    const auto* materialization =
        "SELECT materialization_hypertable_name FROM timescaledb_information.continuous_aggregates "
        "WHERE view_name = 'hourly'";
    ASSERT_NE(source.value(materialization), target.value(materialization));
    EXPECT_THAT(target.rows("SELECT DISTINCT hypertable_name || ' to ' || target_name "
                            "FROM __backfill.task ORDER BY 1"),
                ElementsAre(source.value(materialization) + " to " + target.value(materialization),
                            "readings to readings"));
}

TEST_F(Stage, TakesLittleMoreMemoryForManyChunks) {
    create("ticks", "integer", "1");
    source.run("INSERT INTO ticks SELECT g, 0 FROM generate_series(1, 3500) g");
    const auto stage = [&](const char* until) {
        // A program with sanitizers would keep memory that was freed.
        return run_program(
            {"stage", "--source", source.uri(), "--target", target.uri(), "--until", until},
            {"ASAN_OPTIONS=quarantine_size_mb=1"});
    };
    // More than what is in memory at a time.
    const auto some = stage("1501");
    const auto all = stage("3501");
    EXPECT_THAT(all.output, HasSubstr("Staged 2,000 chunks"));
    // These would take 4 KiB each, 8 MiB in all.
    EXPECT_LT(all.peak_memory, some.peak_memory + 4);
}

// ---------------------------------------------------------------- bounds

class StageBounds : public Stage {
  protected:
    static constexpr auto integer_types = {"smallint", "integer", "bigint"};
    static constexpr auto time_types = {"timestamptz", "timestamp", "date"};
};

TEST_F(StageBounds, AtTheEndsOfChunksSelectWholeChunks) {
    for (const std::string type : integer_types)
        create_ticks("by_" + type, type);
    stage_ok({"--from", "-20", "--until", "10"});
    for (const std::string type : integer_types)
        EXPECT_THAT(staged_ranges("by_" + type),
                    ElementsAre("[-20,-10) {[-20,-10)}", "[-10,0) {[-10,0)}", "[0,10) {[0,10)}"))
            << type;
}

TEST_F(StageBounds, WithinChunksCutTheirRanges) {
    for (const std::string type : integer_types)
        create_ticks("by_" + type, type);
    stage_ok({"--from", "-15", "--until", "6"});
    for (const std::string type : integer_types)
        EXPECT_THAT(staged_ranges("by_" + type),
                    ElementsAre("[-20,-10) {[-15,-10)}", "[-10,0) {[-10,0)}", "[0,10) {[0,6)}"))
            << type;
}

TEST_F(StageBounds, WithinOneChunkCutItAtBothEnds) {
    create_ticks();
    stage_ok({"--from", "11", "--until", "12"});
    EXPECT_THAT(staged_ranges(), ElementsAre("[10,20) {[11,12)}"));
}

TEST_F(StageBounds, OfTimesAtTheEndsOfChunksSelectWholeChunks) {
    for (const std::string type : time_types)
        create_readings("by_" + type, type);
    stage_ok({"--from", "2024-01-02", "--until", "2024-01-03T00:00:00"});
    for (const std::string type : time_types)
        EXPECT_THAT(staged_times("by_" + type),
                    ElementsAre("01-02 00:00 to 01-03 00:00: 01-02 00:00 to 01-03 00:00"))
            << type;
}

TEST_F(StageBounds, OfTimesWithinChunksCutTheirRanges) {
    for (const std::string type : time_types)
        create_readings("by_" + type, type);
    stage_ok({"--from", "2024-01-01 23:30", "--until", "2024-01-03T06:15:00"});
    for (const std::string type : time_types)
        EXPECT_THAT(staged_times("by_" + type),
                    ElementsAre("01-01 00:00 to 01-02 00:00: 01-01 23:30 to 01-02 00:00",
                                "01-02 00:00 to 01-03 00:00: 01-02 00:00 to 01-03 00:00",
                                "01-03 00:00 to 01-04 00:00: 01-03 00:00 to 01-03 06:15"))
            << type;
}

TEST_F(StageBounds, MayBeNegative) {
    create_ticks();
    for (const Arguments& spelling :
         {Arguments{"--until", "-25"}, {"--until=-25"}, {"-u", "-25"}, {"-u-25"}}) {
        target.run("DROP SCHEMA IF EXISTS __backfill CASCADE");
        stage_ok(spelling);
        EXPECT_THAT(staged_ranges(), ElementsAre("[-40,-30) {[-40,-30)}", "[-30,-20) {[-30,-25)}"))
            << testing::PrintToString(spelling);
    }
}

TEST_F(StageBounds, FromMinusInfinityIsFromTheBeginning) {
    create_ticks();
    create_readings();
    for (const Arguments& spelling : {Arguments{"--from", "-infinity"}, {"--from=-infinity"}}) {
        target.run("DROP SCHEMA IF EXISTS __backfill CASCADE");
        Arguments for_ticks{"--until", "-30", "--filter", "ticks"};
        Arguments for_readings{"--until", "2024-01-02", "--filter", "readings"};
        for_ticks.insert(for_ticks.end(), spelling.begin(), spelling.end());
        for_readings.insert(for_readings.end(), spelling.begin(), spelling.end());
        stage_ok(for_ticks);
        stage_ok(for_readings);
        EXPECT_THAT(staged_ranges(), ElementsAre("[-40,-30) {[-40,-30)}"));
        EXPECT_THAT(staged_times(),
                    ElementsAre("01-01 00:00 to 01-02 00:00: 01-01 00:00 to 01-02 00:00"));
    }
}

TEST_F(StageBounds, MayBeAnyBigint) {
    create_ticks();
    EXPECT_THAT(stage_ok({"--from", "-9223372036854775808", "--until", "+9223372036854775807"}),
                HasSubstr("9223372036854775807)"));
    EXPECT_EQ(tasks(), "8");
}

TEST_F(StageBounds, OfTheGreatestBigintIsNoEnd) {
    create("far", "bigint", "10");
    source.run("INSERT INTO far VALUES (9223372036854775806, 0), (9223372036854775807, 0)");
    migrate({"--until", "9223372036854775806"});
    EXPECT_EQ(target.value("SELECT count(*) FROM far"), "0");
    migrate({"--until", "9223372036854775807"});
    EXPECT_EQ(target.value("SELECT count(*) FROM far"), "2");
}

TEST_F(StageBounds, WithoutAZoneAreUtcWhateverTheSettings) {
    create_readings("by_tz", "timestamptz");
    create_readings("by_local", "timestamp");
    set(source, "TimeZone = 'America/New_York'");
    set(source, "DateStyle = 'SQL, DMY'");
    set(target, "TimeZone = 'Asia/Kathmandu'");
    set(target, "DateStyle = 'German'");
    source.run(fmt::format("ALTER ROLE CURRENT_USER IN DATABASE {} SET TimeZone = 'Asia/Tokyo'",
                           source.name()));
    const auto outcome =
        run_program({"stage", "--from", "2024-01-02T00:00:00", "--until", "2024-01-02 12:00:00",
                     "--source", source.uri(), "--target", target.uri()},
                    {"PGTZ=Asia/Tokyo", "PGDATESTYLE=Postgres, DMY"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("[2024-01-02 00:00:00 UTC, 2024-01-02 12:00:00 UTC)"));
    for (const std::string name : {"by_tz", "by_local"})
        EXPECT_THAT(staged_times(name),
                    ElementsAre("01-02 00:00 to 01-03 00:00: 01-02 00:00 to 01-02 12:00"))
            << name;
}

TEST_F(StageBounds, WithAZoneAreConverted) {
    create_readings();
    stage_ok({"--from", "2024-01-02T00:00:00-03:30", "--until", "2024-01-02 14:00:00+02"});
    EXPECT_THAT(staged_times(),
                ElementsAre("01-02 00:00 to 01-03 00:00: 01-02 03:30 to 01-02 12:00"));
    target.run("DROP SCHEMA __backfill CASCADE");
    stage_ok({"--from", "2024-01-02T00:00:00Z", "--until", "2024-01-02 12:00:00 Asia/Tokyo"});
    EXPECT_THAT(staged_times(),
                ElementsAre("01-02 00:00 to 01-03 00:00: 01-02 00:00 to 01-02 03:00"));
}

TEST_F(StageBounds, WithAnAbbreviatedZoneDoNotDependOnTheServersAbbreviations) {
    create_readings();
    set(source, "timezone_abbreviations = 'Australia'"); // where EST is ten hours ahead of UTC
    EXPECT_THAT(stage_ok({"--until", "2024-01-02 00:00:00 EST"}),
                HasSubstr("2024-01-02 05:00:00 UTC)"));
}

TEST_F(StageBounds, ArePrintedAsUnderstood) {
    create_readings();
    create_readings("by_date", "date");
    create_ticks();
    const auto printed = [this](const std::string& filter, const Arguments& bounds) {
        Arguments arguments{"--filter", filter};
        arguments.insert(arguments.end(), bounds.begin(), bounds.end());
        return stage_ok(arguments);
    };
    EXPECT_THAT(printed("readings", {"--until", "2024-01-02T00:00:00+02"}),
                HasSubstr("[-infinity, 2024-01-01 22:00:00 UTC)"));
    EXPECT_THAT(printed("readings", {"--from", "2024-01-01", "--until", "2024-01-03 04:05:06.5"}),
                HasSubstr("[2024-01-01 00:00:00 UTC, 2024-01-03 04:05:06.500000 UTC)"));
    EXPECT_THAT(printed("by_date", {"--from", "2024-01-01", "--until", "2024-01-02"}),
                HasSubstr("[2024-01-01, 2024-01-02)"));
    EXPECT_THAT(printed("ticks", {"--from", "-20", "--until", "-5"}), HasSubstr("[-20, -5)"));
}

TEST_F(StageBounds, ArePrintedAsUnderstoodInFarYears) {
    create_readings();
    EXPECT_THAT(stage_ok({"--from", "0044-03-15 BC", "--until", "99999-12-31 01:00"}),
                HasSubstr("[0044-03-15 00:00:00 UTC BC, 99999-12-31 01:00:00 UTC)"));
    EXPECT_EQ(tasks(), "3");
}

TEST_F(StageBounds, ApplyToTheResultOfATimePartitioningFunction) {
    both("CREATE FUNCTION at(event text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS "
         "$$ SELECT pg_catalog.to_timestamp(event::float8) $$;"
         "CREATE TABLE events (event text NOT NULL);"
         "SELECT create_hypertable('events', 'event', chunk_time_interval => interval '1 day', "
         "time_partitioning_func => 'at')");
    source.run("INSERT INTO events SELECT extract(epoch FROM t)::text FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t");
    stage_ok({"--until", "2024-01-02T06:00:00"});
    EXPECT_THAT(staged_times("events"),
                ElementsAre("01-01 00:00 to 01-02 00:00: 01-01 00:00 to 01-02 00:00",
                            "01-02 00:00 to 01-03 00:00: 01-02 00:00 to 01-02 06:00"));
}

TEST_F(StageBounds, ThatSomeHypertablesDoNotSupportAreRefused) {
    create_ticks("by_integer");
    create_ticks("\"By Bigint\"", "bigint");
    create_readings("by_timestamptz");
    create_readings("by_date", "date");
    expect_refused({"--until", "2024-01-02"}, 2,
                   AllOf(HasSubstr("by_integer"), HasSubstr("\"By Bigint\""),
                         Not(HasSubstr("by_timestamptz")), Not(HasSubstr("by_date")),
                         HasSubstr("--until"), HasSubstr("--filter")));
    expect_refused({"--until", "15"}, 2,
                   AllOf(HasSubstr("by_timestamptz"), HasSubstr("by_date"),
                         Not(HasSubstr("by_integer")), Not(HasSubstr("By Bigint")),
                         HasSubstr("--until"), HasSubstr("--filter")));
    expect_refused({"--until", "15", "--from", "2024-01-01", "--filter", "by_integer"}, 2,
                   AllOf(HasSubstr("by_integer"), HasSubstr("--from")));
}

TEST_F(StageBounds, ThatSelectNothingAreRefused) {
    create_readings();
    expect_refused({"--until", "2024-01-02", "--from", "2024-01-02"}, 2,
                   HasSubstr("--from 2024-01-02 is not before --until 2024-01-02"));
    expect_refused({"--until", "2024-01-02", "--from", "2024-01-02T02:00:00+01"}, 2,
                   HasSubstr("--from"));
    expect_refused({"--until", "-infinity"}, 2, HasSubstr("--until -infinity"));
    create_ticks();
    expect_refused({"--until", "-5", "--from", "5", "--filter", "ticks"}, 2,
                   HasSubstr("--from 5 is not before --until -5"));
}

TEST_F(StageBounds, ThatAreInvalidAreRefused) {
    create_readings();
    for (const std::string garbage :
         {"soon", "5x", "-", "--", "2024-13-45", "2024-01-02T25:00", "2024-01-02 Mars/Base",
          "01/02/2024", "'; DROP TABLE readings; --"})
        expect_refused({"--until", garbage}, 2,
                       AllOf(HasSubstr("--until"), HasSubstr(garbage), HasSubstr("integer")));
    expect_refused({"--until", "2025-01-01", "--from", "soon"}, 2, HasSubstr("--from 'soon'"));
    expect_refused({"--until", ""}, 2, HasSubstr("--until needs a value"));
    expect_refused({"--until", "infinity"}, 2, HasSubstr("--until infinity is not finite"));
}

TEST_F(StageBounds, BeyondBigintAreRefused) {
    create_ticks();
    for (const std::string beyond : {"9223372036854775808", "-9223372036854775809"})
        expect_refused({"--until", beyond}, 2, AllOf(HasSubstr(beyond), HasSubstr("bigint")));
}

// ---------------------------------------------------------------- refusals

class StageRefuses : public Stage {};

TEST_F(StageRefuses, AnInvalidRegularExpression) {
    create_readings();
    expect_refused({"--until", "2025-01-01", "--filter", "(readings"}, 2,
                   AllOf(HasSubstr("--filter"), HasSubstr("(readings")));
}

TEST_F(StageRefuses, AFilterThatMatchesNothing) {
    create_readings();
    expect_refused({"--until", "2025-01-01", "--filter", "^readings$"}, 2,
                   AllOf(HasSubstr("--filter"), HasSubstr("^readings$"), HasSubstr("matches no")));
}

TEST_F(StageRefuses, ASourceWithoutHypertables) {
    expect_refused({"--until", "2025-01-01"}, 2, HasSubstr("has no hypertables"));
}

TEST_F(StageRefuses, MissingServersAndDatabases) {
    const auto nowhere = fmt::format("postgresql://127.0.0.1:{}/x", free_port);
    expect_refused_between(nowhere, target.uri(), AllOf(HasSubstr("source"), HasSubstr("port 1")));
    expect_refused_between(source.uri(), nowhere, AllOf(HasSubstr("target"), HasSubstr("port 1")));
    const std::string unknown = "postgresql://no-such-host.invalid/x";
    expect_refused_between(unknown, target.uri(), HasSubstr("no-such-host.invalid"));
    expect_refused_between(source.uri(), unknown, HasSubstr("no-such-host.invalid"));
    const std::string database = "dbname=no_such_database";
    expect_refused_between(source.uri(database), target.uri(), HasSubstr("no_such_database"));
    expect_refused_between(source.uri(), target.uri(database), HasSubstr("no_such_database"));
}

TEST_F(StageRefuses, ATargetWithoutTheExtension) {
    create_readings();
    Database plain_target("BACKFILL_TARGET", {.with_extension = false});
    expect_refused_between(source.uri(), plain_target.uri(),
                           AllOf(HasSubstr("target"), HasSubstr("no timescaledb extension")));
    EXPECT_EQ(plain_target.value("SELECT to_regnamespace('__backfill') IS NULL"), "t");
}

TEST_F(StageRefuses, AWrongPasswordWithoutPrintingIt) {
    const std::string wrong = "password=hunter2";
    expect_refused_between(source.uri(wrong), target.uri(), Not(HasSubstr("hunter2")));
    expect_refused_between(source.uri(), target.uri(wrong), Not(HasSubstr("hunter2")));
}

TEST_F(StageRefuses, DifferingColumns) {
    create_readings("alike");
    source.run("CREATE TABLE lacks (time timestamptz NOT NULL, a int, b int);"
               "CREATE TABLE has_more (time timestamptz NOT NULL);"
               "CREATE TABLE \"Other Types\" (time timestamptz NOT NULL, n int, t varchar(10));"
               "CREATE TABLE absent (time timestamptz NOT NULL)");
    target.run("CREATE TABLE lacks (time timestamptz NOT NULL);"
               "CREATE TABLE has_more (time timestamptz NOT NULL, c text);"
               "CREATE TABLE \"Other Types\" (time timestamptz NOT NULL, n bigint, t varchar(20));"
               "CREATE TABLE absent (time timestamptz NOT NULL)");
    both("SELECT create_hypertable(name, 'time') FROM unnest('{lacks, has_more, \"\\\"Other "
         "Types\\\"\"}'::regclass[]) AS name");
    source.run("SELECT create_hypertable('absent', 'time')"); // no hypertable in the target
    expect_refused({"--until", "2025-01-01"}, 1,
                   AllOf(ContainsRegex("lacks[^;]*\"a\" [(]integer[)] is missing in the target"),
                         ContainsRegex("lacks[^;]*\"b\" [(]integer[)] is missing in the target"),
                         ContainsRegex("has_more[^;]*\"c\" [(]text[)] is missing in the source"),
                         ContainsRegex("Other Types[^;]*\"n\" is integer in the source and bigint"),
                         ContainsRegex("Other Types[^;]*\"t\" is character varying[(]10[)] in the "
                                       "source and character varying[(]20[)]"),
                         ContainsRegex("absent[^;]* is missing in the target"),
                         Not(HasSubstr("alike")), HasSubstr("--filter")));
    stage_ok({"--until", "2025-01-01", "--filter", "alike"});
    EXPECT_THAT(staged(), ElementsAre("public.alike"));
}

TEST_F(StageRefuses, AnAggregateThatIsMissingInTheTarget) {
    NEEDS_COMMUNITY_EDITION();
    create_readings();
    source.run("CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS SELECT "
               "time_bucket('1 hour', time) AS time FROM readings GROUP BY 1 WITH NO DATA");
    expect_refused({"--until", "2025-01-01"}, 1,
                   ContainsRegex("aggregate [^;]*hourly[^;]* is missing in the target"));
}

TEST_F(StageRefuses, AMissingSnapshot) {
    create_readings();
    for (const std::string snapshot : {"00000003-0000001B-1", "no snapshot", "it's"})
        expect_refused({"--until", "2025-01-01", "--snapshot", snapshot}, 2,
                       AllOf(HasSubstr("--snapshot"), HasSubstr(snapshot)));
}

TEST_F(StageRefuses, AForeignSchema) {
    create_readings();
    target.run("CREATE SCHEMA __backfill; CREATE TABLE __backfill.task (mine int);"
               "INSERT INTO __backfill.task VALUES (1)");
    for (const Arguments& arguments : {Arguments{"stage", "--until", "2025-01-01"}, {"copy"}}) {
        const auto outcome = backfill(arguments);
        EXPECT_EQ(outcome.exit_status, 1);
        EXPECT_THAT(outcome.errors, AllOf(MatchesRegex(one_line), HasSubstr("__backfill"),
                                          HasSubstr("another program"), HasSubstr("clean")));
        EXPECT_THAT(target.rows("SELECT * FROM __backfill.task"), ElementsAre("1"));
    }
    EXPECT_THAT(backfill_ok({"clean"}), HasSubstr("another program"));
    EXPECT_FALSE(has_queue());
}

// ---------------------------------------------------------------- the queue

class StageQueue : public Stage {};

TEST_F(StageQueue, AnswersTheProgressQueryOfTheDocuments) {
    both("CREATE SCHEMA other");
    create_readings();
    create_readings("other.readings");
    stage_ok({"--until", "2025-01-01"});
    target.run("UPDATE __backfill.task SET worked = now() WHERE id IN (SELECT min(id) FROM "
               "__backfill.task WHERE hypertable_schema = 'public')");
    EXPECT_THAT(target.rows(R"(
        select
            hypertable_schema,
            hypertable_name,
            count(*) as total_chunks,
            count(worked) as finished_chunks,
            count(worked is null) pending_chunks
        from __backfill.task
        group by
            1,
            2
        order by 1)"),
                ElementsAre("other|readings|3|0|3", "public|readings|3|1|3"));
}

TEST_F(StageQueue, HasTheNameSizeAndSlicesOfEachChunk) {
    both("CREATE TABLE cpu (time timestamptz NOT NULL, \"Host\" text NOT NULL);"
         "SELECT create_hypertable('cpu', 'time', 'Host', 2, chunk_time_interval => "
         "interval '1 day')");
    source.run("INSERT INTO cpu SELECT t, 'host' || h FROM generate_series('2024-01-01'::"
               "timestamptz, '2024-01-02', '1 hour') t, generate_series(1, 9) h; ANALYZE cpu");
    stage_ok({"--until", "2025-01-01"});
    EXPECT_EQ(tasks(), "4");
    const auto chunks =
        source.rows("SELECT chunk, pg_table_size(chunk), reltuples FROM show_chunks('cpu') chunk "
                    "JOIN pg_class ON oid = chunk ORDER BY 1");
    EXPECT_EQ(target.rows("SELECT format('%I.%I', chunk_schema, chunk_name) AS chunk, bytes, "
                          "rows_estimate FROM __backfill.task WHERE bytes > 0 ORDER BY 1"),
              chunks);
    EXPECT_EQ(tasks("slices -> 'time' = jsonb_build_array(lower(slice), upper(slice)) AND "
                    "jsonb_array_length(slices -> 'Host') = 2 AND range @> int8multirange(slice)"),
              "4");
}

TEST_F(StageQueue, CountsCompressedRowsAndTheirBytes) {
    NEEDS_COMMUNITY_EDITION();
    create_readings();
    both("ALTER TABLE readings SET (timescaledb.compress)");
    source.run("SELECT compress_chunk(show_chunks('readings'))");
    stage_ok({"--until", "2025-01-01"});
    EXPECT_EQ(tasks("rows_estimate = 24 AND bytes > 0"), "3");
}

TEST_F(StageQueue, SkipsTasksThatAreAlreadyStaged) {
    create_ticks();
    EXPECT_THAT(stage_ok({"--from", "0", "--until", "20"}),
                AllOf(HasSubstr("Staged 2 chunks"), Not(HasSubstr("kipped"))));
    const auto before = target.rows("SELECT * FROM __backfill.task ORDER BY id");
    EXPECT_THAT(stage_ok({"--from", "0", "--until", "20"}),
                AllOf(HasSubstr("Staged 0 chunks"), HasSubstr("Skipped 2 chunks")));
    EXPECT_THAT(stage_ok({"--from", "4", "--until", "6"}), HasSubstr("Skipped 1 chunk "));
    EXPECT_EQ(target.rows("SELECT * FROM __backfill.task ORDER BY id"), before);
    EXPECT_THAT(stage_ok({"--from", "0", "--until", "40"}),
                AllOf(HasSubstr("Staged 2 chunks"), HasSubstr("Skipped 2 chunks")));
    EXPECT_EQ(tasks(), "4");
}

TEST_F(StageQueue, ExtendsTheRangeOfACopiedChunk) {
    create_ticks();
    stage_ok({"--from", "0", "--until", "15"});
    target.run("UPDATE __backfill.task SET worked = now()");
    EXPECT_THAT(stage_ok({"--from", "0", "--until", "25"}),
                AllOf(HasSubstr("Staged 1 chunk."), ContainsRegex("\n1 chunk .*copied again"),
                      HasSubstr("\nIn all, "), HasSubstr("Skipped 1 chunk ")));
    EXPECT_THAT(staged_ranges(),
                ElementsAre("[0,10) {[0,10)}", "[10,20) {[10,20)}", "[20,30) {[20,25)}"));
    EXPECT_THAT(target.rows("SELECT slice FROM __backfill.task WHERE worked IS NOT NULL"),
                ElementsAre("[0,10)"));
}

TEST_F(StageQueue, KeepsDisjointRangesOfAChunkApart) {
    create_ticks();
    stage_ok({"--from", "1", "--until", "3"});
    stage_ok({"--from", "7", "--until", "9"});
    EXPECT_THAT(staged_ranges(), ElementsAre("[0,10) {[1,3),[7,9)}"));
    stage_ok({"--from", "2", "--until", "7"});
    EXPECT_THAT(staged_ranges(), ElementsAre("[0,10) {[1,9)}"));
}

TEST_F(StageQueue, CombinesStagesWithDifferentFilters) {
    create_ticks();
    create_readings();
    create_readings("others");
    stage_ok({"--filter", "ticks", "--until", "-30"});
    stage_ok({"--filter", "readings", "--until", "2024-01-03"});
    stage_ok({"--filter", "others", "--until", "2025-01-01"});
    EXPECT_EQ(tasks("hypertable_name = 'ticks'"), "1");
    EXPECT_EQ(tasks("hypertable_name = 'readings'"), "2");
    EXPECT_EQ(tasks("hypertable_name = 'others'"), "3");
}

TEST_F(StageQueue, HasEachChunkOnceAfterConcurrentStages) {
    create_ticks();
    const auto one = start({"stage", "--until", "40"});
    const auto other = start({"stage", "--until", "40"});
    EXPECT_EQ(one->wait().exit_status, 0);
    EXPECT_EQ(other->wait().exit_status, 0);
    EXPECT_EQ(tasks(), "8");
}

TEST_F(StageQueue, IsNotCreatedWithoutThePrivilege) {
    create_readings();
    const Role role(target);
    const auto outcome = run_program(
        {"stage", "--until", "2025-01-01", "--source", source.uri(), "--target", role.uri()});
    expect_refused(outcome, 1,
                   AllOf(HasSubstr("privileges"),
                         HasSubstr(fmt::format("GRANT CREATE ON DATABASE \"{}\"", target.name()))));
}

TEST_F(StageQueue, CanBeCreatedByTheOwnerOfTheHypertables) {
    create_readings();
    const Role reader(source);
    const Role owner(target);
    source.run("GRANT SELECT ON readings TO " + reader.name());
    target.run(fmt::format("ALTER TABLE readings OWNER TO {1}; GRANT CREATE ON DATABASE {0} TO {1}",
                           target.name(), owner.name()));
    const auto outcome = run_program(
        {"stage", "--until", "2025-01-01", "--source", reader.uri(), "--target", owner.uri()});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_EQ(tasks("bytes > 0"), "3");
}

TEST_F(StageQueue, DoesNotChangeWhileACopyHoldsAChunkThatMustGrow) {
    create_ticks();
    stage_ok({"--from", "0", "--until", "15"});
    const auto before = target.rows("SELECT * FROM __backfill.task ORDER BY id");
    const auto copy = claim("slice @> 12::bigint");
    const auto outcome = backfill({"stage", "--until", "40"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, AllOf(MatchesRegex(one_line), HasSubstr("cannot stage"),
                                      HasSubstr("copy"), HasSubstr("stage again")));
    EXPECT_EQ(target.rows("SELECT * FROM __backfill.task ORDER BY id"), before);
}

TEST_F(StageQueue, AcceptsOtherChunksWhileACopyHoldsOne) {
    create_ticks();
    stage_ok({"--from", "0", "--until", "10"});
    const auto copy = claim("true");
    const auto outcome = backfill({"stage", "--from", "0", "--until", "20"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("Skipped 1 chunk "));
    EXPECT_EQ(tasks(), "2");
}

TEST_F(StageQueue, KeepsTheSnapshot) {
    create_ticks();
    const Snapshot snapshot(source);
    source.run("INSERT INTO ticks VALUES (55, 0)");
    EXPECT_THAT(stage_ok({"--until", "100", "--snapshot", snapshot.id()}),
                HasSubstr("Staged 8 chunks"));
    EXPECT_THAT(target.rows("SELECT DISTINCT snapshot FROM __backfill.task"),
                ElementsAre(snapshot.id()));
    EXPECT_THAT(stage_ok({"--until", "100"}), HasSubstr("Staged 1 chunk."));
    EXPECT_EQ(tasks("snapshot IS NULL AND slice = '[50,60)'"), "1");
}

TEST_F(StageQueue, DoesNotDependOnTheServersSettings) {
    create_readings();
    // With these locks, statements take longer than the timeouts below, while the other connection
    // is idle.
    auto source_lock = lock_catalog(source);
    auto target_lock = lock_catalog(target);
    std::vector<std::string> settings{"statement_timeout = '500ms'",
                                      "lock_timeout = '500ms'",
                                      "idle_in_transaction_session_timeout = '500ms'",
                                      "idle_session_timeout = '500ms'",
                                      "search_path = nowhere",
                                      "default_transaction_read_only = on",
                                      "default_transaction_isolation = serializable",
                                      "standard_conforming_strings = off"};
    if (std::stoi(source.value("SHOW server_version_num")) >= 170000)
        settings.emplace_back("transaction_timeout = '500ms'");
    for (auto* database : {&source, &target})
        for (const auto& setting : settings) {
            set(*database, setting);
            database->run(fmt::format("ALTER ROLE CURRENT_USER IN DATABASE {} SET {}",
                                      database->name(), setting));
        }
    const auto program = start({"stage", "--until", "2024-01-02T12:00:00"});
    EXPECT_TRUE(eventually([&] { return waits(target, "700 ms"); }));
    target_lock.reset();
    EXPECT_TRUE(eventually([&] { return waits(source, "700 ms"); }));
    source_lock.reset();
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_THAT(staged_times(),
                ElementsAre("01-01 00:00 to 01-02 00:00: 01-01 00:00 to 01-02 00:00",
                            "01-02 00:00 to 01-03 00:00: 01-02 00:00 to 01-02 12:00"));
}

TEST_F(StageQueue, TakesThousandsOfChunksInFewRoundTrips) {
    // Do not create indexes, which would take most of the time.
    both("CREATE TABLE ticks (time int NOT NULL); SELECT create_hypertable('ticks', 'time', "
         "chunk_time_interval => 1, create_default_indexes => false)");
    source.run("INSERT INTO ticks SELECT generate_series(1, 3000)");
    const auto to_source = Proxy::in_front_of(source.uri());
    const auto to_target = Proxy::in_front_of(target.uri());
    const auto outcome =
        run_program({"stage", "--until", "5000", "--source", to_source.uri(source.uri()),
                     "--target", to_target.uri(target.uri())});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.errors;
    EXPECT_EQ(tasks(), "3000");
    RecordProperty("round_trips_to_source", fmt::to_string(to_source.round_trips()));
    RecordProperty("round_trips_to_target", fmt::to_string(to_target.round_trips()));
    // Connecting and reading the catalog takes some round trips.
    EXPECT_GT(to_source.round_trips(), 4);
    EXPECT_GT(to_target.round_trips(), 4);
    EXPECT_LT(to_source.round_trips() + to_target.round_trips(), 60);
}

TEST_F(StageQueue, DoesNotReadAllRelationsForEachHypertable) {
    both("DO $$ BEGIN FOR n IN 1..100 LOOP "
         "EXECUTE format('CREATE TABLE ticks_%s (time int NOT NULL)', n); "
         "PERFORM create_hypertable(format('ticks_%s', n), 'time', chunk_time_interval => 100, "
         "create_default_indexes => false); END LOOP; END $$");
    source.run("DO $$ BEGIN FOR n IN 1..100 LOOP "
               "EXECUTE format('INSERT INTO ticks_%s VALUES (1)', n); END LOOP; END $$");
    const auto rows_read = [&] { // sessions publish their counters when they end
        EXPECT_TRUE(eventually([&] {
            return source.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                "current_database() AND backend_type = 'client backend' AND pid "
                                "<> pg_backend_pid()") == "0";
        }));
        return std::stoll(source.value("SELECT seq_tup_read + idx_tup_fetch FROM "
                                       "pg_stat_all_tables WHERE relid = 'pg_class'::regclass"));
    };
    const auto before = rows_read();
    backfill_ok({"stage", "--until", "5000"});
    const auto read = rows_read() - before;
    RecordProperty("rows_of_pg_class_read", fmt::to_string(read));
    EXPECT_LT(read, 30 * std::stoll(source.value("SELECT count(*) FROM pg_class")));
}

} // namespace
} // namespace test
