// `import`: what it loads, what it does when something fails, and what it refuses.

#include "support/fault_migration.hpp"
#include "support/import.hpp"
#include "support/proxy.hpp"
#include "support/role.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <random>
#include <sstream>
#include <sys/stat.h>
#include <thread>

namespace test {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr int many_rows = 150'000; // about 14 MB, in 7 batches

// ---------------------------------------------------------------- loading

TEST_F(Import, LoadsWhatPsqlLoads) {
    target.run(create_readings);
    target.run(
        "CREATE TABLE made AS SELECT '2024-01-01'::timestamptz + i * interval '1 second' AS "
        "time, i % 10 AS device, CASE WHEN i % 9 > 0 THEN i / 7.0 END::float8 AS value, CASE i "
        "% 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'a \"b\"\\n, c\\r\\nd' ELSE repeat('x "
        "', 40) END AS note FROM generate_series(1, 100000) i");
    psql("\\copy made to pstdout csv header", "> " + file.path());
    const auto output = import_ok("readings", {"--parallelism", "3", file.path()});
    EXPECT_THAT(output, HasSubstr("Imported 100,000 rows"));
    expect_as_psql("readings", file.path(), ", header");
    EXPECT_NE(batches(), "1");
}

TEST_F(Import, SupportsAllFormatsOfCopy) {
    target.run(create_readings);
    const auto expect = [&](const std::string& text, const Arguments& arguments,
                            const std::string& options) {
        SCOPED_TRACE(text);
        target.run("TRUNCATE readings; DROP SCHEMA IF EXISTS __backfill CASCADE");
        file.write(text);
        auto all = arguments;
        all.push_back(file.path());
        import_ok("readings", all);
        expect_as_psql("readings", file.path(), options);
    };
    expect("time,device,value,note\r\n2024-01-01,1,2,\"a\r\nb\"\r\n2024-01-02,1,,\r\n", {},
           ", header");
    expect("time,device,value,note\r2024-01-01,1,2,x\r2024-01-02,1,,\"\r\"\r", {}, ", header");
    expect("2024-01-01;1;NA;'it\\'s; so\\\\'\n2024-01-01;2;2;NA",
           {"--columns", "time,device,value,note", "--delimiter", ";", "--quote", "'", "--escape",
            "\\", "--null", "NA"},
           ", delimiter ';', quote '''', escape E'\\\\\\\\', null 'NA'");
    expect("2024-01-01\t1\t2\t\"a\tb\"\n",
           {"--columns", "time,device,value,note", "--delimiter", "\\t"}, ", delimiter E'\\t'");
    expect("2024-01-01,1,2,gr\xfc\xdf\n",
           {"--columns", "time,device,value,note", "--encoding", "LATIN1"}, ", encoding 'LATIN1'");
    expect("a,b,c,d\n2024-01-01,1,2,x\n",
           {"--columns", "time,device,value,note", "--skip-lines", "1"}, ", header");
}

TEST_F(Import, MatchesColumnsByName) {
    target.run(create_readings);
    target.run("ALTER TABLE readings ADD source text DEFAULT 'file'");
    file.write("\xEF\xBB\xBFnote,device,time\n\"a,b\",1,2024-01-01\n");
    import_ok("readings", {file.path()});
    EXPECT_THAT(target.rows("TABLE readings"),
                ElementsAre("2024-01-01 00:00:00+00|1|NULL|a,b|file"));
}

TEST_F(Import, SupportsAllTypesAndUnusualNames) {
    target.run(
        "CREATE SCHEMA \"Größe \"\"1\"\"\"; CREATE TYPE public.mood AS ENUM ('so, so', '\"ok\"'); "
        "CREATE TABLE \"Größe \"\"1\"\"\".\"A, b\" (\"Zeit; \"\"T\"\"\" timestamp NOT NULL, "
        "\"温度\" numeric(10, 3)[], \"j,k\" jsonb, bytes bytea, mood public.mood, span interval, "
        "ranges int4multirange, \"COPY 7\" text)");
    target.run("SELECT create_hypertable('\"Größe \"\"1\"\"\".\"A, b\"', 'Zeit; \"T\"')");
    target.run(
        "CREATE TABLE made AS SELECT '2024-01-01'::timestamp + i * interval '1 h' AS \"Zeit; "
        "\"\"T\"\"\", ARRAY[i, NULL, 0.5]::numeric(10, 3)[] AS \"温度\", "
        "jsonb_build_object('a \"b\"', ARRAY[i], 'c', E'd\\n') AS \"j,k\", "
        "decode(md5(i::text), 'hex') AS bytes, (ENUM_RANGE(NULL::public.mood))[1 + i % 2] AS "
        "mood, i * interval '1 day 2 s' AS span, int4multirange(int4range(i, i + 2)) AS ranges, "
        "E'\\\\' || i AS \"COPY 7\" FROM generate_series(1, 50) i");
    psql("\\copy made to pstdout csv header", "> " + file.path());
    import_ok("\"Größe \"\"1\"\"\".\"A, b\"", {file.path()});
    expect_as_psql("\"Größe \"\"1\"\"\".\"A, b\"", file.path(), ", header");
    // The server's messages about this table's records are parsed.
    file.append("2024-01-01,{},{},\\x00,no,1 s,{},\"x\n\"\n");
    expect_refused("\"Größe \"\"1\"\"\".\"A, b\"", {file.path()}, exit_failed,
                   HasSubstr(fmt::format("{}, line 52: invalid input value for enum mood: "
                                         "\"no\", column mood (rows loaded before stay)",
                                         file.path())));
}

TEST_F(Import, ReadsCompressedFilesAndStandardInput) {
    create_numbers();
    file.write(numbered_rows(1000));
    const TextFile packed("import.csv.gz");
    ASSERT_EQ(run_shell(fmt::format("gzip -c {} > {}", file.path(), packed.path())), 0);
    import_ok("numbers", {packed.path()});
    expect_numbers(1000);
    target.run("TRUNCATE numbers");
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(import_stream("numbers", "a").exit_status, exit_done);
        expect_numbers(1000);
    }
    EXPECT_EQ(import_stream("numbers", "b").exit_status, exit_done);
    EXPECT_EQ(target.value("SELECT count(*) FROM numbers"), "2000");
}

TEST_F(Import, LoadsPlainAndPartitionedTables) {
    target.run(
        "CREATE TABLE plain (a int, b text); CREATE TABLE parts (a int, b text) PARTITION BY "
        "RANGE (a); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10)");
    file.write("a,b\n1,x\n2,y\n");
    for (const auto* table : {"plain", "parts"}) {
        import_ok(table, {file.path()});
        EXPECT_THAT(target.rows(fmt::format("SELECT * FROM {} ORDER BY a", table)),
                    ElementsAre("1|x", "2|y"));
    }
    file.append("12,z\n");
    expect_refused("parts", {file.path()}, exit_failed,
                   HasSubstr("line 4: no partition of relation"));
}

TEST_F(Import, LoadsManyFiles) {
    target.run("CREATE TABLE plain (a int)");
    std::vector<std::unique_ptr<TextFile>> files;
    Arguments arguments{"--parallelism", "4"};
    for (int i = 0; i < 60; ++i) {
        files.push_back(std::make_unique<TextFile>(fmt::format("import-{}.csv", i)));
        files.back()->write(i % 10 == 0   ? ""
                            : i % 10 == 1 ? "a\n"
                                          : fmt::format("a\n{}\n{}\n", i, -i));
        arguments.push_back(files.back()->path());
    }
    EXPECT_THAT(import_ok("plain", arguments), HasSubstr("Imported 96 rows"));
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || count(DISTINCT a) FROM plain"), "96 96");
    EXPECT_THAT(import_ok("plain", arguments),
                AllOf(HasSubstr("Imported 0 rows"), HasSubstr("60 of 60 files finished")));
}

TEST_F(Import, LeavesOutRowsOutsideTheBounds) {
    target.run(create_readings);
    target.run(
        "CREATE TABLE counters (\"Tick\" bigint NOT NULL, v int); SELECT "
        "create_hypertable('counters', 'Tick', chunk_time_interval => 10); CREATE TABLE days "
        "(day date NOT NULL, v int); SELECT create_hypertable('days', 'day')");
    file.write("time,device\n2024-01-01 00:59:59.999999+01,1\n2024-01-01,2\n2024-01-02 "
               "11:59:59.999999+00,3\n2024-01-02 12:00:00+00,4\n");
    EXPECT_THAT(
        import_ok("readings", {"--from", "2024-01-01", "--until", "2024-01-02T12:00", file.path()}),
        HasSubstr("Imported 2 rows, 2 records left out"));
    EXPECT_THAT(target.rows("SELECT device FROM readings ORDER BY 1"), ElementsAre("2", "3"));
    file.write("Tick,v\n-5,1\n0,2\n9,3\n10,4\n");
    import_ok("counters", {"--from", "0", "--until", "10", "--name", "counters", file.path()});
    EXPECT_THAT(target.rows("SELECT v FROM counters ORDER BY 1"), ElementsAre("2", "3"));
    file.write("day,v\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n");
    import_ok("days", {"--until", "2024-01-02T12:00", file.path()});
    EXPECT_THAT(target.rows("SELECT v FROM days ORDER BY 1"), ElementsAre("1", "2"));
    // A row without a time is rejected, and not left out.
    file.write("time,device\n,1\n");
    expect_refused("readings", {"--until", "2024-01-02", "--name", "null", file.path()},
                   exit_failed, HasSubstr("line 2: NULL value in column \"time\""));
}

TEST_F(Import, BoundsApplyToTheTimeColumnAfterDroppedColumns) {
    const std::string create = "CREATE TABLE {0} (obsolete int, seen timestamptz NOT NULL, entered "
                               "timestamptz, n int CHECK (n < 100));";
    const std::string drop = "ALTER TABLE {0} DROP COLUMN obsolete;";
    const std::string hypertable = "SELECT create_hypertable('{0}', 'seen');";
    target.run(fmt::format(fmt::runtime(create + hypertable + drop), "after"));
    target.run(fmt::format(fmt::runtime(create + drop + hypertable), "before"));
    // An existing chunk whose columns have other numbers than those of new chunks.
    target.run(fmt::format(fmt::runtime(create + hypertable +
                                        "INSERT INTO {0} VALUES (1, "
                                        "'2025-02-10', '2025-02-10', 9);" +
                                        drop),
                           "older"));
    file.write("seen,entered,n\n2025-01-01,2025-03-01,1\n2025-01-02,2025-01-01,2\n"
               "2025-02-10,2025-01-01,4\n");
    for (const std::string table : {"after", "before", "older"}) {
        SCOPED_TRACE(table);
        EXPECT_THAT(import_ok(table, {"--until", "2025-02-01", file.path()}),
                    HasSubstr("Imported 2 rows, 1 record left out"));
        EXPECT_THAT(target.rows("SELECT n FROM " + table + " WHERE n <> 9 ORDER BY 1"),
                    ElementsAre("1", "2"));
        EXPECT_THAT(target.rows("SELECT n FROM " + table + " WHERE seen < '2025-02-01' ORDER BY 1"),
                    ElementsAre("1", "2"));
    }
    // Rejected records are found in this case, too.
    const TextFile rejects("rejects.csv");
    file.write("seen,entered,n\n2025-01-03,,5\nnever,,6\n2025-01-04,,700\n2025-01-05,,8\n"
               "2025-03-01,,10\n");
    EXPECT_THAT(
        import_ok("after", {"--until", "2025-02-01", "--on-error", "skip", "--rejects",
                            rejects.path(), "--max-rejects", "5", "--name", "more", file.path()}),
        HasSubstr("Imported 2 rows"));
    EXPECT_THAT(target.rows("SELECT n FROM after ORDER BY 1"), ElementsAre("1", "2", "5", "8"));
}

// ---------------------------------------------------------------- importing again

TEST_F(Import, LoadsNothingTwice) {
    create_numbers();
    file.write(numbered_rows(100));
    import_ok("numbers", {file.path()});
    EXPECT_THAT(
        import_ok("numbers", {file.path()}),
        AllOf(HasSubstr("was imported before: 100 rows\n    to load it again, give it another "
                        "--name"),
              HasSubstr("Imported 0 rows")));
    expect_numbers(100);
    import_ok("numbers", {"--name", "again", file.path()});
    EXPECT_EQ(target.value("SELECT count(*) FROM numbers"), "200");
    const auto outcome = run_program({"clean", "--target", program_uri});
    EXPECT_THAT(outcome.output, HasSubstr("all 2 files were imported"));
}

TEST_F(Import, LoadsAppendedRecords) {
    create_numbers();
    const auto all = numbered_rows(300);
    const auto third = all.find(",100,");
    const auto end = all.find("\"\n", third) + 2;
    for (const bool compressed : {false, true}) {
        target.run("TRUNCATE numbers");
        const TextFile other(compressed ? "grows.csv.gz" : "grows.csv");
        const auto append = [&](const std::string& text) {
            file.write(text);
            ASSERT_EQ(run_shell(fmt::format("{} {} >> {}", compressed ? "gzip -c" : "cat",
                                            file.path(), other.path())),
                      0);
        };
        append(all.substr(0, end));
        import_ok("numbers", {other.path()});
        expect_numbers(100);
        append(all.substr(end));
        EXPECT_THAT(import_ok("numbers", {other.path()}),
                    AllOf(HasSubstr("Continuing"), HasSubstr("Imported 200 rows")));
        expect_numbers(300);
    }
}

TEST_F(Import, RefusesFilesThatHaveChanged) {
    create_numbers();
    const auto all = numbered_rows(100);
    file.write(all);
    import_ok("numbers", {file.path()});
    const auto expect = [&](const std::string& text, const std::string& why) {
        file.write(text);
        expect_refused("numbers", {file.path()}, exit_failed,
                       AllOf(HasSubstr(why), HasSubstr("give it another --name")));
    };
    expect(all.substr(0, all.size() / 2), "has changed since a part of it was loaded");
    auto other = all;
    other[200] = '#';
    expect(other, "has changed since");
    other = all;
    other[all.size() - 20] = '#';
    expect(other + "x", "has changed since");
    file.write(all);
    expect_refused(
        "numbers", {"--null", "x", "--until", "2030-01-01", file.path()}, exit_failed,
        HasSubstr("was begun with other options: --null ([\"\"]), --until (not given); its "
                  "loaded rows stay"));
    const TextFile copy("copy.csv", all);
    expect_refused("numbers", {copy.path()}, exit_failed,
                   HasSubstr("is the same as " + file.path() + ", which has been imported"));
    import_ok("numbers", {"--name", file.path(), copy.path()});
    expect_numbers(100);
    // If the digests of the beginning and the end do not overlap, each detects changes.
    const auto large = numbered_rows(20'000);
    const TextFile grows("grows.csv", large);
    import_ok("numbers", {grows.path()});
    for (const auto at : {std::size_t{200}, large.size() - 20}) {
        other = large;
        other[at] = '#';
        grows.write(other);
        expect_refused("numbers", {grows.path()}, exit_failed, HasSubstr("has changed since"));
    }
    target.run("TRUNCATE numbers");
    const TextFile open("open.csv", "time,number\n2024-01-01,1\n2024-01-01,2");
    import_ok("numbers", {open.path()});
    open.append("3\n");
    expect_refused("numbers", {open.path()}, exit_failed,
                   HasSubstr("its last record had no newline then"));
    expect_numbers(2);
}

TEST_F(Import, RefusesADifferentStream) {
    create_numbers();
    const auto by_stream = [&](const std::string& text) {
        file.write(text);
        return import_stream("numbers", "a").exit_status;
    };
    EXPECT_EQ(by_stream("time,number\n2024-01-01,1\n2024-01-01,2\n"), exit_done);
    EXPECT_EQ(by_stream("time,number\n2024-01-01,3\n2024-01-01,4\n"), exit_failed);
    EXPECT_EQ(by_stream("time,number\n2024-01-01,1\n"), exit_failed);
    EXPECT_EQ(by_stream("time,number\n2024-01-01,1\n2024-01-01,2\n2024-01-01,3"), exit_done);
    EXPECT_EQ(by_stream("time,number\n2024-01-01,1\n2024-01-01,2\n2024-01-01,33\n"), exit_failed);
    expect_numbers(3);
}

// ---------------------------------------------------------------- failures

class ImportFaults : public Import {
  protected:
    const std::uint32_t seed = random_seed();
    std::mt19937 random{seed};
    Proxy proxy = Proxy::in_front_of(target.uri());

    void SetUp() override {
        create_numbers();
        file.write(numbered_rows(many_rows));
        SCOPED_TRACE(seed);
    }

    void pause_up_to(int milliseconds) {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(std::uniform_int_distribution(0, milliseconds)(random)));
    }

    std::unique_ptr<Program> start(const Arguments& arguments = {"--parallelism", "3"}) {
        auto all = words("numbers", arguments);
        all.push_back(file.path());
        return std::make_unique<Program>(all);
    }

    void start_over() { target.run("TRUNCATE numbers; DROP SCHEMA IF EXISTS __backfill CASCADE"); }

    /// Waits for the program to end, and returns its outcome.
    static Outcome wait_for_end(Program& program) {
        if (!eventually([&] { return program.has_ended(); }, 90)) {
            ADD_FAILURE() << "the program does not end";
            program.signal(SIGKILL);
        }
        return program.wait();
    }

    /// Blocks sessions that load rows until the returned connection is closed.
    std::unique_ptr<postgres::Connection> block_loading() {
        auto holder = target.connect();
        holder->execute("BEGIN; LOCK TABLE public.numbers IN ACCESS EXCLUSIVE MODE");
        return holder;
    }

    void expect_waiting(int number) {
        EXPECT_TRUE(eventually([&] {
            return target.sessions("wait_event_type = 'Lock'") == number;
        })) << target.sessions("wait_event_type = 'Lock'");
    }
};

TEST_F(ImportFaults, ContinuesAfterBeingKilled) {
    const TextFile compressed("killed.csv.gz");
    ASSERT_EQ(run_shell("gzip -1 -c " + file.path() + " > " + compressed.path()), 0);
    for (int round = 0; round < 2 * rounds(1); ++round) {
        SCOPED_TRACE(seed);
        start_over();
        const auto path = round % 2 == 0 ? file.path() : compressed.path();
        int kills = 0;
        for (int runs = 0; runs < 40; ++runs) {
            Program program(words("numbers", {"--parallelism", "3", path}));
            if (runs < 8) {
                pause_up_to(runs == 0 ? 100 : 400);
                program.signal(SIGKILL);
                ++kills;
            }
            const auto outcome = wait_for_end(program);
            if (outcome.exit_status == exit_done)
                break;
            EXPECT_EQ(outcome.exit_status, 128 + SIGKILL) << outcome.errors;
        }
        EXPECT_GT(kills, 0);
        expect_numbers(many_rows);
        EXPECT_EQ(
            target.value("SELECT sum(rows) || ' ' || min(\"from\") || ' ' || max(next_line) FROM "
                         "__backfill.import_batch"),
            fmt::format("{} 17 {}", many_rows, 2 + 2 * many_rows));
    }
}

TEST_F(ImportFaults, SurvivesCutConnections) {
    program_uri = proxy.uri(target.uri());
    for (int round = 0; round < 3 * rounds(1); ++round) {
        SCOPED_TRACE(seed);
        start_over();
        const auto before = proxy.faults();
        const auto fault = round % 3 == 0   ? Fault::cut
                           : round % 3 == 1 ? Fault::lose_client
                                            : Fault::lose_server;
        const int first = proxy.connections() + 1;
        proxy.plan([first, fault, generator = std::mt19937(random())](
                       int number) mutable -> std::optional<FaultAfter> {
            const auto magnitude = std::uniform_real_distribution(3.0, 7.0)(generator);
            if (number < first || number > first + 13)
                return std::nullopt;
            // The first connection reads settings. The second one is later used by a worker, and
            // may be the only one.
            if (number <= first + 1)
                return FaultAfter{fault, 100'000};
            return FaultAfter{fault, static_cast<std::int64_t>(std::pow(10, magnitude))};
        });
        const auto outcome = wait_for_end(
            *start({"--parallelism", "3", "--max-retries", "100", "--stall-timeout", "2"}));
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
        EXPECT_GT(proxy.faults(), before);
        proxy.cancel_faults();
        expect_numbers(many_rows);
    }
}

TEST_F(ImportFaults, SurvivesCommitsInDoubt) {
    program_uri = proxy.uri(target.uri());
    for (const bool is_delivered : {true, false}) {
        start_over();
        proxy.plan_at("UPDATE __backfill.import_batch",
                      [is_delivered](int number) -> std::optional<FaultAt> {
                          if (number > 2)
                              return std::nullopt;
                          return FaultAt{Fault::cut, is_delivered};
                      });
        const auto before = proxy.faults();
        const auto outcome = wait_for_end(*start());
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
        EXPECT_EQ(proxy.faults() - before, 2);
        EXPECT_THAT(outcome.output, HasSubstr("Imported 150,000 rows"));
        proxy.cancel_faults();
        expect_numbers(many_rows);
    }
}

TEST_F(ImportFaults, SurvivesTerminatedBackends) {
    auto program = start({"--parallelism", "3", "--max-retries", "100"});
    EXPECT_TRUE(
        eventually([&] { return target.sessions("state = 'active' AND query LIKE 'COPY%'") > 0; }));
    int terminated = 0;
    while (!program->has_ended() && terminated < 20) {
        pause_up_to(60);
        terminated += std::stoi(target.value(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE "
            "datname = current_database() AND application_name LIKE 'timescaledb-backfill%' "
            "ORDER BY random() LIMIT 2) AS chosen"));
    }
    const auto outcome = wait_for_end(*program);
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    EXPECT_GT(terminated, 0);
    expect_numbers(many_rows);
    EXPECT_TRUE(eventually([&] { return target.sessions() == 0; }));
}

TEST_F(ImportFaults, LocksTheFile) {
    auto holder = block_loading();
    auto first = start();
    expect_waiting(3);
    expect_refused("numbers", {file.path()}, exit_failed,
                   HasSubstr("another process is importing " + file.path()));
    EXPECT_THAT(run_program({"status", "--target", target.uri(), "--files"}).output,
                testing::ContainsRegex(file.path() + " +public\\.numbers +loading"));
    holder.reset();
    EXPECT_EQ(wait_for_end(*first).exit_status, exit_done);
    expect_numbers(many_rows);
}

/// A killed process may have left a COMMIT in flight.
TEST_F(ImportFaults, SeesABatchThatIsBeingCommitted) {
    auto first = start();
    EXPECT_EQ(wait_for_end(*first).exit_status, exit_done);
    target.run("CREATE TABLE batch AS SELECT * FROM __backfill.import_batch; "
               "DELETE FROM __backfill.import_batch; UPDATE __backfill.import SET finished = NULL");
    auto committing = target.connect();
    committing->execute("BEGIN; SELECT FROM __backfill.import FOR SHARE; "
                        "INSERT INTO __backfill.import_batch SELECT * FROM batch");
    Program second(words("numbers", {"--null", "x", file.path()}));
    EXPECT_TRUE(eventually([&] { return target.sessions("wait_event_type = 'Lock'") == 1; }));
    committing->execute("COMMIT");
    const auto outcome = wait_for_end(second);
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.errors, HasSubstr("was begun with other options: --null"));
}

TEST_F(ImportFaults, LoadsNothingTwiceWhenAnotherTakesOver) {
    auto holder = block_loading();
    auto first = start();
    expect_waiting(3);
    EXPECT_EQ(run_program({"pause", "--target", program_uri}).exit_status, exit_done);
    const auto paused = target.value("SELECT clock_timestamp()");
    EXPECT_TRUE(eventually([&] {
        return target.value("SELECT seen > '" + paused +
                            "'::timestamptz + interval '1 s' FROM "
                            "__backfill.run") == "t";
    }));
    holder.reset();
    EXPECT_TRUE(eventually([&] { return batches() == "3"; }));
    // Release the lock that keeps other processes from importing the file.
    EXPECT_EQ(target.value("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = "
                           "'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = "
                           "current_database())"),
              "1");
    const auto owner = target.value("SELECT owner FROM __backfill.import");
    auto second = start();
    EXPECT_TRUE(
        eventually([&] { return target.value("SELECT owner FROM __backfill.import") != owner; }));
    EXPECT_EQ(run_program({"resume", "--target", program_uri}).exit_status, exit_done);
    const auto one = wait_for_end(*first);
    const auto other = wait_for_end(*second);
    EXPECT_EQ(one.exit_status, exit_failed) << one.output;
    EXPECT_THAT(one.errors, HasSubstr("another import has taken over " + file.path()));
    EXPECT_EQ(other.exit_status, exit_done) << other.errors;
    expect_numbers(many_rows);
}

TEST_F(ImportFaults, StopsOnSignals) {
    auto holder = block_loading();
    auto program = start();
    expect_waiting(3);
    program->signal(SIGINT);
    holder.reset();
    const auto outcome = wait_for_end(*program);
    EXPECT_EQ(outcome.exit_status, exit_interrupted) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("Interrupted; the same command continues."));
    EXPECT_NE(batches(), "0");
    EXPECT_EQ(wait_for_end(*start()).exit_status, exit_done);
    expect_numbers(many_rows);
}

TEST_F(ImportFaults, StopsWaitingForStandardInput) {
    const TextFile pipe("pipe");
    ASSERT_EQ(mkfifo(pipe.path().c_str(), 0600), 0);
    Program program(words("numbers", {"--name", "pipe", "-"}), {}, std::nullopt, pipe.path());
    pipe.append(numbered_rows(many_rows)); // waits until nearly all is read
    EXPECT_TRUE(eventually([&] {
        return target.value("SELECT count(*) > 100000 FROM numbers") == "t" &&
               target.sessions("query LIKE 'COPY%'") == 0;
    }));
    program.signal(SIGINT);
    EXPECT_EQ(wait_for_end(program).exit_status, exit_interrupted);
    EXPECT_EQ(import_stream("numbers", "pipe").exit_status, exit_done);
    expect_numbers(many_rows);
}

TEST_F(ImportFaults, KeepsRowsFromBeforeTheDamageOfAFile) {
    const TextFile compressed("damaged.csv.gz");
    ASSERT_EQ(run_shell(fmt::format(
                  "gzip -1 -c {0} > {1}.whole; head -c $(($(stat -c %s {1}.whole) * 3 / 4)) "
                  "{1}.whole > {1}",
                  file.path(), compressed.path())),
              0);
    expect_refused(
        "numbers", {compressed.path()}, exit_failed,
        HasSubstr("cannot read " + compressed.path() + ": unexpected end of its gzip data"));
    EXPECT_NE(target.value("SELECT count(*) FROM numbers"), "0");
    // A continued download is a file that has grown.
    ASSERT_EQ(run_shell(fmt::format("mv {0}.whole {0}", compressed.path())), 0);
    EXPECT_EQ(import("numbers", {compressed.path()}).exit_status, exit_done);
    expect_numbers(many_rows);
}

// ---------------------------------------------------------------- rejected records

class ImportRejects : public Import {
  protected:
    const TextFile rejects{"rejects.csv"};

    void SetUp() override {
        target.run("CREATE TABLE kinds (id int PRIMARY KEY); INSERT INTO kinds VALUES (1), (2)");
        target.run(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL CHECK (device "
            "< 100), kind int REFERENCES kinds, note varchar(10), UNIQUE (time, device)); "
            "SELECT create_hypertable('readings', 'time')");
    }

    Arguments skipping(const Arguments& more = {}) const {
        Arguments all{"--on-error", "skip", "--rejects", rejects.path(), file.path()};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

constexpr auto bad_records = "time,device,kind,note\n"
                             "2024-01-01 00:00,1,1,\"first\n\"\n" // 2
                             "2024-01-01 00:01,x,1,a\n"           // 4
                             "2024-01-01 00:02,,1,a\n"            // 5
                             "2024-01-01 00:03,100,1,\"a\n\n\"\n" // 6
                             "2024-01-01 00:04,1,9,a\n"           // 9
                             "2024-01-01 00:00,1,1,a\n"           // 10
                             "2024-01-01 00:05,1,1\n"             // 11
                             "2024-01-01 00:06,1,1,a,b\n"         // 12
                             "2024-01-01 00:07,1,1,\xff\n"        // 13
                             "2024-01-01 00:08,1,1,12345678901\n" // 14
                             ",1,1,a\n"                           // 15
                             "never,1,1,a\n"                      // 16
                             "2024-01-01 00:09,2,2,\"last\"\n";   // 17

TEST_F(ImportRejects, AreSkippedAndWrittenToTheRejectsFile) {
    file.write(bad_records);
    EXPECT_THAT(import_ok("readings", skipping()),
                HasSubstr("Imported 2 rows, 11 records rejected"));
    EXPECT_THAT(target.rows("SELECT device, note FROM readings ORDER BY time"),
                ElementsAre("1|first\n", "2|last"));
    target.run("CREATE TABLE kept (file text, line int, reason text, record bytea)");
    const auto text = rejects.text();
    EXPECT_THAT(
        text,
        HasSubstr(",13,\"invalid byte sequence for encoding \"\"UTF8\"\": 0xff\",\"2024-01-01 "
                  "00:07,1,1,\xff\"\n"));
    // The rest of the rejects file is valid CSV.
    target.run(
        "DROP TABLE kept; CREATE TABLE kept (file text, line int, reason text, record text)");
    const TextFile readable("readable.csv");
    auto clean = text;
    std::erase(clean, '\xff');
    readable.write(clean);
    import_ok("kept", {readable.path()});
    EXPECT_THAT(
        target.rows("SELECT line, reason FROM kept WHERE file = '" + file.path() +
                    "' ORDER BY line"),
        ElementsAre(
            "4|invalid input syntax for type integer: \"x\", column device",
            HasSubstr("5|null value in column \"device\""), HasSubstr("6|new row for relation"),
            HasSubstr("9|insert or update on table"),
            HasSubstr("10|duplicate key value violates unique constraint"),
            "11|missing data for column \"note\"", "12|extra data after last expected column",
            HasSubstr("13|invalid byte sequence"),
            HasSubstr("14|value too long for type character varying(10)"),
            HasSubstr("15|NULL value in column \"time\""),
            HasSubstr("16|invalid input syntax for type timestamp with time zone: \"never\"")));
    EXPECT_EQ(target.value("SELECT record FROM kept WHERE line = 6"),
              "2024-01-01 00:03,100,1,\"a\n\n\"");
    EXPECT_EQ(target.value("SELECT records || ' ' || rows || ' ' || rejected FROM "
                           "__backfill.import_batch ORDER BY import LIMIT 1"),
              "13 2 11");
    EXPECT_THAT(import_ok("readings", skipping()),
                HasSubstr("was imported before: 2 rows, 11 records rejected"));
    EXPECT_EQ(rejects.text(), text);
}

TEST_F(ImportRejects, EndTheImportUnlessSkipped) {
    const std::string all = bad_records;
    std::vector<std::pair<int, std::string>> expected{
        {4, "invalid input syntax for type integer: \"x\", column device"},
        {5, "null value in column \"device\""},
        {6, "new row for relation"},
        {9, "insert or update on table"},
        {10, "duplicate key value violates unique constraint"},
        {11, "missing data for column \"note\""},
        {12, "extra data after last expected column"},
        {13, "invalid byte sequence"},
        {14, "value too long"},
        {15, "NULL value in column \"time\""},
        {16, "invalid input syntax for type timestamp"}};
    for (const auto& [line, reason] : expected) {
        // Replace the lines before by valid ones, so that this is the first invalid line.
        std::string text;
        int number = 0;
        std::istringstream stream(all);
        for (std::string one; std::getline(stream, one);) {
            ++number;
            const bool stays = number <= 3 || number >= line;
            text += stays ? one + "\n" : fmt::format("2023-01-01 00:{:02},1,1,a\n", number);
        }
        file.write(text);
        expect_refused("readings", {"--name", std::to_string(line), file.path()}, exit_failed,
                       HasSubstr(fmt::format("{}, line {}: {}", file.path(), line, reason)));
    }
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
}

TEST_F(ImportRejects, AreFoundAmongMany) {
    std::string text = "time,device,kind\n";
    int expected = 0;
    for (int i = 0; i < 250'000; ++i) {
        const bool is_bad = i % 50'021 == 17;
        text += fmt::format("2024-01-01 00:00:00.{:06}+00,1,{}\n", i,
                            is_bad ? (i % 2 == 0 ? "x" : "7") : "1");
        expected += is_bad ? 1 : 0;
    }
    file.write(text);
    import_ok("readings", skipping({"--parallelism", "3"}));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), std::to_string(250'000 - expected));
    for (int i = 17; i < 250'000; i += 50'021)
        EXPECT_THAT(rejects.text(), HasSubstr(fmt::format(",{},\"in", i + 2)));
}

TEST_F(ImportRejects, AreLimited) {
    file.write("time,device\n2024-01-01,x\n2024-01-02,1\n2024-01-03,y\n2024-01-04,z\n");
    expect_refused("readings", skipping({"--max-rejects", "2"}), exit_failed,
                   HasSubstr("more than 2 records rejected (--max-rejects), most recently " +
                             file.path() + ", line 5: invalid input syntax"));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    import_ok("readings", skipping({"--max-rejects", "3"}));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1");
}

TEST_F(ImportRejects, CannotBeFoundForDeferredConstraints) {
    target.run("CREATE TABLE late (a int REFERENCES kinds DEFERRABLE INITIALLY DEFERRED)");
    file.write("a\n1\n9\n2\n");
    expect_refused("late", skipping(), exit_failed,
                   AllOf(HasSubstr(file.path() + ", lines 2 to 4: insert or update on table"),
                         HasSubstr("it is not known which record is the cause")));
    EXPECT_EQ(target.value("SELECT count(*) FROM late"), "0");
    EXPECT_EQ(rejects.text(), "");
}

TEST_F(ImportRejects, NameTheRemedyForANotValidConstraint) {
    target.run("ALTER TABLE readings ADD CONSTRAINT \"few\" CHECK (kind < 2) NOT VALID;"
               "CREATE TABLE keyed (a int);"
               "ALTER TABLE keyed ADD CONSTRAINT \"known\" FOREIGN KEY (a) REFERENCES kinds "
               "DEFERRABLE INITIALLY DEFERRED NOT VALID");
    file.write("time,device,kind\n2024-01-01,1,1\n2024-01-02,1,2\n");
    expect_refused("readings", {file.path()}, exit_failed,
                   AllOf(HasSubstr(file.path() + ", line 3: new row for relation"),
                         HasSubstr("which is NOT VALID, but applies to new rows; ALTER "
                                   "TABLE \"public\".\"readings\" DROP CONSTRAINT \"few\", and "
                                   "add it again as NOT VALID after the import")));
    target.run("ALTER TABLE \"public\".\"readings\" DROP CONSTRAINT \"few\"");
    import_ok("readings", {file.path()});
    target.run("ALTER TABLE readings ADD CONSTRAINT few CHECK (kind < 2) NOT VALID");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "2");
    file.write("a\n1\n9\n");
    expect_refused("keyed", {file.path()}, exit_failed,
                   AllOf(HasSubstr(", lines 2 to 3: insert or update on table"),
                         HasSubstr("ALTER TABLE \"public\".\"keyed\" DROP CONSTRAINT "
                                   "\"known\", and add it again as NOT VALID")));
}

TEST_F(ImportRejects, AreOnlyRecordsThatCausedTheError) {
    target.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'not now' USING ERRCODE = '42501'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON "
        "readings FOR EACH ROW EXECUTE FUNCTION refuse()");
    file.write("time,device\n2024-01-01,1\n");
    expect_refused("readings", skipping(), exit_failed,
                   HasSubstr(file.path() + ", lines 2 to 2: not now"));
    EXPECT_EQ(rejects.text(), "");
    target.run(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF "
        "NEW.device = 1 THEN RETURN NULL; END IF; RAISE EXCEPTION 'no %', NEW.device; END $$");
    file.write("time,device\n2024-01-01,1\n2024-01-01,2\n");
    EXPECT_THAT(import_ok("readings", skipping({"--name", "b"})),
                HasSubstr("Imported 0 rows, 1 record rejected, 1 record left out"));
    EXPECT_THAT(rejects.text(), HasSubstr(",3,\"no 2\",\"2024-01-01,2\"\n"));
}

TEST_F(ImportRejects, DoNotIncludeRecordsWithAmbiguousEnds) {
    const auto expect = [&](const std::string& text, const std::string& why) {
        file.write(text);
        expect_refused("readings", skipping({"--name", why}), exit_failed,
                       HasSubstr(file.path() + ", line " + why));
    };
    const std::string good = "time,device\n2024-01-01,1\n";
    expect(good + "2024-01-02,1\r\n",
           "3: unquoted carriage return in a file whose lines end with newlines");
    expect(good + "2024-01-02,\"1\n", "3: unterminated quote in the record that begins here");
    expect(good + "\\.\n2024-01-02,1\n",
           "4: data follows a line that consists of a backslash and a period");
    file.write("time,device\n2024-01-05,1\n\\.\n");
    import_ok("readings", {"--name", "marker", file.path()});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time = '2024-01-05'"), "1");
}

// ---------------------------------------------------------------- refusals

TEST_F(Import, RefusesBeforeItChangesAnything) {
    target.run(create_readings);
    target.run(
        "CREATE VIEW seen AS TABLE readings; CREATE SEQUENCE s; INSERT INTO readings VALUES "
        "('2024-01-01', 1); CREATE TABLE made (a int, b int GENERATED ALWAYS AS (a + 1) STORED); "
        "CREATE TABLE secret (a int)");
    file.write("time,device\n2024-01-01,1\n");
    const auto expect = [&](const std::string& table, const Arguments& arguments, int status,
                            const std::string& why) {
        auto all = arguments;
        all.push_back(file.path());
        expect_refused_at_once(table, all, status, HasSubstr(why));
    };
    expect("nothing", {}, exit_usage,
           "has no table \"public\".\"nothing\"; correct --table, or create the table first");
    expect("no.thing", {}, exit_usage, "has no table \"no\".\"thing\"");
    expect("a b", {}, exit_usage, "--table 'a b' is not a table name");
    expect("a.b.c", {}, exit_usage, "--table 'a.b.c' is not a table name");
    expect("seen", {}, exit_usage,
           "\"public\".\"seen\" is a view; name the table that has its rows");
    expect("s", {}, exit_usage, "is not a table");
    const auto chunk = target.value("SELECT show_chunks('readings')");
    expect(chunk, {}, exit_usage, "is a chunk; name its hypertable");
    expect("secret", {"--until", "2024-01-01"}, exit_usage,
           "\"public\".\"secret\" is not a hypertable, so --from and --until do not apply");
    expect("readings", {"--until", "5"}, exit_usage, "--until");
    expect("readings", {"--until", "2024-01-01", "--from", "2024-01-02"}, exit_usage,
           "is not before");
    expect("secret", {}, exit_usage,
           "the header of " + file.path() +
               " names columns that \"public\".\"secret\" does not have: "
               "\"time\", \"device\" (it has \"a\"");
    expect("secret", {"--columns", "a,a"}, exit_usage, "--columns names the column \"a\" twice");
    expect("made", {"--columns", "a,b"}, exit_usage, "which the table generates itself");
    expect("readings", {"--rejects", "/no/such/folder/file", "--on-error", "skip"}, exit_usage,
           "--rejects /no/such/folder/file cannot be written");
    expect_refused_at_once("readings", {"/no/such/file"}, exit_usage,
                           HasSubstr("cannot read /no/such/file: No such file"));
    expect_refused_at_once("readings", {"/tmp"}, exit_usage,
                           HasSubstr("/tmp is not a regular file"));
    expect("readings", {file.path()}, exit_usage, "is given twice");
    file.write("time,\"device\n");
    expect("readings", {}, exit_usage, file.path() + ", line 1: unterminated quote");
}

TEST_F(Import, RefusesInvalidOptions) {
    const auto expect = [&](const Arguments& arguments, const std::string& why) {
        expect_refused_at_once("readings", arguments, exit_usage, HasSubstr(why));
    };
    expect({}, "FILE is required");
    expect({"-"}, "standard input needs a --name");
    expect({"a.csv", "b.csv", "--name", "x"}, "--name is for one file");
    expect({"a.csv", "--on-error", "skip"}, "--on-error skip and --rejects FILE go together");
    expect({"a.csv", "--rejects", "r.csv"}, "--on-error skip and --rejects FILE go together");
    expect({"a.csv", "--header"}, "--header requires --columns");
    expect({"a.csv", "--delimiter", "ab"}, "takes one character, or \\t for a tab");
    expect({"a.csv", "--quote", ","}, "--delimiter and --quote must differ");
    expect({"a.csv", "--quote", "\\"}, "--quote must not be a backslash or a period");
    expect({"a.csv", "--escape", "\n"}, "must be single ASCII characters");
    expect({"a.csv", "--null", "a,b"}, "--null must not contain the delimiter");
    expect({"a.csv", "--encoding", "SJIS", "--escape", "\\"},
           "convert the file, for example with iconv");
    expect({"a.csv", "--on-error", "ignore"}, "--on-error");
    expect({"a.csv", "--max-rejects", "-1"}, "--max-rejects");
}

TEST_F(Import, NeedsFewPrivileges) {
    target.run(create_readings);
    file.write("time,device\n2024-01-01,1\n");
    const Role role(target);
    program_uri = role.uri();
    expect_refused_at_once("readings", {file.path()}, exit_failed,
                           HasSubstr("cannot import: missing privileges; in the "));
    target.run(fmt::format("GRANT CREATE ON DATABASE {} TO {}", target.name(), role.name()));
    expect_refused_at_once(
        "readings", {file.path()}, exit_failed,
        HasSubstr("GRANT INSERT (\"time\", \"device\") ON \"public\".\"readings\" TO"));
    target.run(fmt::format("GRANT INSERT ON readings TO {}", role.name()));
    expect_refused_at_once("readings", {"--until", "2024-02-01", file.path()}, exit_failed,
                           HasSubstr("GRANT SELECT (\"time\") ON \"public\".\"readings\" TO"));
    import_ok("readings", {file.path()});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1");
}

// ---------------------------------------------------------------- reading back

class ImportReadBack : public Import {
  protected:
    static constexpr auto not_found =
        "the loaded rows are not found through their hypertable, so they were rolled back";

    /// Expects that the only batch of the file fails, and that none of its rows stay.
    void expect_fault(const std::string& reason, const std::string& rows_before) {
        const auto outcome = import("readings", {file.path()});
        EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
        EXPECT_THAT(outcome.errors, AllOf(HasSubstr(file.path() + ", lines 2 to "),
                                          HasSubstr(not_found), HasSubstr(reason)));
        EXPECT_EQ(target.value("SELECT count(*) FROM readings"), rows_before);
        EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.import_batch"), "0");
    }

    /// Runs a statement at the end of each transaction that inserts a row.
    void run_before_commit(const std::string& statement) {
        target.run(fmt::format(
            "CREATE FUNCTION do_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {}; RETURN NULL; "
            "END $$; CREATE CONSTRAINT TRIGGER do_it AFTER INSERT ON readings DEFERRABLE "
            "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION do_it()",
            statement));
    }
};

TEST_F(ImportReadBack, FindsChunksThatAreNotRecordedForSkipping) {
    target.run(
        std::string(create_readings) +
        "; SET timescaledb.enable_chunk_skipping = on; "
        "SELECT enable_chunk_skipping('readings', 'device'); "
        "INSERT INTO readings VALUES ('2024-01-01 12:00+00', 1), ('2024-01-02 12:00+00', 1)");
    file.write("time,device\n2024-01-01 06:00+00,7\n2024-01-02 06:00+00,8\n");
    import_ok("readings", {"--name", "before", file.path()});
    target.run("DELETE FROM readings WHERE device > 1");
    target.run("DELETE FROM __backfill.import_batch");
    target.run("DELETE FROM _timescaledb_catalog.chunk_column_stats WHERE chunk_id > 0");
    expect_fault("AND device = '7'", "2");
}

TEST_F(ImportReadBack, FindsChunksThatThePlannerExcludes) {
    target.run(std::string(create_readings) +
               "; INSERT INTO readings VALUES ('2024-01-01 12:00+00', 1)");
    run_before_commit(
        "UPDATE _timescaledb_catalog.dimension_slice SET range_end = range_start + 1");
    file.write("time,device\n2024-01-01 06:00+00,7\n2024-01-01 18:00+00,8\n");
    expect_fault("\"time\" = '2024-01-01 06:00:00+00'", "1");
}

TEST_F(ImportReadBack, FindsRowsOfAPartialChunkThatIsNotMarkedSo) {
    if (!target.is_community())
        GTEST_SKIP() << "needs the Community edition";
    target.run(std::string(create_readings) +
               "; INSERT INTO readings VALUES ('2024-01-01 12:00+00', 1); "
               "ALTER TABLE readings SET (timescaledb.compress); "
               "SELECT compress_chunk(c) FROM show_chunks('readings') c; "
               "INSERT INTO readings VALUES ('2024-01-01 13:00+00', 1); ");
    run_before_commit("UPDATE _timescaledb_catalog.chunk SET status = 1 WHERE status = 9");
    file.write("time,device\n2024-01-01 06:00+00,7\n2024-01-01 18:00+00,8\n");
    expect_fault("\"time\" = '2024-01-01 06:00:00+00'", "2");
}

TEST_F(ImportReadBack, FindsAMissingCompressedTable) {
    if (!target.is_community())
        GTEST_SKIP() << "needs the Community edition";
    if (target.value("SELECT extversion ~ '^2[.](1[0-9]|2[0-8])[.]' FROM pg_extension WHERE "
                     "extname = 'timescaledb'") != "t")
        GTEST_SKIP() << "from 2.29 on, compressed tables are not found by name";
    target.run(std::string(create_readings) +
               "; INSERT INTO readings VALUES ('2024-01-01 12:00+00', 1); "
               "ALTER TABLE readings SET (timescaledb.compress); "
               "SELECT compress_chunk(c) FROM show_chunks('readings') c; "
               "INSERT INTO readings VALUES ('2024-01-01 13:00+00', 1); "
               "CREATE SCHEMA elsewhere");
    target.run("UPDATE pg_class SET relnamespace = 'elsewhere'::regnamespace WHERE oid = (SELECT "
               "compress_relid FROM _timescaledb_catalog.compression_settings WHERE compress_relid "
               "IS NOT NULL)");
    file.write("time,device\n2024-01-01 06:00+00,7\n");
    const auto outcome = import("readings", {file.path()});
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
    EXPECT_THAT(outcome.errors,
                HasSubstr("the loaded rows cannot be read through their hypertable"));
}

TEST_F(ImportReadBack, AcceptsRowsThatAreFound) {
    target.run(
        "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value float8, "
        "\"the 'note' %s\" text); SELECT create_hypertable('readings', 'time', "
        "chunk_time_interval => interval '1 day'); SELECT add_dimension('readings', "
        "'the ''note'' %s', number_partitions => 2); SET timescaledb.enable_chunk_skipping = on; "
        "SELECT enable_chunk_skipping('readings', 'device')");
    std::string rows = "time,device,value,the 'note' %s\n";
    for (int i = 0; i < 500; ++i)
        rows += fmt::format("2024-01-{:02} 00:{:02}+00,{},{},it's 100%L {}\n", 1 + i % 5, i % 60, i,
                            i, i % 7);
    file.write(rows);
    import_ok("readings", {file.path()});
    if (target.is_community()) {
        target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_segmentby "
                   "= 'value'); SELECT compress_chunk(c) FROM show_chunks('readings') c");
        import_ok("readings", {"--name", "again", file.path()});
        EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "1000");
    }
}

TEST_F(ImportReadBack, AcceptsOtherTypesOfTime) {
    for (const auto* type : {"smallint", "int", "bigint", "date", "timestamp"}) {
        const bool is_integer = std::string(type).ends_with("int");
        target.run(fmt::format(
            "CREATE TABLE ticks (time {} NOT NULL, n int); SELECT create_hypertable('ticks', "
            "'time', chunk_time_interval => {}, create_default_indexes => false)",
            type, is_integer ? "10" : "interval '10 days'"));
        std::string rows = "time,n\n";
        for (int i = 1; i < 29; ++i)
            rows += fmt::format(
                "{},{}\n", is_integer ? std::to_string(i - 14) : fmt::format("2024-01-{:02}", i),
                i);
        file.write(rows);
        import_ok("ticks", {"--name", type, file.path()});
        target.run("DROP TABLE ticks");
    }
}

TEST_F(ImportReadBack, FindsFaultsWhereNewRowsAreCompressed) {
    if (!target.is_community() || target.value("SELECT count(*) FROM pg_settings WHERE name = "
                                               "'timescaledb.enable_direct_compress_copy'") == "0")
        GTEST_SKIP() << "needs direct compress";
    target.run(std::string(create_readings) + "; SET timescaledb.enable_chunk_skipping = on; "
                                              "SELECT enable_chunk_skipping('readings', 'device')");
    target.run("ALTER TABLE readings SET (timescaledb.compress, timescaledb.compress_orderby = "
               "'time, device')");
    try {
        target.run("ALTER TABLE readings SET (timescaledb.direct_compress = true)");
    } catch (const postgres::SqlError& error) {
        GTEST_SKIP() << error.what();
    }
    std::string rows = "time,device\n";
    for (int i = 0; i < 2000; ++i)
        rows += fmt::format("2024-01-01 {:02}:{:02}+00,{}\n", i / 60 % 24, i % 60, i);
    file.write(rows);
    import_ok("readings", {file.path()});
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "2000");
    target.run("DELETE FROM _timescaledb_catalog.chunk_column_stats WHERE chunk_id > 0");
    const auto outcome = import("readings", {"--name", "again", file.path()});
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.output;
    EXPECT_THAT(outcome.errors, HasSubstr(not_found));
}

TEST_F(ImportReadBack, ReadsNoMoreInLargeChunks) {
    target.run("CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL); SELECT "
               "create_hypertable('readings', 'time', chunk_time_interval => interval '10 days')");
    target.run("INSERT INTO readings SELECT '2024-01-01'::timestamptz + i * interval '1 second', i "
               "FROM generate_series(0, 500000) i");
    file.write("time,device\n2024-01-03 00:00:00.5+00,1\n");
    target.blocks_read_of_chunks(); // reports the INSERT
    const auto before = target.blocks_read_of_chunks();
    import_ok("readings", {file.path()});
    EXPECT_TRUE(eventually([&] { return target.blocks_read_of_chunks() > before; }));
    EXPECT_LT(target.blocks_read_of_chunks() - before, 200); // of more than 2,700
}

// ---------------------------------------------------------------- triggers

class ImportTriggers : public Import {};

TEST_F(ImportTriggers, FireWithTheRolesOwnSearchPath) {
    target.run(create_readings);
    const Role role(target);
    target.run(fmt::format(
        "GRANT CREATE ON DATABASE {0} TO {1}; GRANT SELECT, INSERT ON readings TO {1}; "
        "CREATE SCHEMA notes; GRANT USAGE ON SCHEMA notes TO {1}; "
        "CREATE TABLE notes.seen (what text); GRANT INSERT ON notes.seen TO {1}; "
        "ALTER ROLE {1} SET search_path = notes; "
        "CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO "
        "seen VALUES (TG_NAME); RETURN NEW; END $$; "
        "CREATE TRIGGER before_row BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION "
        "public.see(); "
        "CREATE TRIGGER after_row AFTER INSERT ON readings FOR EACH ROW EXECUTE FUNCTION "
        "public.see(); "
        "CREATE TRIGGER after_statement AFTER INSERT ON readings FOR EACH STATEMENT EXECUTE "
        "FUNCTION public.see(); "
        "CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON readings DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.see()",
        target.name(), role.name()));
    program_uri = role.uri();
    file.write("time,device\n2024-01-01,1\n2024-01-02,2\n");
    import_ok("readings", {file.path()});
    EXPECT_THAT(target.rows("SELECT what, count(*) FROM notes.seen GROUP BY 1 ORDER BY 1"),
                ElementsAre("after_row|2", "after_statement|1", "before_row|2", "deferred|2"));
}

} // namespace
} // namespace test
