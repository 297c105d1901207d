// What the commands do with a chunk that crashes a server, tested with a server of the test's own.

#include "base/exit_status.hpp"
#include "support/migration.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto crashed_twice = "the target server has crashed twice while working on it";

/// Seven chunks of a day each. In the target, rows of some days crash the server: the server
/// process that evaluates a function of the row is killed.
class Crash : public Migration {
  protected:
    static void SetUpTestSuite() {
        if (TemporaryServer::is_available())
            server = std::make_unique<TemporaryServer>();
    }
    static void TearDownTestSuite() { server.reset(); }

    Crash() : Migration(nullptr, server.get()) {}

    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        ASSERT_TRUE(answers(server->uri())); // it may still restart after another test
        both("CREATE TYPE day AS ENUM ('10', '11', '12', '13', '14', '15', '16');"
             "CREATE TABLE readings (time timestamptz NOT NULL, day day);"
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 "
             "day')");
        source.run("INSERT INTO readings SELECT t, extract(day FROM t)::text::day FROM "
                   "generate_series('2024-01-10'::timestamptz, '2024-01-16 23:50', '10 min') t");
        // The shell's parent is the server process, and its working directory the data directory.
        target.run("CREATE FUNCTION crash(day text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
                   "EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', "
                   "format('echo %s >> crashes; kill -KILL $PPID', day)); RETURN true; "
                   "END $$; COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f crashes'");
    }

    /// Makes the server crash when rows of some days are written.
    /// \param days a list in SQL, such as "'13'".
    void crash_on_writing(const std::string& days) {
        target.run(
            fmt::format("CREATE FUNCTION survives(day day) RETURNS boolean LANGUAGE plpgsql "
                        "AS $$ BEGIN RETURN day NOT IN ({}) OR public.crash(enum_out(day)::text); "
                        "END $$; ALTER TABLE readings ADD CHECK (survives(day))",
                        days));
    }

    Outcome run(const std::vector<std::string>& arguments) {
        auto outcome = backfill(arguments);
        target.reconnect();
        return outcome;
    }

    /// The days whose rows have crashed the server, sorted, once for each crash.
    std::vector<std::string> crashes() {
        return target.rows("SELECT day FROM regexp_split_to_table(pg_read_file('crashes'), '\\n') "
                           "AS day WHERE day <> '' ORDER BY 1");
    }

    static inline std::unique_ptr<TemporaryServer> server;
};

class CrashOfCopy : public Crash, public testing::WithParamInterface<const char*> {
  protected:
    /// \param large makes the chunks too large to be copied together.
    void stage(bool large) {
        backfill_ok({"stage", "--until", "2024-02-01"});
        if (large)
            target.run("UPDATE __backfill.task SET bytes = 1e9");
    }

    void expect_all_but(const std::string& days, const std::string& number) {
        SCOPED_TRACE(testing::PrintToString(
            target.rows("SELECT chunk_name, error FROM __backfill.task WHERE failed IS NOT NULL")));
        EXPECT_THAT(target.rows("SELECT failed IS NOT NULL, worked IS NOT NULL, count(*) FROM "
                                "__backfill.task GROUP BY 1, 2 ORDER BY 1"),
                    ElementsAre("f|t|" + std::to_string(7 - std::stoi(number)), "t|f|" + number));
        expect_equal_rows("readings", fmt::format("day NOT IN ({})", days));
        EXPECT_EQ(
            target.value(fmt::format("SELECT count(*) FROM readings WHERE day IN ({})", days)),
            "0");
    }
};

TEST_P(CrashOfCopy, CausedTwiceByAChunkFailsOnlyThatChunk) {
    crash_on_writing("'13'");
    stage(/*large=*/true);
    const auto outcome = run({"copy", "-p", "4", "--load-strategy", GetParam()});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr(crashed_twice));
    EXPECT_THAT(crashes(), ElementsAre("13", "13"));
    expect_all_but("'13'", "1");
}

TEST_P(CrashOfCopy, CausedBySeveralChunksFailsOnlyThose) {
    crash_on_writing("'11', '13', '14'");
    stage(/*large=*/true);
    const auto outcome = run({"copy", "-p", "4", "--load-strategy", GetParam()});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    // Two chunks may have a part in the same crash.
    EXPECT_LE(crashes().size(), 6U) << testing::PrintToString(crashes());
    for (const std::string day : {"11", "13", "14"})
        EXPECT_LE(std::ranges::count(crashes(), day), 2) << day;
    expect_all_but("'11', '13', '14'", "3");
}

TEST_P(CrashOfCopy, CausedBySmallChunksCopiedTogetherFailsOnlyThose) {
    crash_on_writing("'12', '16'");
    stage(/*large=*/false);
    const auto outcome = run({"copy", "-p", "4", "--load-strategy", GetParam()});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    for (const std::string day : {"12", "16"})
        EXPECT_LE(std::ranges::count(crashes(), day), 2) << day;
    expect_all_but("'12', '16'", "2");
}

TEST_P(CrashOfCopy, DoesNotPreventTheNextCopyFromTryingAgain) {
    crash_on_writing("'13'");
    stage(/*large=*/true);
    run({"copy", "--load-strategy", GetParam()});
    target.run("ALTER TABLE readings DROP CONSTRAINT readings_day_check");
    const auto outcome = run({"copy", "--load-strategy", GetParam()});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    expect_equal_rows("readings");
}

/// A server whose WAL writer does not run forgets each commit that has not waited for the disk.
TEST_F(Crash, LosesNoRowsOfAnImport) {
    target.run("CREATE FUNCTION act(number int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
               "IF number = 30000 THEN "
               "EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', "
               "'cat > /dev/null; test -e lost || { touch lost; kill -KILL $PPID; }'); "
               "END IF; RETURN true; END $$; "
               "CREATE TABLE numbers (number int CHECK (act(number)), note text)");
    target.run(fmt::format("ALTER DATABASE {} SET synchronous_commit = off", target.name()));
    target.run(fmt::format("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; kill -STOP {}'",
                           target.value("SELECT pid FROM pg_stat_activity "
                                        "WHERE backend_type = 'walwriter'")));
    std::string text = "number,note\n";
    for (int number = 1; number <= 60'000; ++number)
        text += fmt::format("{},{:0>90}\n", number, number);
    const TemporaryFolder folder;
    folder.write("numbers.csv", text);
    const auto outcome = run_program({"import", "--target", target.uri(), "-p", "1", "--table",
                                      "numbers", folder.file("numbers.csv")});
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
    target.reconnect();
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || count(DISTINCT number) FROM numbers"),
              "60000 60000");
}

INSTANTIATE_TEST_SUITE_P(Strategies, CrashOfCopy, testing::Values("auto", "in-place"),
                         [](const auto& strategy) {
                             return std::string(strategy.param) == "auto" ? "Auto" : "InPlace";
                         });

TEST_F(Crash, OfVerifyCausedTwiceByAChunkFailsOnlyThatChunk) {
    backfill_ok({"stage", "--until", "2024-02-01"});
    backfill_ok({"copy"});
    // Enums are compared by their text.
    target.run(
        "CREATE FUNCTION text_of(day day) RETURNS text LANGUAGE plpgsql AS $$ BEGIN IF "
        "enum_out(day)::text = '13' THEN PERFORM public.crash('13'); END IF; RETURN enum_out(day)::text; END "
        "$$; CREATE CAST (day AS text) WITH FUNCTION text_of(day)");
    const auto outcome = run({"verify", "-p", "4"});
    EXPECT_EQ(outcome.exit_status, 3) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr(crashed_twice));
    EXPECT_THAT(outcome.output, HasSubstr("6 equal"));
    EXPECT_THAT(crashes(), ElementsAre("13", "13"));
}

TEST_F(Crash, OfImportEndsItAfterTheSecondTime) {
    crash_on_writing("'13'");
    const TextFile file("readings.csv", "time,day\n2024-01-12,12\n2024-01-13,13\n");
    const auto outcome =
        run_program({"import", "--target", target.uri(), "--table", "readings", file.path()});
    target.reconnect();
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(crashed_twice));
    EXPECT_THAT(crashes(), ElementsAre("13", "13"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
}

} // namespace
} // namespace test
