// What `verify` finds, and how it reports it.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int exit_differences = 3;

class Verify : public Migration {
  protected:
    /// Stages and copies five chunks for five days, up to noon of the fifth.
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value float8, "
            "note text);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        source.run(
            "INSERT INTO readings SELECT t, d, sqrt(d) + extract(epoch FROM t), 'n' || d "
            "FROM generate_series('2024-01-01'::timestamptz, '2024-01-05 23:50', '10 min') t, "
            "generate_series(1, 4) d");
        migrate({"--until", "2024-01-05T12:00:00"});
    }

    Outcome verify(std::vector<std::string> options = {}) const {
        options.insert(options.begin(), "verify");
        return backfill(options);
    }

    void expect_all_equal(const std::vector<std::string>& options = {}) const {
        const auto outcome = verify(options);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        EXPECT_EQ(outcome.errors, "");
    }

    /// Verifies, and expects one chunk to differ. Returns the output.
    std::string expect_difference(const std::vector<std::string>& options = {}) const {
        const auto outcome = verify(options);
        EXPECT_EQ(outcome.exit_status, exit_differences) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr("4 equal, 1 different"));
        return outcome.output;
    }

    std::string verified() { return target.value("SELECT count(verified) FROM __backfill.task"); }
};

TEST_F(Verify, EqualChunksAreMarkedAndNotComparedAgain) {
    const auto outcome = verify();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("Verified 5 chunks, 2,592 rows"));
    EXPECT_THAT(outcome.output, HasSubstr("5 equal."));
    EXPECT_EQ(verified(), "5");
    EXPECT_THAT(verify().output, HasSubstr("Nothing to verify"));
    EXPECT_THAT(verify({"--all"}).output, HasSubstr("5 equal."));
}

TEST_F(Verify, AggregatesOfEqualChunksAreEqual) {
    expect_all_equal({"--mode", "aggregate"});
}

TEST_F(Verify, RowsBeyondTheBoundsDoNotMatter) {
    target.run("INSERT INTO readings VALUES ('2024-01-05 12:00', 9, 9, 'dual-written')");
    expect_all_equal();
}

TEST_F(Verify, RowsOfOneTimeArePairedByTheColumnsThatAreEqual) {
    target.run("UPDATE readings SET value = value + 1 WHERE time = '2024-01-02 03:40'");
    const auto output = expect_difference();
    EXPECT_THAT(output, HasSubstr("in column value"));
    for (int device = 1; device <= 4; ++device)
        EXPECT_THAT(output, testing::ContainsRegex(fmt::format(
                                "different: time=[^\n]*, device={0}, [^\n]* \\(source\\)\n"
                                " *time=[^\n]*, device={0}, [^\n]* \\(target\\)",
                                device)));
}

TEST_F(Verify, ARowThatIsMissingInTheTargetIsShown) {
    target.run("DELETE FROM readings WHERE time = '2024-01-02 03:40' AND device = 2");
    const auto output = expect_difference();
    EXPECT_THAT(output, HasSubstr("576 rows in the source, 575 rows in the target"));
    EXPECT_THAT(output,
                HasSubstr("first at 2024-01-02 03:40:00 UTC, last at 2024-01-02 03:40:00 UTC"));
    EXPECT_THAT(output, HasSubstr("only in source: time=2024-01-02 03:40:00+00, device=2"));
    EXPECT_EQ(verified(), "4");
    // The next verify compares only that chunk, and finds the same.
    EXPECT_THAT(verify().output, HasSubstr("0 equal, 1 different"));
}

TEST_F(Verify, ARowThatIsOnlyInTheTargetIsShown) {
    target.run("INSERT INTO readings VALUES ('2024-01-03 11:11:11.123456', 7, 1, NULL)");
    EXPECT_THAT(expect_difference(),
                AllOf(HasSubstr("only in target: time=2024-01-03 11:11:11.123456+00, device=7"),
                      HasSubstr("note=NULL"),
                      HasSubstr("first at 2024-01-03 11:11:11.123456 UTC")));
}

TEST_F(Verify, ValuesSwappedBetweenRowsAreFoundByDigests) {
    target.run("UPDATE readings SET note = CASE device WHEN 1 THEN 'n2' ELSE 'n1' END WHERE time = "
               "'2024-01-04 05:00' AND device IN (1, 2)");
    expect_all_equal({"--mode", "aggregate"});
    const auto output = expect_difference({"--all"});
    EXPECT_THAT(output, HasSubstr("in column note\n"));
    EXPECT_THAT(output, HasSubstr("different: time=2024-01-04 05:00:00+00, device=1"));
}

TEST_F(Verify, AggregatesNameTheColumnsThatDiffer) {
    target.run(
        "UPDATE readings SET value = value + 1, note = 'zzz' WHERE time = '2024-01-04 05:00' "
        "AND device = 1");
    EXPECT_THAT(expect_difference({"--mode", "aggregate"}), HasSubstr("in columns value, note"));
}

TEST_F(Verify, TheTimeOfDifferencesIsNarrowedToTheFirstAndTheLast) {
    target.run("UPDATE readings SET value = 0 WHERE device = 3 AND time IN ('2024-01-02 01:10', "
               "'2024-01-02 13:00', '2024-01-02 22:20')");
    EXPECT_THAT(expect_difference(),
                HasSubstr("first at 2024-01-02 01:10:00 UTC, last at 2024-01-02 22:20:00 UTC"));
}

TEST_F(Verify, ExamplesAreLimitedByKind) {
    target.run("DELETE FROM readings WHERE device = 1 AND time >= '2024-01-02' AND time < "
               "'2024-01-03'");
    const auto count = [](const std::string& text, const std::string& part) {
        int found = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++found;
        return found;
    };
    EXPECT_EQ(count(expect_difference(), "only in source"), 10);
    EXPECT_EQ(count(verify({"--max-differences", "3"}).output, "only in source"), 3);
    EXPECT_EQ(count(verify({"--max-differences", "0"}).output, "only in source"), 0);
}

TEST_F(Verify, TheDifferenceIsKeptWithTheTask) {
    target.run("DELETE FROM readings WHERE time = '2024-01-02 03:40' AND device = 2");
    expect_difference();
    const auto json = nlohmann::json::parse(
        target.value("SELECT difference FROM __backfill.task WHERE difference IS NOT NULL"));
    EXPECT_EQ(json.at("source_rows"), 576);
    EXPECT_EQ(json.at("target_rows"), 575);
    EXPECT_EQ(json.at("first"), "2024-01-02 03:40:00 UTC");
    EXPECT_EQ(json.at("examples").at(0).at("kind"), "only in source");
}

TEST_F(Verify, RequeueQueuesDifferingChunksForCopy) {
    target.run("DELETE FROM readings WHERE time = '2024-01-02 03:40' AND device = 2");
    expect_difference({"--requeue"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("Copied 1 chunk,"));
    EXPECT_THAT(verify().output, HasSubstr("1 equal."));
    EXPECT_EQ(verified(), "5");
    EXPECT_EQ(target.value("SELECT count(difference) FROM __backfill.task"), "0");
}

TEST_F(Verify, DroppedChunksAreReported) {
    source.run("SELECT drop_chunks('readings', older_than => '2024-01-02'::timestamptz)");
    target.run("SELECT drop_chunks('readings', older_than => '2024-01-03'::timestamptz)");
    const auto outcome = verify();
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output, HasSubstr("could not be compared: it is gone from the source"));
    EXPECT_THAT(outcome.output, HasSubstr("could not be compared: it is gone from the target"));
    EXPECT_THAT(outcome.output, HasSubstr("3 equal, 2 not compared"));
    EXPECT_EQ(verified(), "3");
}

TEST_F(Verify, AColumnMissingOnOneSideCannotBeCompared) {
    source.run("ALTER TABLE readings ADD COLUMN unit text");
    const auto outcome = verify();
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output, HasSubstr("column \"unit\" is missing in the target"));
}

TEST_F(Verify, ChunksThatAreNotCopiedAreNotVerified) {
    backfill_ok({"stage", "--until", "2024-01-06"}); // the fifth chunk must be copied again
    const auto outcome = verify();
    EXPECT_EQ(outcome.exit_status, 0);
    EXPECT_THAT(outcome.output, HasSubstr("1 chunk still to copy"));
    EXPECT_THAT(outcome.output, HasSubstr("4 equal."));
}

TEST_F(Verify, TwoProcessesShareTheQueue) {
    const auto first = start({"verify", "-p", "2"});
    const auto second = start({"verify", "-p", "2"});
    EXPECT_EQ(first->wait().exit_status, 0);
    EXPECT_EQ(second->wait().exit_status, 0);
    EXPECT_EQ(verified(), "5");
}

TEST_F(Verify, StopsOnSignalsLikeCopy) {
    auto holder = source.connect();
    holder->execute("BEGIN; LOCK TABLE public.readings IN ACCESS EXCLUSIVE MODE");
    for (const auto& chunk : source.rows("SELECT show_chunks('readings')"))
        holder->execute(fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", chunk));
    const auto program = start({"verify", "-p", "2"});
    ASSERT_TRUE(eventually([&] {
        return source.value("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                            "current_database() AND wait_event_type = 'Lock'") == "2";
    }));
    interrupt(*program);
    program->signal(SIGINT);
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 130) << outcome.output << outcome.errors;
    EXPECT_EQ(verified(), "0");
    holder.reset();
    expect_all_equal();
}

TEST_F(Verify, RetriesALockThatIsNotGranted) {
    auto holder = source.connect();
    holder->execute("BEGIN");
    for (const auto& chunk : source.rows("SELECT show_chunks('readings')"))
        holder->execute(fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", chunk));
    const auto program = start({"verify", "-p", "1"});
    ASSERT_TRUE(eventually([&] { return !waits_since(source).empty(); }));
    // The wait ends with the program's lock_timeout, and is repeated.
    const auto first = waits_since(source);
    ASSERT_TRUE(eventually([&] { return waits_since(source) > first; }));
    holder.reset();
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(verified(), "5");
}

class VerifyTypes : public Migration {};

TEST_F(VerifyTypes, TypesWithoutAPortableHashAreComparedByTheirText) {
    target.run("CREATE TABLE elsewhere (i int); CREATE TYPE unrelated AS ENUM ('u')");
    both("CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE TYPE pair AS (m mood, n int);"
         "CREATE DOMAIN small AS int CHECK (VALUE < 1000); CREATE TABLE named (i int);"
         "CREATE TABLE types (time timestamptz NOT NULL, m mood, moods mood[], p pair, d small, "
         "ref regclass, price money, doc json, shape point, spans int4range, bits bit(3), x xml, "
         "lexemes tsvector, f4 float4, f8 float8, n numeric, b boolean, raw bytea, j jsonb, c "
         "\"char\", padded char(5), t text, texts text[], i interval, a inet);"
         "SELECT create_hypertable('types', 'time')");
    source.run("INSERT INTO types SELECT t, 'wild', '{calm,wild}', '(wild,3)', 7, 'public.named', "
               "'12.34', '{\"a\": 1}', '(1,2)', '[1,5)', '101', '<x/>', 'a:1 b:2', 0.1, 'NaN', "
               "'-Infinity', true, '\\x00ff', '{\"k\": [1]}', 'c', 'pad', E'é\\n', '{\"ä\",NULL}', "
               "'1 mon', '::1' FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-02', '1 hour') t;"
               "INSERT INTO types (time) VALUES ('2024-01-01')");
    migrate({"--until", "2024-02-01"});
    backfill_ok({"verify"});
    backfill_ok({"verify", "--all", "--mode", "aggregate"});
    target.run("UPDATE types SET moods = '{wild,calm}' WHERE time = '2024-01-01 05:00'");
    const auto outcome = backfill({"verify", "--all"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output, HasSubstr("in column moods\n"));
}

TEST_F(VerifyTypes, FloatingPointSumsMayBeRoundedDifferently) {
    both("CREATE TABLE floats (time timestamptz NOT NULL, v float8);"
         "SELECT create_hypertable('floats', 'time')");
    source.run(
        "INSERT INTO floats SELECT '2024-01-01'::timestamptz + i * interval '1 s', 0.1 * power(10, i % 19) "
        "FROM generate_series(1, 5000) i");
    migrate({"--until", "2024-02-01"});
    // The same rows in another order.
    target.run("CREATE TABLE again AS SELECT * FROM floats ORDER BY v DESC; DELETE FROM floats;"
               "INSERT INTO floats SELECT * FROM again");
    ASSERT_NE(source.value("SELECT sum(v) FROM floats"), target.value("SELECT sum(v) FROM floats"));
    backfill_ok({"verify", "--mode", "aggregate"});
    target.run("UPDATE floats SET v = 0 WHERE v > 1e16");
    EXPECT_EQ(backfill({"verify", "--all", "--mode", "aggregate"}).exit_status, exit_differences);
}

TEST_F(VerifyTypes, DifferencesAreNarrowedDownInEveryTypeOfTimeColumn) {
    for (const std::string type : {"smallint", "integer", "bigint"}) {
        both(fmt::format("CREATE TABLE by_{0} (tick {0} NOT NULL, value int);"
                         "SELECT create_hypertable('by_{0}', 'tick', chunk_time_interval => 1000)",
                         type));
        source.run(
            fmt::format("INSERT INTO by_{} SELECT g, g FROM generate_series(-500, 500) g", type));
    }
    for (const std::string type : {"date", "timestamp"}) {
        both(fmt::format("CREATE TABLE by_{0} (time {0} NOT NULL, value int);"
                         "SELECT create_hypertable('by_{0}', 'time', chunk_time_interval => "
                         "interval '30 days')",
                         type));
        source.run(fmt::format("INSERT INTO by_{} SELECT t, 1 FROM "
                               "generate_series('1969-12-01'::timestamp, '1970-02-01', '6 h') t",
                               type));
    }
    migrate({"--filter", "by_.*int", "--until", "100"});
    migrate({"--filter", "by_(date|timestamp)", "--until", "1970-01-20T12:00"});
    backfill_ok({"verify"});
    for (const std::string type : {"smallint", "integer", "bigint"})
        target.run(fmt::format("UPDATE by_{} SET value = 0 WHERE tick IN (-7, 42)", type));
    for (const std::string type : {"date", "timestamp"})
        target.run(fmt::format("UPDATE by_{} SET value = 0 WHERE time = '1969-12-25'", type));
    const auto output = backfill({"verify", "--all"}).output;
    EXPECT_THAT(output, HasSubstr("first at -7, last at -7"));
    EXPECT_THAT(output, HasSubstr("first at 42, last at 42"));
    EXPECT_THAT(output, HasSubstr("first at 1969-12-25, last at 1969-12-25"));
    EXPECT_THAT(output, HasSubstr("first at 1969-12-25 00:00:00 UTC"));
}

TEST_F(VerifyTypes, RowsInChunksOfOtherSlicesAreCompared) {
    both("CREATE TABLE cpu (time timestamptz NOT NULL, host text, load float8)");
    source.run("SELECT create_hypertable('cpu', 'time', 'host', 3)");
    target.run("SELECT create_hypertable('cpu', 'time', chunk_time_interval => interval '3 days')");
    source.run("INSERT INTO cpu SELECT t, 'host' || h, h FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-15', '3 hours') t, "
               "generate_series(1, 10) h");
    migrate({"--until", "2024-01-12T03:00"});
    backfill_ok({"verify"});
    target.run("DELETE FROM cpu WHERE time = '2024-01-09' AND host = 'host3'");
    const auto outcome = backfill({"verify", "--all"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output,
                HasSubstr("only in source: time=2024-01-09 00:00:00+00, host=host3"));
}

TEST_F(VerifyTypes, ChunksWithoutRowsWithinTheBoundsMayBeMissing) {
    both("CREATE TABLE cpu (time timestamptz NOT NULL, load float8);"
         "SELECT create_hypertable('cpu', 'time', chunk_time_interval => interval '1 day')");
    source.run("INSERT INTO cpu VALUES ('2024-01-01 18:00', 1)");
    migrate({"--until", "2024-01-01T12:00"});
    // The Apache edition creates chunks only for rows.
    EXPECT_EQ(target.value("SELECT count(*) FROM show_chunks('cpu')"), is_community() ? "1" : "0");
    EXPECT_THAT(backfill_ok({"verify"}), HasSubstr("1 equal."));
}

TEST_F(VerifyTypes, ServersOfDifferentEncodingsAreComparedByAggregates) {
    target.run("SELECT 1");
    const auto latin = source.name() + "_latin";
    source.run(fmt::format("CREATE DATABASE {} TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' "
                           "LC_CTYPE 'C'",
                           latin));
    auto uri = source.uri();
    uri.replace(uri.rfind(source.name()), source.name().size(), latin);
    {
        postgres::Connection connection(postgres::ConnectionString(uri, "the test"), "test",
                                        "test");
        connection.execute("SET client_min_messages = error; CREATE EXTENSION timescaledb");
        const auto create = "CREATE TABLE words (time timestamptz NOT NULL, word text); SELECT "
                            "create_hypertable('words', 'time')";
        connection.execute(create);
        target.run(create);
        connection.execute("INSERT INTO words SELECT '2024-01-01', 'caf' || chr(233)");
    }
    const std::vector<std::string> ends{"--source", uri, "--target", target.uri()};
    const auto run = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), ends.begin(), ends.end());
        return run_program(arguments);
    };
    EXPECT_EQ(run({"stage", "--until", "2024-02-01"}).exit_status, 0);
    EXPECT_EQ(run({"copy"}).exit_status, 0);
    const auto outcome = run({"verify"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("hash differently; comparing aggregates"));
    target.run("UPDATE words SET word = 'cafe'");
    const auto different = run({"verify", "--all"});
    EXPECT_EQ(different.exit_status, exit_differences);
    EXPECT_THAT(different.output, HasSubstr("word=café (source)"));
    source.run(fmt::format("DROP DATABASE {} WITH (FORCE)", latin));
}

class VerifyCompressed : public Migration {
  protected:
    void SetUp() override { NEEDS_COMMUNITY_EDITION(); }
};

TEST_F(VerifyCompressed, ChunksAreComparedByTheirRowsWhateverTheLayout) {
    both(
        "CREATE TABLE metrics (time timestamptz NOT NULL, device int, value float8);"
        "SELECT create_hypertable('metrics', 'time', chunk_time_interval => interval '1 day');"
        "ALTER TABLE metrics SET (timescaledb.compress, timescaledb.compress_segmentby = 'device')");
    source.run("INSERT INTO metrics SELECT t, d, d FROM "
               "generate_series('2024-01-01'::timestamptz, '2024-01-04 23:00', '10 min') t, "
               "generate_series(1, 3) d; SELECT compress_chunk(show_chunks('metrics'));"
               "INSERT INTO metrics VALUES ('2024-01-01 00:00:01', 1, 1)");
    migrate({"--until", "2024-02-01"});
    backfill_ok({"verify"});
    target.run("SELECT decompress_chunk(c) FROM show_chunks('metrics', older_than => "
               "'2024-01-02'::timestamptz) c");
    backfill_ok({"verify", "--all"});
    backfill_ok({"verify", "--all", "--mode", "aggregate"});
    target.run("DELETE FROM metrics WHERE time = '2024-01-03 10:00' AND device = 2");
    const auto outcome = backfill({"verify", "--all"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output, HasSubstr("only in source: time=2024-01-03 10:00:00+00, device=2"));
}

class VerifyOthers : public Migration {};

TEST_F(VerifyOthers, ReportsThatTheTargetComputesAGeneratedColumn) {
    const std::string create = "CREATE TABLE pairs (tick int NOT NULL, n int, made int GENERATED "
                               "ALWAYS AS (n * {}) STORED, other int); SELECT "
                               "create_hypertable('pairs', 'tick', chunk_time_interval => 10)";
    source.run(fmt::format(fmt::runtime(create), 2));
    target.run(fmt::format(fmt::runtime(create), 3));
    source.run("INSERT INTO pairs (tick, n, other) VALUES (1, 1, 1), (2, 2, 2), (11, 0, 0)");
    migrate({"--until", "100"});
    const auto outcome = backfill({"verify", "--requeue"});
    EXPECT_EQ(outcome.exit_status, exit_differences);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("1 equal, 1 different"),
                      HasSubstr("made: the target computes the values (GENERATED ALWAYS AS)"),
                      HasSubstr("Next: compare the expressions"), Not(HasSubstr("to copy."))));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL"), "0");
    EXPECT_THAT(backfill({"verify", "--all", "--output", "json"}).output,
                HasSubstr(R"x("columns":["made"],"generated":["made"])x"));
    // If another column differs as well, copying again helps.
    target.run("UPDATE pairs SET other = 7 WHERE tick = 1");
    const auto both_differ = backfill({"verify", "--all", "--requeue"});
    EXPECT_THAT(both_differ.output,
                AllOf(HasSubstr("in columns made, other"), HasSubstr("1 chunk to copy.")));
}

TEST_F(VerifyOthers, FailsWhenNothingCouldBeCopied) {
    both("CREATE TABLE readings (tick int NOT NULL, n int); SELECT create_hypertable('readings', "
         "'tick', chunk_time_interval => 10)");
    target.run("ALTER TABLE readings ADD CONSTRAINT small CHECK (n < 100)");
    source.run("INSERT INTO readings VALUES (1, 100), (11, 101)");
    backfill_ok({"stage", "--until", "100"});
    const auto early = backfill({"verify"});
    EXPECT_EQ(early.exit_status, 1);
    EXPECT_THAT(early.output,
                HasSubstr("Nothing was verified: none of 2 staged chunks is copied: run copy"));
    EXPECT_EQ(backfill({"copy"}).exit_status, 1);
    const auto outcome = backfill({"verify"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("none of 2 staged chunks is copied: 2 chunks failed, "
                                "most recently "),
                      HasSubstr("small"), Not(HasSubstr("Nothing to verify"))));
    const auto quick = backfill({"verify", "--quick"});
    EXPECT_EQ(quick.exit_status, 1);
    EXPECT_THAT(quick.output, HasSubstr("none of 2 staged chunks is copied"));
    // One of the two chunks can be copied now. The queue is still needed for the other one.
    source.run("UPDATE readings SET n = 1 WHERE tick = 11");
    EXPECT_EQ(backfill({"copy"}).exit_status, 1);
    EXPECT_THAT(backfill_ok({"verify"}),
                AllOf(HasSubstr("1 equal"), HasSubstr("Next: timescaledb-backfill copy"),
                      Not(HasSubstr("Next: timescaledb-backfill jobs enable"))));
}

} // namespace
} // namespace test
