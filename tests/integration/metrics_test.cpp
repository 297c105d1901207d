// The numbers of a run in a file for Prometheus.

#include "base/exit_status.hpp"
#include "postgres/quote.hpp"
#include "support/migration.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace test {
namespace {

using testing::HasSubstr;

class Metrics : public Migration {
  protected:
    /// Creates four chunks in each of two hypertables, one of which has an odd name.
    void SetUp() override {
        for (const auto* name : {"readings", "a \"b\"\\c"}) {
            const auto table = postgres::quote_identifier(name);
            both(fmt::format("CREATE TABLE {} (time timestamptz NOT NULL, value int); "
                             "SELECT create_hypertable('{}', 'time', chunk_time_interval => "
                             "interval '1 day')",
                             table, table));
            source.run(fmt::format("INSERT INTO {} SELECT t, 1 FROM generate_series("
                                   "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t",
                                   table));
        }
        backfill_ok({"stage", "--until", "2024-02-01"});
    }

    /// The samples of the file, each with its labels, as a parser for OpenMetrics reads them.
    std::map<std::string, double> samples() const {
        const auto text = shell(fmt::format(
            "/usr/bin/python3 -c 'import sys\n"
            "from prometheus_client.openmetrics.parser import text_string_to_metric_families\n"
            "for family in text_string_to_metric_families(open(sys.argv[1]).read()):\n"
            "    for sample in family.samples:\n"
            "        print(sample.value, sample.name, *sample.labels.values())' {} 2>&1",
            shell_quoted(file())));
        std::map<std::string, double> result;
        std::istringstream lines(text);
        double value = 0;
        for (std::string name; lines >> value && std::getline(lines >> std::ws, name);)
            result[name] = value;
        return result;
    }

    std::string file() const { return folder_.file("run.prom"); }

  private:
    TemporaryFolder folder_;
};

TEST_F(Metrics, AreReadByAParser) {
    backfill_ok({"copy", "--metrics-file", file()});
    auto copied = samples();
    EXPECT_EQ(copied["backfill_run copy 1.0.0"], 0);
    EXPECT_EQ(copied["backfill_events_total copied public.readings"], 4);
    EXPECT_EQ(copied["backfill_events_total copied public.a \"b\"\\c"], 4);
    EXPECT_EQ(copied["backfill_event_rows_total copied public.readings"], 96);
    EXPECT_GT(copied["backfill_event_bytes_total copied public.readings"], 96);
    EXPECT_GT(copied["backfill_written_seconds"], 1.7e9);
    EXPECT_EQ(copied["backfill_items"], 8);
    EXPECT_EQ(copied["backfill_items_done"], 8);
    EXPECT_GT(copied["backfill_disk_bytes_done"], 0);
    EXPECT_EQ(copied["backfill_disk_bytes_done"], copied["backfill_disk_bytes"]);
    backfill_ok({"verify", "--metrics-file", file()});
    auto verified = samples();
    EXPECT_EQ(verified["backfill_run verify 1.0.0"], 0);
    EXPECT_EQ(verified["backfill_events_total verified public.readings"], 4);
    EXPECT_EQ(verified.count("backfill_events_total copied public.readings"), 0U);
}

TEST_F(Metrics, ShowARunInProgress) {
    const auto program =
        start({"copy", "-p", "1", "--throttle-query", "SELECT 1", "--metrics-file", file()});
    EXPECT_TRUE(eventually([&] {
        auto now = samples();
        return now["backfill_run copy 1.0.0"] == 1 && now["backfill_items"] == 8 &&
               now["backfill_workers waiting"] == 1;
    }));
    program->signal(SIGINT);
    EXPECT_EQ(program->wait().exit_status, exit_interrupted);
    auto ended = samples();
    EXPECT_EQ(ended["backfill_run copy 1.0.0"], 0);
    EXPECT_EQ(ended.count("backfill_workers waiting"), 0U);
}

TEST_F(Metrics, CountRetriesByKind) {
    const auto program = start({"copy", "-p", "1", "--load-strategy", "in-place", "--max-rate",
                                "1kB", "--metrics-file", file()});
    ASSERT_TRUE(eventually([&] {
        return target.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                            "datname = current_database() AND query LIKE 'COPY %'") != "0";
    }));
    const auto outcome = program->wait();
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    EXPECT_EQ(samples()["backfill_retries_total connection"], 1);
}

TEST_F(Metrics, OfAnImportNameItsTable) {
    const TemporaryFolder folder;
    folder.write("rows.csv", "time,value\n2025-01-01,7\n2025-01-02,8\n");
    const auto outcome =
        run_program({"import", "--target", target.uri(), "--time-zone", "UTC", "--table",
                     "readings", "--metrics-file", file(), folder.file("rows.csv")});
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    EXPECT_EQ(samples()["backfill_event_rows_total loaded public.readings"], 2);
}

TEST_F(Metrics, AreRefusedIfTheFileIsUnfit) {
    for (const auto& [name, message] :
         {std::pair("/nowhere/run.prom", "--metrics-file /nowhere/run.prom cannot be written"),
          std::pair("run.txt", "must end with .prom")}) {
        const auto outcome = backfill({"copy", "--metrics-file", name});
        EXPECT_EQ(outcome.exit_status, exit_usage);
        EXPECT_THAT(outcome.errors, HasSubstr(message));
    }
    EXPECT_EQ(target.value("SELECT count(worked) FROM __backfill.task"), "0");
}

} // namespace
} // namespace test
