// The page that `report` writes.

#include "base/exit_status.hpp"
#include "support/migration.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <map>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto odd_name = "a </script><b>&amp; \"one\"";
constexpr auto odd_name_quoted = R"("a </script><b>&amp; ""one""")";

class Report : public Migration {
  protected:
    /// Creates four chunks of a hypertable, and two of another whose name contains HTML.
    void SetUp() override {
        both(fmt::format(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day');"
            "CREATE TABLE {0} (tick int NOT NULL);"
            "SELECT create_hypertable('{0}', 'tick', chunk_time_interval => 100)",
            odd_name_quoted));
        source.run(fmt::format("INSERT INTO readings SELECT t, d, 1 FROM generate_series("
                               "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t, "
                               "generate_series(1, 3) d; INSERT INTO {} VALUES (1), (101)",
                               odd_name_quoted));
        backfill_ok({"stage", "--until", "2024-01-04T12:00", "--filter", "readings"});
        backfill_ok({"stage", "--until", "150", "--filter", "one"});
    }

    /// Leaves one chunk in each state.
    void migrate_in_part() {
        target.run("ALTER TABLE readings ADD CONSTRAINT refused CHECK (time < '2024-01-02' OR "
                   "time >= '2024-01-03')");
        source.run("SELECT drop_chunks('readings', older_than => '2024-01-02'::timestamptz)");
        EXPECT_EQ(backfill({"copy"}).exit_status, exit_failed);
        target.run(fmt::format("INSERT INTO {} VALUES (7)", odd_name_quoted));
        EXPECT_EQ(backfill({"verify"}).exit_status, exit_differences);
        source.run("INSERT INTO readings VALUES ('2024-01-20', 1, 1)");
        backfill_ok(
            {"stage", "--until", "2024-02-01", "--from", "2024-01-20", "--filter", "readings"});
    }

    std::string path() const { return file_.path(); }

    std::string write_page() {
        const auto output = backfill_ok({"report", "--html", path()});
        EXPECT_EQ(
            output,
            fmt::format("Wrote the report on {} chunks to {}\n",
                        target.value("SELECT to_char(count(*), 'FM999,990') FROM __backfill.task"),
                        path()));
        return file_.text();
    }

    static json data_of(const std::string& page) {
        const std::string begin = "<script type=\"application/json\" id=\"data\">";
        const auto at = page.find(begin) + begin.size();
        return json::parse(page.substr(at, page.find("</script>", at) - at));
    }

    /// The elements of the page in a browser of the given width, after its script has run.
    static std::string shown(const std::string& path, int width) {
        return run_command({"chromium", "--headless", "--no-sandbox", "--disable-gpu",
                            fmt::format("--window-size={},900", width),
                            "--virtual-time-budget=2000", "--dump-dom", "file://" + path})
            .output;
    }

    TextFile file_{"report.html", "an older page"};
};

TEST_F(Report, ListsTheResultForEachChunk) {
    migrate_in_part();
    const auto data = data_of(write_page());
    EXPECT_THAT(data["target"].get<std::string>(), HasSubstr(target.name()));
    ASSERT_EQ(data["hypertables"].size(), 2);
    EXPECT_EQ(data["hypertables"][0]["name"], "public." + std::string(odd_name_quoted));
    EXPECT_EQ(data["hypertables"][0]["type"], "integer");
    EXPECT_EQ(data["hypertables"][1]["name"], "public.readings");
    EXPECT_EQ(data["hypertables"][1]["type"], "timestamp with time zone");
    EXPECT_EQ(data["runs"].size(), 2);
    EXPECT_EQ(data["runs"][0]["command"], "copy");
    EXPECT_EQ(data["runs"][1]["command"], "verify");
    EXPECT_TRUE(data["runs"][1]["ended"].get<bool>());

    std::map<std::string, json> by_state;
    for (const auto& chunk : data["chunks"])
        by_state[chunk["state"]] = chunk;
    ASSERT_EQ(data["chunks"].size(), 7);
    ASSERT_EQ(by_state.size(), 5);
    const auto& different = by_state.at("different");
    EXPECT_EQ(different["hypertable"], 0);
    EXPECT_EQ(different["from"], "0");
    EXPECT_EQ(different["until"], "100");
    EXPECT_EQ(different["difference"]["target_rows"], 2);
    EXPECT_EQ(different["difference"]["examples"].size(), 1);
    EXPECT_THAT(by_state.at("failed")["note"].get<std::string>(), HasSubstr("refused"));
    EXPECT_EQ(by_state.at("skipped")["note"], "it is gone from the source");
    EXPECT_FALSE(by_state.at("to do").contains("worked"));
    const auto& verified = by_state.at("verified");
    EXPECT_EQ(verified["from"], "1704326400000000");  // 2024-01-04
    EXPECT_EQ(verified["until"], "1704369600000000"); // 12 hours later
    EXPECT_EQ(verified["rows"], 36);
    EXPECT_EQ(verified["run"], 1);
    EXPECT_GE(verified["worker"].get<int>(), 1);
    EXPECT_GT(verified["seconds"].get<double>(), 0);
    EXPECT_LE(verified["worked"].get<double>(), data["now"].get<double>());
}

TEST_F(Report, AddsUpWhatItDraws) {
    migrate_in_part();
    const auto data = data_of(write_page());
    const auto& readings = data["hypertables"][1];
    auto cells = readings["cells"].get<std::string>();
    std::ranges::sort(cells);
    EXPECT_EQ(cells, "fstvv"); // failed, skipped, to do, two verified
    EXPECT_EQ(readings["rows"], 36 + 72);
    const json by_digests{{"aggregates", 0}, {"batches", 0}, {"digests", 2}};
    EXPECT_EQ(readings["compared_by"], by_digests);
    EXPECT_EQ(data["hypertables"][0]["compared_by"], by_digests);

    double bytes = 0;
    for (const auto& one : data["hypertables"])
        bytes += one["bytes"].get<double>();
    ASSERT_EQ(data["throughput"].size(), 240U);
    const auto span = data["last"].get<double>() - data["first"].get<double>();
    double drawn = 0;
    for (const auto& rate : data["throughput"])
        drawn += rate.get<double>() * span / 240;
    EXPECT_NEAR(drawn, bytes, bytes / 50);
    EXPECT_GT(data["busy"].get<double>(), 0);
    EXPECT_LE(data["busy"].get<double>(), span * 1.001);
    int chunks = 0;
    for (const auto& lane : data["lanes"])
        for (const auto& bar : lane["bars"])
            chunks += bar[3].get<int>();
    EXPECT_EQ(chunks, 4);
}

TEST_F(Report, ListsThePasses) {
    backfill_ok({"copy"});
    source.run("INSERT INTO readings VALUES ('2024-01-20', 1, 1)");
    backfill_ok({"stage", "--changed", "--until", "2024-02-01", "--filter", "readings"});
    const auto passes = data_of(write_page())["passes"];
    ASSERT_EQ(passes.size(), 1U);
    EXPECT_EQ(passes[0]["added"], 1);
    EXPECT_EQ(passes[0]["gone"], 0);
}

TEST_F(Report, ListsForWhatRunsHaveWaited) {
    source.run("CREATE TABLE gate AS SELECT 1 AS n");
    const auto program = start({"copy", "--throttle-query", "SELECT n FROM gate"});
    EXPECT_TRUE(eventually([&] {
        return target.value("SELECT max((waits ->> '--throttle-query')::float) > 0.5 "
                            "FROM __backfill.run") == "t";
    }));
    backfill_ok({"pause"});
    EXPECT_TRUE(eventually([&] {
        return target.value("SELECT max((waits ->> 'pause')::float) > 0.5 "
                            "FROM __backfill.run") == "t";
    }));
    source.run("UPDATE gate SET n = 0");
    backfill_ok({"resume"});
    EXPECT_EQ(program->wait().exit_status, exit_done);
    backfill_ok({"verify"});
    const auto runs = data_of(write_page())["runs"];
    ASSERT_EQ(runs.size(), 2U);
    const auto took = runs[0]["seen"].get<double>() - runs[0]["started"].get<double>();
    for (const auto* cause : {"--throttle-query", "pause"}) {
        EXPECT_GT(runs[0]["waits"][cause], 0.5) << cause;
        EXPECT_LE(runs[0]["waits"][cause], took) << cause;
    }
    EXPECT_EQ(runs[1]["waits"], json::object());
}

TEST_F(Report, ListsPlainTables) {
    both("CREATE TABLE devices (id int PRIMARY KEY, name text);"
         "CREATE TABLE places (id int PRIMARY KEY)");
    source.run("INSERT INTO devices VALUES (1, 'one'), (2, 'two'); INSERT INTO places VALUES (1)");
    target.run("INSERT INTO devices VALUES (2, 'zwei'), (3, 'three');"
               "ALTER TABLE places ADD CONSTRAINT refused CHECK (id > 1)");
    EXPECT_NE(backfill({"sync-tables", "--delete", "--filter", "devices|places"}).exit_status,
              exit_done);
    const auto data = data_of(write_page());
    EXPECT_EQ(data["all_tables"], 2);
    ASSERT_EQ(data["tables"].size(), 2U);
    auto devices = data["tables"][0];
    EXPECT_EQ(devices["name"], "public.devices");
    EXPECT_EQ(devices["rows"], 2);
    EXPECT_EQ(devices["inserted"], 1);
    EXPECT_EQ(devices["updated"], 1);
    EXPECT_EQ(devices["deleted"], 1);
    EXPECT_EQ(devices["left"], 0);
    EXPECT_TRUE(devices["error"].is_null());
    EXPECT_THAT(data["tables"][1]["error"].get<std::string>(), HasSubstr("refused"));
}

TEST_F(Report, StaysSmallWithManyChunks) {
    target.run(
        "TRUNCATE __backfill.task; INSERT INTO __backfill.task (hypertable_schema, "
        "hypertable_name, target_schema, target_name, chunk_schema, chunk_name, slices, "
        "time_type, slice, range, bytes, rows_estimate, worked, rows_copied, bytes_copied, "
        "seconds, run, worker, difference, failed, error) "
        "SELECT 'public', 'measurements_' || h, 'public', 'measurements_' || h, "
        "'_timescaledb_internal', format('_hyper_%s_%s_chunk', h, n), '{\"time\": [0, 1]}', "
        "'timestamp with time zone', int8range(n, n + 1), int8multirange(int8range(n, n + 1)), "
        "8192, 20, CASE WHEN n < 40 THEN now() + (h * 50 + n) * interval '35 ms' END, 1000, 50000, "
        "0.2, 1, 1 + (h + n) % 8, CASE WHEN h = 7 AND n < 20 THEN jsonb_build_object("
        "'source_rows', 1, 'target_rows', 2, 'examples', repeat('x', 100000)) END, "
        "CASE WHEN h = 8 AND n > 40 THEN now() END, repeat('y', 10000) "
        "FROM generate_series(1, 2000) AS h, generate_series(1, 50) AS n");
    target.run(
        "INSERT INTO __backfill.run (command, host, pid, chunks, bytes, waits) "
        "SELECT 'copy', repeat('h', 60), n, 1, 1, '{\"--max-lag\": 1.123456, \"--max-load\": "
        "1.123456, \"--window\": 123456.123456, \"pause\": 123456.123456}' "
        "FROM generate_series(1, 5000) AS n;"
        "INSERT INTO __backfill.synced_table SELECT 'public', repeat('t', 50) || n, now(), 1, "
        "1, 1, 1, 1, 1, CASE WHEN n > 9990 THEN repeat('e', 10000) END "
        "FROM generate_series(1, 10000) AS n");
    const auto page = write_page();
    EXPECT_LT(page.size(), 2'000'000U);
    const auto data = data_of(page);
    EXPECT_EQ(data["hypertables"].size(), 2000U);
    std::size_t cells = 0;
    for (const auto& one : data["hypertables"])
        cells += one["cells"].get<std::string>().size();
    EXPECT_EQ(cells, 100'000U);
    std::map<std::string, int> listed;
    for (const auto& chunk : data["chunks"])
        ++listed[chunk["state"]];
    EXPECT_EQ(listed["different"], 19);
    EXPECT_EQ(listed["failed"], 10);
    EXPECT_EQ(data["chunks"].size(), 1500U);
    EXPECT_EQ(data["runs"].size(), 500U);
    EXPECT_EQ(data["all_tables"], 10'000);
    EXPECT_EQ(data["tables"].size(), 500U);
    EXPECT_EQ(std::ranges::count_if(data["tables"],
                                    [](const auto& one) { return !one["error"].is_null(); }),
              10);
}

TEST_F(Report, ListsSequencesThatAreBehindTheSource) {
    both("CREATE SEQUENCE ids");
    source.run("SELECT setval('ids', 6000)");
    EXPECT_EQ(data_of(write_page())["sequences"], json::array());
    const auto output = backfill_ok({"report", "--html", path(), "--source", source.uri()});
    EXPECT_THAT(output,
                HasSubstr("  SELECT setval('\"public\".\"ids\"', 6000); -- \"public\".\"ids\": "
                          "6000 in the source, not used yet in the target\n"));
    const auto sequences = data_of(file_.text())["sequences"];
    ASSERT_EQ(sequences.size(), 1);
    EXPECT_EQ(sequences[0]["remedy"], "SELECT setval('\"public\".\"ids\"', 6000)");
}

TEST_F(Report, NamesAreEscaped) {
    const auto page = write_page();
    EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
    EXPECT_THAT(data_of(page)["hypertables"][0]["name"].get<std::string>(), HasSubstr("</script>"));
    EXPECT_THAT(page, Not(HasSubstr("@data@")));
}

TEST_F(Report, LoadsNothingFromTheNetwork) {
    const auto page = write_page();
    for (const auto* reference : {"src=", "href=", "url(", "@import", "fetch(", "http:", "https:"})
        EXPECT_THAT(page, Not(HasSubstr(reference)));
}

TEST_F(Report, IsRenderedByABrowser) {
    if (!has_program("chromium"))
        GTEST_SKIP() << "needs a browser: chromium";
    migrate_in_part();
    write_page();
    for (const auto width : {390, 1280}) {
        const auto page = shown(path(), width);
        for (
            const auto* text :
            {"Of 7 chunks: 1 different; 1 failed; 1 not copied yet; 1 gone from the source; 3 verified equal.",
             "1 row in the source, 2 in the target", "2024-01-04 – 2024-01-04 12:00:00",
             "public.\"a &lt;/script&gt;&lt;b&gt;&amp;amp; \"\"one\"\"\""})
            EXPECT_NE(page.find(text), std::string::npos) << text << " at " << width;
    }
}

TEST_F(Report, IsRenderedForAnEmptyQueue) {
    target.run("DELETE FROM __backfill.task");
    EXPECT_EQ(data_of(write_page())["chunks"], json::array());
    if (has_program("chromium")) {
        EXPECT_THAT(shown(path(), 1280), HasSubstr("Nothing is staged."));
    }
}

TEST_F(Report, ReplacesAnOlderPage) {
    write_page();
    backfill_ok({"copy"});
    EXPECT_THAT(write_page(), HasSubstr("\"worked\""));
    EXPECT_FALSE(std::filesystem::exists(path() + ".part"));
}

TEST_F(Report, ExplainsWhyNoPageIsWritten) {
    const auto refused = [&](const std::string& path, const std::string& reason) {
        const auto outcome = backfill({"report", "--html", path});
        EXPECT_EQ(outcome.exit_status, exit_usage) << path;
        EXPECT_EQ(
            outcome.errors,
            fmt::format("timescaledb-backfill: --html {} cannot be written: {}\n", path, reason));
        EXPECT_FALSE(std::filesystem::exists(path + ".part"));
    };
    refused(file_.folder() + "/absent/report.html", "No such file or directory");
    refused(file_.folder(), "Is a directory");
    EXPECT_EQ(backfill({"report"}).exit_status, exit_usage);
    backfill_ok({"clean"});
    EXPECT_EQ(backfill({"report", "--html", path()}).exit_status, exit_usage);
    EXPECT_EQ(file_.text(), "an older page");
    EXPECT_FALSE(std::filesystem::exists(path() + ".part"));
}

} // namespace
} // namespace test
