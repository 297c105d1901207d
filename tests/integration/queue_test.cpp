// Queues that were changed by hand, and long ones.

#include "queue/claims.hpp"
#include "queue/comparisons.hpp"
#include "support/migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Queue : public Migration {
  protected:
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-03 23:00', '1 hour') t");
        backfill_ok({"stage", "--until", "2024-01-04"});
    }

    void change_second_task(const std::string& assignment) {
        target.run(fmt::format("UPDATE __backfill.task SET {} WHERE id = (SELECT min(id) + 1 FROM "
                               "__backfill.task)",
                               assignment));
    }
};

/// A change of a task, and the message about it.
struct Change {
    const char* assignment;
    const char* message;
};

class QueueChangedByHand : public Queue, public testing::WithParamInterface<Change> {};

TEST_P(QueueChangedByHand, FailsOnlyThatTask) {
    change_second_task(GetParam().assignment);
    const auto outcome = backfill({"copy", "-p", "2"});
    EXPECT_EQ(outcome.exit_status, 1) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr(GetParam().message));
    EXPECT_THAT(outcome.output + outcome.errors, Not(HasSubstr("json.exception")));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE worked IS NOT NULL"), "2");
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "48");
}

INSTANTIATE_TEST_SUITE_P(
    Changes, QueueChangedByHand,
    testing::Values(Change{"slices = '{}'", "its slices in __backfill.task are invalid"},
                    Change{"slices = '{\"time\": [\"1\", 2]}'", "its slices"},
                    Change{"slices = '{\"time\": [1]}'", "its slices"},
                    Change{"slices = 'null'", "its slices"},
                    Change{"slices = '{\"other\": [1, 2]}'", "dimension"},
                    Change{"range = '{}'", "its ranges in __backfill.task are invalid"},
                    Change{"range = '{(,5)}'", "its ranges"},
                    Change{"hypertable_name = E'\\'\"; no such'", "missing in the source"},
                    Change{"target_name = 'no such'", "missing in the target"}));

TEST_F(Queue, ExplainNamesTheInvalidTask) {
    change_second_task("slices = '[]'");
    EXPECT_THAT(backfill_ok({"copy", "--explain"}), HasSubstr("fails: its slices"));
}

TEST_F(Queue, AMissingChunkIsSkipped) {
    change_second_task("chunk_name = E'\\'\"; DROP TABLE readings'");
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("gone from the source"));
}

TEST_F(Queue, TakesLittleMoreMemoryIfItIsLong) {
    const std::vector<std::vector<std::string>> commands{{"copy", "--explain"},
                                                         {"verify", "--quick"}};
    const auto peaks_with = [&](int tasks) {
        // As many copied tasks and tasks to do, of chunks that are gone.
        target.run(fmt::format(
            "TRUNCATE __backfill.task; INSERT INTO __backfill.task (hypertable_schema, "
            "hypertable_name, target_schema, target_name, chunk_schema, chunk_name, slices, time_type, slice, "
            "range, bytes, rows_estimate, worked) SELECT 'public', 'readings', 'public', "
            "'readings', '_timescaledb_internal', format('_hyper_1000_%s_chunk', n), "
            "jsonb_build_object('time', jsonb_build_array(n, n + 1)), 'bigint', int8range(n, n + 1), "
            "int8multirange(int8range(n, n + 1)), 8192, 20, CASE WHEN n % 2 = 0 THEN now() END "
            "FROM generate_series(1, 2 * {}) AS n",
            tasks));
        std::vector<double> peaks;
        for (const auto& command : commands) {
            auto words = command;
            words.insert(words.end(), {"--source", source.uri(), "--target", target.uri()});
            // A program with sanitizers would keep memory that was freed.
            const auto outcome = run_program(words, {"ASAN_OPTIONS=quarantine_size_mb=1"});
            EXPECT_GE(std::ranges::count(outcome.output, '\n'), tasks);
            peaks.push_back(outcome.peak_memory);
        }
        return peaks;
    };
    // More than what is in memory at a time.
    const auto some = peaks_with(2'000);
    const auto many = peaks_with(25'000);
    // These would take 0.4 KiB each or more, 10 MiB in all. Up to 5 MiB are of this process, which
    // has the output, and is forked.
    for (std::size_t i = 0; i < commands.size(); ++i)
        EXPECT_LT(many[i], some[i] + 7) << commands[i].front();
}

TEST_F(Queue, ReadsFewTasksToClaimThoseOfAHypertable) {
    target.run(
        "TRUNCATE __backfill.task; INSERT INTO __backfill.task (hypertable_schema, "
        "hypertable_name, target_schema, target_name, chunk_schema, chunk_name, slices, "
        "time_type, slice, range, bytes, rows_estimate) SELECT 'public', 'h' || h, 'public', "
        "'h' || h, 'public', format('_hyper_%s_%s_chunk', h, n), '{\"time\": [0, 1]}', 'bigint', "
        "int8range(n, n + 1), int8multirange(int8range(n, n + 1)), 8192 + h, 20 "
        "FROM generate_series(1, 1000) AS h, generate_series(1, 50) AS n");
    constexpr int groups = 20;
    constexpr int workers = 2;
    const auto read = [&] {
        return std::stoll(target.value(
            "SELECT seq_tup_read + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes "
            "WHERE schemaname = '__backfill' AND relname = 'task') FROM pg_stat_user_tables "
            "WHERE schemaname = '__backfill' AND relname = 'task'"));
    };
    const auto now = target.value("SELECT clock_timestamp()");
    for (const bool is_copied : {false, true}) {
        SCOPED_TRACE(is_copied ? "verify" : "copy");
        if (is_copied)
            target.run("UPDATE __backfill.task SET worked = now()");
        target.run("ANALYZE __backfill.task"); // as stage does
        target.reconnect();                    // a session reports what it has read when it ends
        const auto before = read();
        auto session = target.connect();
        session->execute("BEGIN");
        for (int i = 1; i <= groups; ++i) {
            queue::Task first;
            first.id = is_copied ? 0 : 1'000'000;
            first.hypertable = {"public", fmt::format("h{}", 50 * i)};
            first.bytes = 20'000;
            constexpr int most = 127;
            const auto claimed =
                is_copied ? queue::claim_more_comparisons(*session, now, first, most, workers)
                          : queue::claim_more(*session, now, first, most, workers);
            EXPECT_EQ(claimed.size(), 50U);
        }
        session.reset();
        EXPECT_TRUE(eventually([&] { return read() > before; }));
        EXPECT_LT(read() - before, groups * 1'000);
    }
}

TEST_F(Queue, VerifyNamesTheInvalidTask) {
    backfill_ok({"copy"});
    change_second_task("slices = '[]'");
    const auto outcome = backfill({"verify"});
    EXPECT_EQ(outcome.exit_status, 3) << outcome.output << outcome.errors;
    EXPECT_THAT(outcome.output, HasSubstr("its slices"));
    EXPECT_EQ(target.value("SELECT count(*) FROM __backfill.task WHERE verified IS NOT NULL"), "2");
}

} // namespace
} // namespace test
