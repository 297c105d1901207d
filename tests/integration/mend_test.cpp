// Chunks that verify has found to differ: copy and verify --repair replace only the rows of ranges
// of time that differ.

#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <memory>
#include <ostream>
#include <string>
#include <thread>

namespace test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr int exit_differences = 3;

class Mending : public Migration {
  protected:
    /// Inserts a text that makes each row about 100 bytes long.
    static constexpr auto padding = "repeat('x', 60)";

    /// One chunk of 100,000 rows, four at each second, copied and equal.
    void copy_a_chunk(const std::string& columns = "time timestamptz NOT NULL, device int, value "
                                                   "int, note text") {
        both(fmt::format("CREATE TABLE readings ({}); SELECT create_hypertable('readings', "
                         "'time', chunk_time_interval => interval '7 days')",
                         columns));
        source.run(fmt::format(
            "INSERT INTO readings SELECT '2024-01-01'::timestamptz + i / 4 * interval '1 s', "
            "i % 4, i, {} FROM generate_series(0, 99999) i",
            padding));
        migrate({"--until", "2024-02-01"});
    }

    void requeue() const {
        const auto outcome = backfill({"verify", "--requeue"});
        ASSERT_EQ(outcome.exit_status, exit_differences) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr("1 chunk to copy."));
    }

    void expect_verified() {
        EXPECT_THAT(backfill_ok({"verify"}), HasSubstr("1 equal."));
        expect_equal_rows("readings");
    }

    /// A column of the only task.
    std::string of_task(const std::string& column) {
        return target.value(fmt::format("SELECT {} FROM __backfill.task", column));
    }

    /// Rows that were inserted into or deleted from the target's chunks, as the server counts them.
    std::int64_t rows_changed() {
        return std::stoll(target.value(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_all_tables "
            "WHERE schemaname = '_timescaledb_internal' AND relname LIKE '_hyper_%_chunk'"));
    }

    /// True if the server has counted the test's UPDATE and DELETE.
    bool reported_changes() {
        return target.value("SELECT sum(n_tup_upd) > 0 AND sum(n_tup_del) > 0 "
                            "FROM pg_stat_all_tables WHERE schemaname = '_timescaledb_internal' "
                            "AND relname LIKE '_hyper_%_chunk'") == "t";
    }

    std::string a_chunk(Database& database) { return chunks_of(database, "readings").front(); }

    /// Starts a copy, and returns when it has compared the chunk and waits for `holder`'s lock.
    std::unique_ptr<Program> start_copy_until_it_waits(postgres::Connection& holder) {
        holder.execute(fmt::format("BEGIN; LOCK TABLE {} IN SHARE MODE", a_chunk(target)));
        auto program = start({"copy"});
        EXPECT_TRUE(eventually([&] { return program_waits(target); }));
        return program;
    }
};

// ---------------------------------------------------------------- few differences in many rows

struct Kind {
    const char* name;
    const char* columns; ///< besides time
    const char* time_type = "timestamptz";
    const char* create = "SELECT create_hypertable('readings', 'time', chunk_time_interval => "
                         "interval '7 days')";
    const char* prepare = ""; ///< run on both sides
    const char* until = "2024-02-01";
    int rows = 100'000; ///< four at each second

    /// The time of a row, as SQL.
    std::string time(const std::string& second) const {
        return std::string(time_type) == "bigint"
                   ? second
                   : fmt::format("('2024-01-01'::timestamptz + {} * interval '1 s')", second);
    }

    friend std::ostream& operator<<(std::ostream& out, const Kind& kind) {
        return out << kind.name;
    }
};

class FewDifferences : public Mending, public testing::WithParamInterface<Kind> {};

TEST_P(FewDifferences, OnlyTheirRangesTravel) {
    const auto& kind = GetParam();
    const int all = kind.rows;
    const auto time_of_row = [&](int row) {
        return kind.time(fmt::to_string(row / 4));
    };
    both(fmt::format("CREATE TABLE readings (time {} NOT NULL, {}); {}; {}", kind.time_type,
                     kind.columns, kind.create, kind.prepare));
    source.run(fmt::format("INSERT INTO readings (time, device, value, note) SELECT {}, i % 4, "
                           "nullif(i % 10, 3), {} FROM generate_series(0, {}) i",
                           kind.time("(i / 4)"), padding, all - 1));
    migrate({"--until", kind.until});
    backfill_ok({"verify"});
    const auto bytes = std::stoll(target.value("SELECT sum(bytes_copied) FROM __backfill.task"));
    const auto rows = target.value("SELECT sum(rows_copied) FROM __backfill.task");

    // Three different places.
    target.run(fmt::format("UPDATE readings SET value = NULL WHERE time = {} AND device = 1",
                           time_of_row(all / 10)));
    target.run(fmt::format("DELETE FROM readings WHERE time = {} AND device = 2",
                           time_of_row(all / 10 * 3)));
    target.run(fmt::format("INSERT INTO readings (time, device, value, note) VALUES ({}, 9, 9, "
                           "'only here')",
                           time_of_row(all / 2)));
    const auto verified = backfill({"verify", "--all", "--requeue"});
    EXPECT_EQ(verified.exit_status, exit_differences) << verified.output << verified.errors;
    ASSERT_TRUE(eventually([&] { return reported_changes(); }));
    const auto before = rows_changed();

    const auto output = backfill_ok({"copy"});
    EXPECT_THAT(output, ContainsRegex("mended [123] ranges?, [0-9,]+ of [0-9,]+ rows"));
    EXPECT_LT(
        std::stoll(target.value("SELECT sum(bytes_copied) FILTER (WHERE message LIKE 'mended %') "
                                "FROM __backfill.task")) *
            50,
        bytes);
    // The sessions of the program have ended, and with them have reported what they did.
    ASSERT_TRUE(eventually([&] { return rows_changed() > before; }));
    EXPECT_LT(rows_changed() - before, all / 50);
    // A mended task has as many rows as one that was copied.
    EXPECT_EQ(target.value("SELECT sum(rows_copied) FROM __backfill.task"), rows);
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE mend"), "0");
    const auto equal = backfill_ok({"verify"});
    EXPECT_THAT(equal, ContainsRegex("[123] equal\\."));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE verified IS NULL"), "0");
    expect_equal_rows("readings", fmt::format("time < '{}'", kind.until));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FewDifferences,
    testing::Values(
        Kind{.name = "WithoutAKey", .columns = "device int, value int, note text", .rows = 400'000},
        Kind{"WithAKey", "device int, value int, note text, PRIMARY KEY (device, time)"},
        Kind{"WithoutAnIndexOnTime", "device int, value int, note text", "timestamptz",
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '7 "
             "days', create_default_indexes => false)"},
        Kind{"WithADroppedColumn", "gone int, device int, value int, note text", "timestamptz",
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '7 "
             "days')",
             "INSERT INTO readings VALUES ('2024-01-01'); DELETE FROM readings; "
             "ALTER TABLE readings DROP COLUMN gone"},
        Kind{"WithIntegerTime", "device int, value int, note text", "bigint",
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => 1000000)", "",
             "2000000"},
        Kind{.name = "WithSpacePartitions",
             .columns = "device int, value int, note text",
             .create = "SELECT create_hypertable('readings', 'time', 'device', 2, "
                       "chunk_time_interval => interval '7 days')",
             .rows = 200'000},
        Kind{"CutByTheCompletionPoint", "device int, value int, note text", "timestamptz",
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '7 "
             "days')",
             "", "2024-01-01T06:30"}),
    [](const auto& kind) { return std::string(kind.param.name); });

// ---------------------------------------------------------------- whole chunks

TEST_F(Mending, AChunkThatDiffersInHalfIsCopiedAsAWhole) {
    copy_a_chunk();
    target.run("UPDATE readings SET value = 0 WHERE time < '2024-01-01 03:30'");
    requeue();
    EXPECT_THAT(backfill_ok({"copy"}),
                HasSubstr("copied as a whole: more than a third of its rows are in ranges that "
                          "differ"));
    EXPECT_EQ(of_task("rows_copied"), "100000");
    expect_verified();
}

TEST_F(Mending, CompressedChunksAreCopiedAsAWhole) {
    NEEDS_COMMUNITY_EDITION();
    copy_a_chunk();
    target.run("ALTER TABLE readings SET (timescaledb.compress);"
               "SELECT compress_chunk(show_chunks('readings'));"
               "DELETE FROM readings WHERE time = '2024-01-01 03:30'");
    requeue();
    EXPECT_THAT(backfill_ok({"copy"}),
                HasSubstr("copied as a whole: it is compressed in the target"));
    expect_verified();
}

TEST_F(Mending, AChunkThatIsGoneFromTheTargetIsCopiedAsAWhole) {
    copy_a_chunk();
    target.run("DELETE FROM readings WHERE time = '2024-01-01 03:30'");
    requeue();
    target.run("SELECT drop_chunks('readings', older_than => '2025-01-01'::timestamptz)");
    EXPECT_THAT(backfill_ok({"copy"}),
                HasSubstr("copied as a whole: the target has no chunk with the same slices"));
    expect_verified();
}

TEST_F(Mending, NothingIsLoadedIfNothingDiffersAnyMore) {
    copy_a_chunk();
    target.run("UPDATE readings SET value = -1 WHERE value = 4711");
    requeue();
    target.run("UPDATE readings SET value = 4711 WHERE value = -1");
    EXPECT_THAT(backfill_ok({"copy"}),
                AllOf(HasSubstr("Copied 1 chunk, 0 rows"), HasSubstr("nothing differs any more")));
    EXPECT_EQ(of_task("rows_copied"), "100000");
    EXPECT_EQ(of_task("bytes_copied"), "0");
    expect_verified();
}

TEST_F(Mending, RangesAreDividedWhereAnIndexFindsTheirRows) {
    for (const bool indexed : {true, false}) {
        SCOPED_TRACE(indexed ? "with an index on time" : "without");
        source.run("DROP TABLE IF EXISTS readings");
        target.run("DROP TABLE IF EXISTS readings; DROP SCHEMA IF EXISTS __backfill CASCADE");
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int, value int, note text);"
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '7 "
             "days', create_default_indexes => " +
             std::string(indexed ? "true)" : "false)"));
        // The first row is four days before the others, which are in few of the first parts.
        source.run(fmt::format(
            "INSERT INTO readings VALUES ('2023-12-28', 0, -1);"
            "INSERT INTO readings SELECT '2024-01-01'::timestamptz + i / 4 * interval '1 s', "
            "i % 4, i, {} FROM generate_series(0, 99999) i",
            padding));
        migrate({"--until", "2024-02-01"});
        target.run("UPDATE readings SET value = -1 WHERE value = 50000");
        requeue();
        EXPECT_THAT(backfill_ok({"copy"}),
                    ContainsRegex(indexed ? "mended 1 range, [0-9]{1,2} of 100,001 rows"
                                          : "mended 1 range, [23],[0-9]{3} of 100,001 rows"));
        expect_verified();
    }
}

TEST_F(Mending, ManyRangesAreMendedAtOnce) {
    copy_a_chunk();
    target.run("UPDATE readings SET value = -1 WHERE extract(epoch FROM time)::int % 250 = 125 "
               "AND device = 1");
    requeue();
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("mended 100 ranges, "));
    expect_verified();
}

TEST_F(Mending, ExplainSaysThatOnlyDifferencesAreCopied) {
    copy_a_chunk();
    target.run("UPDATE readings SET value = -1 WHERE value = 4711");
    requeue();
    EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                HasSubstr("only the ranges of time that differ"));
}

TEST_F(Mending, AReferencedRowIsUpdated) {
    copy_a_chunk("time timestamptz NOT NULL, device int, value int, note text, PRIMARY KEY (time, "
                 "device)");
    if (!version_at_least(2, 17))
        GTEST_SKIP() << "needs foreign keys that reference hypertables";
    target.run("CREATE TABLE alarms (time timestamptz, device int, FOREIGN KEY (time, device) "
               "REFERENCES readings ON DELETE CASCADE);"
               "INSERT INTO alarms VALUES ('2024-01-01 03:30', 1), ('2024-01-01 05:00', 2);"
               "UPDATE readings SET value = -1 WHERE time = '2024-01-01 03:30' AND device = 1");
    requeue();
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("mended 1 range, "));
    expect_verified();
    EXPECT_EQ(target.value("SELECT count(*) FROM alarms"), "2");
}

// ---------------------------------------------------------------- concurrent writers, failures

TEST_F(Mending, RowsThatTheApplicationWritesMeanwhileAreKept) {
    for (const bool keyed : {false, true}) {
        SCOPED_TRACE(keyed ? "with a key" : "without a key");
        source.run("DROP TABLE IF EXISTS readings");
        target.run("DROP TABLE IF EXISTS readings; DROP SCHEMA IF EXISTS __backfill CASCADE");
        copy_a_chunk(fmt::format("time timestamptz NOT NULL, device int, value int, note text{}",
                                 keyed ? ", PRIMARY KEY (time, device)" : ""));
        target.run("UPDATE readings SET value = -1 WHERE time = '2024-01-01 03:30:00'");
        requeue();
        // Written to both sides before the snapshot; then after it, next to the changed rows.
        const auto early = "INSERT INTO readings VALUES ('2024-01-01 03:30:01', 7, 7, 'early')";
        const auto late = "INSERT INTO readings VALUES ('2024-01-01 03:30:02', 8, 8, 'late')";
        source.run(early);
        const auto holder = target.connect();
        const auto program = start_copy_until_it_waits(*holder);
        source.run(late);
        holder->execute(fmt::format("{}; {}; COMMIT", early, late));
        const auto outcome = program->wait();
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        EXPECT_THAT(outcome.output, HasSubstr("mended 1 range, "));
        expect_verified();
    }
}

TEST_F(Mending, AKilledCopyLeavesTheChunkAsItWas) {
    copy_a_chunk();
    target.run("DELETE FROM readings WHERE time IN ('2024-01-01 01:00', '2024-01-01 05:00')");
    requeue();
    const auto holder = target.connect();
    const auto program = start_copy_until_it_waits(*holder);
    program->signal(SIGKILL);
    program->wait();
    holder->execute("COMMIT");
    ASSERT_TRUE(eventually([&] { return target.sessions() == 0; }));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "99992");
    EXPECT_EQ(of_task("mend AND worked IS NULL"), "t");
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("mended 2 ranges, "));
    expect_verified();
}

TEST_F(Mending, ALostConnectionIsReplacedAndTheChunkComparedAgain) {
    copy_a_chunk();
    target.run("DELETE FROM readings WHERE time IN ('2024-01-01 01:00', '2024-01-01 05:00')");
    requeue();
    const auto holder = target.connect();
    const auto program = start_copy_until_it_waits(*holder);
    target.run(
        fmt::format("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                    "current_database() AND application_name LIKE 'timescaledb-backfill%' AND {}",
                    waits_for_lock));
    // Equal again, but the other is not.
    holder->execute("INSERT INTO readings SELECT '2024-01-01 01:00', i % 4, i, repeat('x', 60) "
                    "FROM generate_series(14400, 14403) i; COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("mended 1 range, "));
    expect_verified();
}

TEST_F(Mending, AChunkThatIsReplacedMeanwhileIsComparedAgain) {
    copy_a_chunk();
    target.run("DELETE FROM readings WHERE time = '2024-01-01 03:30'");
    requeue();
    const auto holder = target.connect();
    const auto program = start_copy_until_it_waits(*holder);
    holder->execute("SELECT drop_chunks('readings', older_than => '2025-01-01'::timestamptz);"
                    "INSERT INTO readings SELECT '2024-01-01 00:00:00', 0, 0, repeat('x', 60);"
                    "COMMIT");
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("copied as a whole"));
    // The application's row, which is late, stays.
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE value > 0"), "99999");
}

TEST_F(Mending, ManyPassesEndEqualWhileTheApplicationWrites) {
    copy_a_chunk("time timestamptz NOT NULL, device int, value int, note text, PRIMARY KEY (time, "
                 "device)");
    const auto to_source = source.connect();
    const auto to_target = target.connect();
    std::jthread writer([&](const std::stop_token& stop) {
        for (int i = 0; !stop.stop_requested(); ++i) {
            const auto row = fmt::format("INSERT INTO readings VALUES ('2024-01-01 04:00'::"
                                         "timestamptz + {0} * interval '1 s', 5, {0}, 'new') ON "
                                         "CONFLICT DO NOTHING",
                                         i % 10000);
            to_source->execute(row);
            to_target->execute(row);
        }
    });
    for (int pass = 0; pass < rounds(5); ++pass) {
        target.run(fmt::format("DELETE FROM readings WHERE time = '2024-01-01 0{}:30' AND device = "
                               "1",
                               1 + pass % 5));
        backfill({"verify", "--all", "--requeue"});
        backfill_ok({"copy"});
    }
    writer.request_stop();
    writer.join();
    EXPECT_EQ(backfill({"verify", "--all", "--repair"}).exit_status, 0);
    expect_equal_rows("readings");
}

// ---------------------------------------------------------------- a source without TimescaleDB

class PlainMending : public Migration {
  protected:
    PlainMending() : Migration(DatabaseOptions{.with_extension = false}) {}
};

TEST_F(PlainMending, OnlyRangesThatDifferTravel) {
    both("CREATE TABLE readings (time timestamptz NOT NULL, device int, value int, note text)");
    target.run("SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 "
               "day')");
    source.run("CREATE INDEX ON readings (time);"
               "INSERT INTO readings SELECT '2024-01-01'::timestamptz + i * interval '1 s', "
               "i % 4, i, repeat('x', 60) FROM generate_series(0, 149999) i; ANALYZE readings");
    migrate({"--until", "2024-02-01"});
    target.run("DELETE FROM readings WHERE time = '2024-01-01 03:30';"
               "UPDATE readings SET value = -1 WHERE time = '2024-01-01 05:00'");
    const auto output = backfill({"verify", "--repair"}).output;
    EXPECT_THAT(output, AllOf(HasSubstr("mended 2 ranges, "), HasSubstr("of 86,400 rows"),
                              HasSubstr("1 equal.")));
    expect_equal_rows("readings");
}

// ---------------------------------------------------------------- verify --repair

class Repair : public Migration {
  protected:
    /// Five small chunks, all equal.
    void SetUp() override {
        both("CREATE TABLE readings (time timestamptz NOT NULL, device int, value int);"
             "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 "
             "day')");
        source.run("INSERT INTO readings SELECT t, 1, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-05 23:50', '10 min') t");
        migrate({"--until", "2024-02-01"});
    }
};

TEST_F(Repair, MendsAndComparesAgain) {
    backfill_ok({"verify"});
    target.run("DELETE FROM readings WHERE time = '2024-01-02 01:00';"
               "UPDATE readings SET value = 2 WHERE time = '2024-01-04 01:00'");
    const auto output = backfill_ok({"verify", "--all", "--repair"});
    EXPECT_THAT(output,
                AllOf(HasSubstr("3 equal, 2 different."), HasSubstr("Copied 2 chunks,"),
                      HasSubstr("copied as a whole: it is small"),
                      HasSubstr("Verified 2 chunks, 288 rows"), HasSubstr("2 equal."),
                      HasSubstr("Next: timescaledb-backfill jobs enable, report --html FILE, "
                                "then clean"),
                      Not(HasSubstr("to copy."))));
    expect_equal_rows("readings");
    EXPECT_EQ(target.value("SELECT count(verified) FROM __backfill.task"), "5");
    // Nothing is left to mend.
    EXPECT_THAT(backfill_ok({"verify", "--repair"}), HasSubstr("Nothing to verify"));
}

TEST_F(Repair, CopiesNoOtherChunks) {
    source.run("INSERT INTO readings VALUES ('2024-01-07', 1, 1)");
    backfill_ok({"stage", "--until", "2024-02-01"});
    target.run("DELETE FROM readings WHERE time = '2024-01-02 01:00'");
    EXPECT_THAT(backfill_ok({"verify", "--repair"}),
                AllOf(HasSubstr("1 chunk still to copy, and not verified"),
                      HasSubstr("Copied 1 chunk,"), HasSubstr("Verified 1 chunk,")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL"), "1");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings WHERE time = '2024-01-07'"), "0");
}

TEST_F(Repair, ReportsDifferencesThatRemain) {
    target.run("DELETE FROM readings WHERE time IN ('2024-01-02 01:00', '2024-01-04 01:00');"
               "ALTER TABLE readings ADD CONSTRAINT early CHECK (time < '2024-01-03' OR value IS "
               "NULL) NOT VALID");
    const auto outcome = backfill({"verify", "--repair"});
    EXPECT_EQ(outcome.exit_status, exit_differences) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("3 equal, 2 different."), HasSubstr("Copied 1 chunk,"),
                      HasSubstr("Failed: 1 chunk"), HasSubstr("1 equal.")));
    // So do the next ones.
    EXPECT_EQ(backfill({"verify", "--repair"}).exit_status, exit_differences);
    target.run("ALTER TABLE readings DROP CONSTRAINT early");
    EXPECT_THAT(backfill_ok({"verify", "--repair"}), HasSubstr("1 equal."));
    expect_equal_rows("readings");
}

TEST_F(Repair, LeavesChunksThatCannotBeComparedAlone) {
    source.run("SELECT drop_chunks('readings', older_than => '2024-01-02'::timestamptz)");
    target.run("DELETE FROM readings WHERE time = '2024-01-04 01:00'");
    const auto outcome = backfill({"verify", "--repair"});
    EXPECT_EQ(outcome.exit_status, exit_differences) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("3 equal, 1 different, 1 not compared"), HasSubstr("1 equal.")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NULL"), "0");
}

TEST_F(Repair, ARateIsOnlyForRepair) {
    const auto outcome = backfill({"verify", "--max-rate", "50MB/s"});
    EXPECT_EQ(outcome.exit_status, 2);
    EXPECT_THAT(outcome.errors, HasSubstr("--repair"));
    EXPECT_EQ(backfill({"verify", "--repair", "--requeue"}).exit_status, 2);
    EXPECT_EQ(backfill({"verify", "--repair", "--quick"}).exit_status, 2);
    backfill_ok({"verify", "--repair", "--max-rate", "50MB/s"});
}

TEST_F(Repair, EventsSayWhatWasMended) {
    target.run("DELETE FROM readings WHERE time = '2024-01-02 01:00'");
    const auto outcome = backfill({"verify", "--repair", "--output", "json"});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    std::string events;
    std::istringstream lines(outcome.output);
    for (std::string line; std::getline(lines, line);) {
        const auto event = nlohmann::json::parse(line);
        if (event.at("event") == "summary")
            events += event.at("command").get<std::string>() + " ";
        else if (event.at("event") == "copied")
            events += event.at("note").get<std::string>() + " ";
    }
    EXPECT_EQ(events, "verify copied as a whole: it is small copy verify ");
}

} // namespace
} // namespace test
