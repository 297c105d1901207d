// The output of commands as text and as JSON.

#include "base/exit_status.hpp"
#include "output/units.hpp"
#include "support/client_programs.hpp"
#include "support/events.hpp"
#include "support/migration.hpp"
#include "support/shell.hpp"
#include "support/with_own_servers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <map>
#include <regex>
#include <sstream>

namespace test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

class Output : public Migration {
  protected:
    using Migration::Migration;

    /// Creates four chunks for four days.
    void SetUp() override {
        both(
            "CREATE TABLE readings (time timestamptz NOT NULL, device int NOT NULL, value int);"
            "SELECT create_hypertable('readings', 'time', chunk_time_interval => interval '1 day')");
        source.run("INSERT INTO readings SELECT t, d, 1 FROM generate_series("
                   "'2024-01-01'::timestamptz, '2024-01-04 23:00', '1 hour') t, "
                   "generate_series(1, 3) d");
    }

    /// Runs a command with --output json. Every line must be an event that matches the schema.
    std::vector<json> events(std::vector<std::string> arguments, int exit_status = exit_done) {
        arguments.insert(arguments.end(), {"--output", "json"});
        const auto outcome = backfill(arguments);
        EXPECT_EQ(outcome.exit_status, exit_status) << outcome.output << outcome.errors;
        expect_valid_events(outcome.output);
        std::vector<json> list;
        for (const auto& line : lines_of(outcome.output))
            list.push_back(json::parse(line));
        return list;
    }

    static std::map<std::string, int> count_names(const std::vector<json>& events) {
        std::map<std::string, int> counts;
        for (const auto& event : events)
            ++counts[event.at("event")];
        return counts;
    }

    using Names = std::map<std::string, int>;
};

// ---------------------------------------------------------------- JSON

TEST_F(Output, EveryCommandWritesEventsOfTheSchema) {
    EXPECT_EQ(count_names(events({"completion-point"}, exit_failed)),
              (Names{{"no_completion_point", 1}, {"summary", 1}}));
    const auto checked = count_names(events({"check", "--until", "2024-01-04T12:00"}));
    EXPECT_GT(checked.at("finding"), 5);
    EXPECT_EQ(checked.at("summary"), 1);
    EXPECT_EQ(count_names(events({"stage", "--until", "2024-01-04T12:00", "--dry-run"})),
              (Names{{"staged", 1}, {"planned", 4}, {"summary", 1}}));
    EXPECT_EQ(count_names(events({"stage", "--until", "2024-01-04T12:00"})),
              (Names{{"staged", 1}, {"summary", 1}}));
    EXPECT_EQ(count_names(events({"copy", "--explain"})), (Names{{"planned", 4}}));
    target.run("ALTER TABLE readings ADD CONSTRAINT refused CHECK (time < '2024-01-02' OR "
               "time >= '2024-01-03')");
    source.run("SELECT drop_chunks('readings', older_than => '2024-01-02'::timestamptz)");
    auto copied = count_names(events({"copy"}, exit_failed));
    EXPECT_GE(copied["started"], 3) << "chunks that failed together start again one by one";
    copied.erase("started");
    EXPECT_EQ(copied,
              (Names{{"begun", 1}, {"copied", 2}, {"skipped", 1}, {"failed", 1}, {"summary", 1}}));
    EXPECT_EQ(count_names(events({"status", "--failed"})), (Names{{"status", 1}}));
    target.run("ALTER TABLE readings DROP CONSTRAINT refused");
    events({"copy"});
    EXPECT_EQ(count_names(events({"copy"})), (Names{{"summary", 1}}));
    EXPECT_EQ(count_names(events({"completion-point", "--since", "2024-01-03"}, exit_failed)),
              (Names{{"completion_point", 1}, {"summary", 1}}));
    EXPECT_EQ(count_names(events({"verify", "--quick"}, exit_differences)),
              (Names{{"estimated", 3}, {"summary", 1}}));
    target.run("UPDATE readings SET value = 2 WHERE time = '2024-01-03 05:00'");
    target.run("SELECT drop_chunks('readings', older_than => '2024-01-03'::timestamptz)");
    EXPECT_EQ(
        count_names(events({"verify"}, exit_differences)),
        (Names{
            {"begun", 1}, {"verified", 1}, {"differed", 1}, {"not_compared", 1}, {"summary", 1}}));
    EXPECT_EQ(count_names(events({"report", "--html", TextFile("page", "").path()})),
              (Names{{"reported", 1}}));
    Names jobs{{"summary", 1}};
    if (is_community()) {
        target.run("SELECT add_retention_policy('readings', interval '100 years')");
        jobs["job"] = 1;
    }
    for (const auto* action : {"list", "disable", "enable"})
        EXPECT_EQ(count_names(events({"jobs", action})), jobs) << action;
    EXPECT_EQ(count_names(events({"pause"})), (Names{{"control", 1}}));
    EXPECT_EQ(count_names(events({"resume"})), (Names{{"control", 1}}));
    EXPECT_EQ(count_names(events({"set-parallelism", "3"})), (Names{{"control", 1}}));
    EXPECT_EQ(count_names(events({"refresh-caggs"})), (Names{{"summary", 1}}));
    EXPECT_EQ(count_names(events({"clean"})), (Names{{"cleaned", 1}}));
    EXPECT_EQ(count_names(events({"clean"})), (Names{{"cleaned", 1}}));
}

TEST_F(Output, VerifyListsSequencesThatAreBehindTheSource) {
    both("CREATE SEQUENCE ids");
    source.run("SELECT setval('ids', 6000)");
    target.run("SELECT setval('ids', 1000)");
    migrate({"--until", "2024-01-05"});
    const auto listed = events({"verify"});
    EXPECT_EQ(count_names(listed).at("sequence"), 1);
    EXPECT_THAT(backfill_ok({"verify"}),
                HasSubstr("  SELECT setval('\"public\".\"ids\"', 6000); -- \"public\".\"ids\": "
                          "6000 in the source, 1000 in the target\n"));
    target.run("SELECT setval('ids', 6000)");
    EXPECT_THAT(backfill_ok({"verify", "--all"}), Not(HasSubstr("setval")));
}

TEST_F(Output, CountsAndGrammarAgree) {
    std::string output;
    const auto run = [&](std::vector<std::string> arguments) {
        const auto outcome = backfill(std::move(arguments));
        output += outcome.output + outcome.errors;
    };
    run({"check", "--until", "2024-01-02"});
    run({"stage", "--until", "2024-01-02", "--dry-run"});
    run({"stage", "--until", "2024-01-02"});
    run({"stage", "--until", "2024-01-02"});
    run({"status"});
    run({"copy", "--explain"});
    target.run("ALTER TABLE readings ADD CONSTRAINT refused CHECK (value > 1)");
    run({"copy"});
    target.run("ALTER TABLE readings DROP CONSTRAINT refused");
    run({"copy"});
    run({"copy"});
    run({"verify", "--quick"});
    run({"verify"});
    run({"verify"});
    run({"clean"});
    EXPECT_THAT(output,
                AllOf(HasSubstr("The only staged chunk is copied.\n"),
                      HasSubstr("1 chunk could not be copied. The next copy tries again:\n"
                                "  public.readings 2024-01-01 – 2024-01-02 (chunk \"_timescaledb_"),
                      HasSubstr("; the only task was finished.\n")));
    // "1 chunks", "1 chunk are", "all of them"
    static const std::regex wrong(
        R"((^|[^0-9.,/])1 ([a-z]+ )?[a-z]+s (in|of|left|to|are|were|from)\b|)"
        R"((^|[^0-9.,])1 [a-z ]*(chunk|task|row|worker|file|trigger) (are|were|have)\b|)"
        R"(\b[Aa]ll 1 )");
    for (const auto& line : lines_of(output))
        EXPECT_FALSE(std::regex_search(line, wrong)) << line;
}

/// Uses servers of its own, so that there are no roles of other tests.
class OutputOfRoles : public WithOwnServers<Output> {};

TEST_F(OutputOfRoles, CloneSchemaWritesEventsOfTheSchema) {
    NEEDS_SAME_VERSION();
    const auto* major = "SELECT current_setting('server_version_num')::int / 10000";
    if (std::stoi(target.value(major)) < std::stoi(source.value(major)))
        GTEST_SKIP() << "needs a target whose PostgreSQL is not older";
    const ClientPrograms programs;
    source.run("CREATE TABLE device (id int); INSERT INTO device VALUES (1), (2);"
               "CREATE TABLE counts (tick int)");
    target.run("DROP TABLE readings");
    Names names{{"table", 1}, {"hypertable", 2}, {"left_out", 1}, {"summary", 1}};
    if (is_community()) {
        source.run("SELECT add_retention_policy('readings', interval '100 years')");
        names["job"] = 1;
    }
    const std::vector<std::string> words{"clone-schema",        "--programs", programs.folder(),
                                         "--create-hypertable", "tick:10",    "--roles"};
    auto dry = words;
    dry.emplace_back("--dry-run");
    EXPECT_EQ(count_names(events(dry)), names);
    const auto cloned = events(words);
    EXPECT_EQ(count_names(cloned), names);
    EXPECT_EQ(cloned.back().at("rows"), 2);
    // COPY's binary format: a header of 19 bytes, 10 for each row, and 2 at the end.
    EXPECT_EQ(cloned.back().at("bytes"), 41);
}

TEST_F(Output, ImportWritesEventsOfTheSchema) {
    const TextFile file("events.csv", "time,device\n2024-01-01,1\n2024-01-01,x\n2025-01-01,1\n");
    const TextFile rejects("events-rejects.csv");
    const std::vector<std::string> words{"import",       "--table",    "readings", "--until",
                                         "2024-06-01",   "--on-error", "skip",     "--rejects",
                                         rejects.path(), file.path()};
    auto checking = words;
    checking.emplace_back("--check");
    EXPECT_EQ(count_names(events(checking, exit_failed)),
              (Names{{"reading", 1}, {"rejected", 1}, {"checked", 1}}));
    const auto imported = events(words);
    EXPECT_EQ(count_names(imported), (Names{{"begun", 1},
                                            {"reading", 1},
                                            {"rejected", 1},
                                            {"loaded", 1},
                                            {"imported", 1},
                                            {"summary", 1}}));
    EXPECT_EQ(imported[2].at("line"), 3);
    const auto& summary = imported.back();
    EXPECT_EQ(summary.at("records"), 3);
    EXPECT_EQ(summary.at("rows"), 1);
    EXPECT_EQ(summary.at("rejected"), 1);
    EXPECT_EQ(summary.at("left_out"), 1);
    EXPECT_EQ(count_names(events(words)), (Names{{"known", 1}, {"summary", 1}}));
    file.append("2024-01-02,5\n");
    EXPECT_EQ(count_names(events(words)), (Names{{"continued", 1},
                                                 {"begun", 1},
                                                 {"reading", 1},
                                                 {"loaded", 1},
                                                 {"imported", 1},
                                                 {"summary", 1}}));
}

TEST_F(Output, EventsHaveCountsAndSizes) {
    const auto staged = events({"stage", "--until", "2024-02-01"});
    EXPECT_EQ(staged[0].at("name"), "readings");
    EXPECT_EQ(staged[0].at("chunks"), 4);
    const auto copied = events({"copy", "--parallelism", "1"});
    std::int64_t rows = 0;
    for (const auto& event : copied)
        if (event.at("event") == "copied") {
            EXPECT_EQ(event.at("hypertable_name"), "readings");
            EXPECT_EQ(event.at("rows"), 72);
            EXPECT_GT(event.at("bytes"), 0);
            rows += event.at("rows").get<std::int64_t>();
        }
    EXPECT_EQ(rows, 288);
    EXPECT_EQ(copied.back().at("rows"), 288);
    EXPECT_EQ(copied.back().at("copied"), 4);
}

TEST_F(Output, AsJsonHasErrorsOnlyOnStandardError) {
    const auto outcome = backfill({"copy", "--output", "json", "--log-format", "json"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.output, IsEmpty());
    const auto error = json::parse(outcome.errors);
    EXPECT_EQ(error.at("level"), "error");
    EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("no chunks have been staged"));
}

// ---------------------------------------------------------------- logs and verbosity

TEST_F(Output, EventsOfSyncTables) {
    both("CREATE TABLE items (id serial PRIMARY KEY, v int);"
         "CREATE SEQUENCE round CYCLE MAXVALUE 5; CREATE SEQUENCE small MAXVALUE 100");
    source.run("INSERT INTO items (v) VALUES (1); CREATE TABLE missing (id int);"
               "ALTER SEQUENCE small MAXVALUE 1000; SELECT setval('small', 900), "
               "setval('round', 3)");
    const Names compared{{"begun", 1},        {"not_synced", 1},    {"table_compared", 1},
                         {"sequence_set", 1}, {"sequence_left", 1}, {"sequence_failed", 1},
                         {"summary", 1}};
    EXPECT_EQ(count_names(events({"verify", "--tables"}, exit_differences)), compared);
    EXPECT_EQ(count_names(events({"sync-tables", "--dry-run"}, exit_failed)), compared);
    EXPECT_EQ(count_names(events({"sync-tables", "--no-progress"}, exit_failed)),
              (Names{{"begun", 1},
                     {"not_synced", 1},
                     {"synced", 1},
                     {"sequence_set", 1},
                     {"sequence_left", 1},
                     {"sequence_failed", 1},
                     {"summary", 1}}));
}

TEST_F(Output, LogsMayGoToAFile) {
    const TextFile file("log", "what was there\n");
    const auto outcome = backfill({"copy", "--log-file", file.path()});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_THAT(outcome.errors, IsEmpty());
    EXPECT_THAT(file.text(),
                AllOf(HasSubstr("what was there\n20"), HasSubstr("no chunks have been staged")));
}

TEST_F(Output, ALogFileThatCannotBeWrittenIsRefused) {
    const auto outcome = backfill({"stage", "--until", "2024-02-01", "--log-file", "/nowhere/log"});
    EXPECT_EQ(outcome.exit_status, exit_usage);
    EXPECT_EQ(lines_of(outcome.errors).size(), 1U);
    EXPECT_THAT(outcome.errors, HasSubstr("--log-file /nowhere/log cannot be written"));
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')"), "");
}

TEST_F(Output, IsOnlyTheSummaryWhenQuiet) {
    backfill_ok({"stage", "--until", "2024-02-01", "--quiet"});
    const auto output = backfill_ok({"copy", "--quiet"});
    EXPECT_EQ(lines_of(output).size(), 1U) << output;
    EXPECT_THAT(output, HasSubstr("Copied 4 chunks, 288 rows"));
    EXPECT_EQ(backfill({"copy", "--quiet", "--verbose"}).exit_status, exit_usage);
}

TEST_F(Output, NamesChunksIfItIsVerbose) {
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy", "--explain"}),
                HasSubstr("public.readings 2024-01-02 – 2024-01-03 (chunk "
                          "\"_timescaledb_internal\".\"_hyper_"));
    for (const auto* command : {"copy", "verify"})
        EXPECT_THAT(backfill_ok({command, "--verbose"}),
                    HasSubstr("] public.readings 2024-01-02 – 2024-01-03 (chunk "
                              "\"_timescaledb_internal\".\"_hyper_"));
}

TEST_F(Output, TellsChunksOfOneRangeApart) {
    both("CREATE TABLE spread (day date NOT NULL, device int NOT NULL);"
         "SELECT create_hypertable('spread', 'day', 'device', 2)");
    source.run("INSERT INTO spread SELECT '2024-01-04', n FROM generate_series(1, 20) n");
    backfill_ok({"stage", "--until", "2024-02-01", "--filter", "spread"});
    const auto output = backfill_ok({"copy"});
    for (const auto& number :
         source.rows("SELECT split_part(chunk_name, '_', 4) FROM timescaledb_information.chunks "
                     "WHERE hypertable_name = 'spread'"))
        EXPECT_THAT(output, HasSubstr(fmt::format(
                                "] public.spread 2024-01-04 – 2024-01-11 chunk {}: ", number)));
}

TEST_F(Output, ShowsAggregatesByTheirNames) {
    NEEDS_COMMUNITY_EDITION();
    both("CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS SELECT time_bucket('1 "
         "hour', time) AS hour, count(*) FROM readings GROUP BY 1");
    backfill_ok({"stage", "--until", "2024-02-01"});
    EXPECT_THAT(backfill_ok({"copy"}), HasSubstr("] public.hourly 20"));
}

// ---------------------------------------------------------------- terminals

class Terminal : public Output {
  protected:
    /// A copy that takes some hundred milliseconds.
    std::string copy_in_terminal(int columns, std::vector<std::string> options = {},
                                 const std::vector<std::string>& environment = {}) {
        backfill_ok({"stage", "--until", "2024-02-01"});
        options.insert(options.begin(),
                       {"copy", "--load-strategy", "in-place", "--max-rate", "5kB"});
        const auto outcome = backfill_in_terminal(columns, options, environment);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.output << outcome.errors;
        backfill_ok({"clean"});
        return outcome.output;
    }

    /// The progress lines that are longer than the terminal is wide, not counting control
    /// sequences.
    static std::vector<std::string> too_long(const std::string& output, std::size_t columns) {
        std::vector<std::string> list;
        for (auto line : lines_of(output)) {
            std::erase(line, '\r');
            for (auto at = line.find("\x1b["); at != std::string::npos; at = line.find("\x1b["))
                line.erase(at, line.find_first_of("mFJ", at) - at + 1);
            if (line.find("left, ") != std::string::npos && line.size() > columns)
                list.push_back(line);
        }
        return list;
    }
};

TEST_F(Terminal, ProgressIsDrawnInPlace) {
    for (const int columns : {80, 200}) {
        SCOPED_TRACE(columns);
        const auto output = copy_in_terminal(columns);
        EXPECT_THAT(output, AllOf(HasSubstr("["), HasSubstr("/4 chunks"), HasSubstr("1: "),
                                  HasSubstr("\x1b[0J"), HasSubstr("\x1b[32m")));
        EXPECT_THAT(too_long(output, static_cast<std::size_t>(columns)), IsEmpty());
        EXPECT_THAT(lines_of(output).back(), Not(HasSubstr("/4 chunks"))); // removed at the end
    }
}

TEST_F(Terminal, LinesFit) {
    both("CREATE TABLE a_plain_table_with_a_name_that_has_more_than_sixty_characters (id int "
         "PRIMARY KEY)");
    std::string name = "readings";
    for (const auto* next :
         {"readings", "measurements_of_all_sensors_in_the_northern_hemisphere",
          "\"Odd \"\"name\"\"\"", "\"测量数据测量数据测量数据测量数据测量数据\""}) {
        SCOPED_TRACE(next);
        if (next != name)
            both(fmt::format("ALTER TABLE {} RENAME TO {}", name, next));
        name = next;
        for (const std::vector<std::string>& arguments :
             {std::vector<std::string>{"stage", "--until", "2024-02-01"},
              {"copy", "-p", "1", "--no-progress"},
              {"verify", "-p", "1", "--no-progress"},
              {"sync-tables", "--no-progress"},
              {"status"},
              {"status", "--tables"}}) {
            const auto lines = lines_of(backfill_in_terminal(80, arguments, {}).output);
            int chunks = 0;
            for (const auto& line : lines) {
                const auto text = line.substr(0, line.find('\r'));
                EXPECT_LE(output::columns_of(text), 80) << text;
                chunks += text.starts_with("[1/4] ") ? 1 : 0;
                if (text.starts_with("[1/4] ")) {
                    EXPECT_THAT(text, ContainsRegex(" 2024-01-0[1-4] – 2024-01-0[2-5]: 72 rows"));
                }
            }
            EXPECT_EQ(chunks, arguments[0] == "copy" || arguments[0] == "verify" ? 1 : 0)
                << arguments[0];
        }
        backfill_ok({"clean"});
        backfill_ok({"stage", "--until", "2024-02-01"});
        const auto shown = fmt::format("public.{}", name); // whole, because logs are searched
        EXPECT_THAT(backfill_ok({"copy", "-p", "1"}), HasSubstr(shown + " 2"));
        backfill_ok({"clean"});
    }
}

TEST_F(Terminal, TablesThatDifferOnlyInTheMiddleOfTheirNamesAreToldApart) {
    for (const auto* plant : {"north", "south"})
        both(fmt::format(R"(
            CREATE TABLE measurements_in_the_{0}_plant_by_gauge (time timestamptz NOT NULL);
            SELECT create_hypertable('measurements_in_the_{0}_plant_by_gauge', 'time');
            INSERT INTO measurements_in_the_{0}_plant_by_gauge VALUES ('2024-01-01');
            CREATE TABLE settings_of_all_gauges_in_the_{0}_plant_by_gauge (id int PRIMARY KEY))",
                         plant));
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"stage", "--until", "2024-02-01"},
          {"sync-tables", "--no-progress"},
          {"status"},
          {"status", "--tables"}}) {
        const auto output = backfill_in_terminal(80, arguments, {}).output;
        EXPECT_THAT(output, AllOf(HasSubstr("nort"), HasSubstr("sout"))) << arguments.back();
    }
}

TEST_F(Terminal, RangesOfMicrosecondsFit) {
    both("CREATE TABLE gauges_in_the_cellar (time timestamptz NOT NULL, v int);"
         "SELECT create_hypertable('gauges_in_the_cellar', 'time', chunk_time_interval => 1)");
    source.run("INSERT INTO gauges_in_the_cellar VALUES ('2024-01-05 00:00:00.000001', 1)");
    backfill_ok({"stage", "--until", "2024-02-01", "--filter", "gauges"});
    for (const auto* command : {"copy", "verify"}) {
        const auto text = backfill_in_terminal(80, {command, "--no-progress"}, {}).output;
        EXPECT_THAT(text, AllOf(HasSubstr("[1/1] public.gauges_in_the_cellar 2024-01-05 "),
                                Not(HasSubstr("…"))));
        for (const auto& line : lines_of(text))
            EXPECT_LE(output::columns_of(line.substr(0, line.find('\r'))), 80) << line;
    }
}

TEST_F(Terminal, SummariesLoseNoNumbers) {
    both("CREATE TABLE items (id serial PRIMARY KEY, v int); CREATE TABLE same (id int PRIMARY "
         "KEY); CREATE TABLE only_here (id int PRIMARY KEY); INSERT INTO items (v) SELECT n FROM "
         "generate_series(1, 100) n");
    source.run("DELETE FROM items WHERE id < 8; UPDATE items SET v = 0 WHERE id > 97;"
               "INSERT INTO items (v) SELECT n FROM generate_series(1, 11) n");
    target.run("DROP TABLE only_here");
    const auto outcome = backfill_in_terminal(80, {"sync-tables", "--no-progress"});
    EXPECT_EQ(outcome.exit_status, exit_failed) << outcome.errors;
    std::string words;
    for (const auto& line : lines_of(outcome.output)) {
        EXPECT_LE(output::columns_of(line.substr(0, line.find('\r'))), 80) << line;
        const auto begin = std::min(line.find_first_not_of(' '), line.size());
        words += line.substr(begin, line.find('\r') - begin) + " ";
    }
    EXPECT_THAT(words,
                HasSubstr("Plain tables: 1 equal, 1 mended (11 inserted, 3 updated, 7 only in the "
                          "target (--delete deletes them)), 1 not synchronized, 1 sequence set; "));
}

TEST_F(Terminal, StatusBreaksErrorsAtBlanks) {
    source.run("CREATE TABLE only_here (id int PRIMARY KEY)");
    target.run("ALTER TABLE readings ADD CONSTRAINT refused CHECK (value > 1)");
    backfill_ok({"stage", "--until", "2024-01-02"});
    backfill({"copy"});
    backfill({"sync-tables"});
    const auto output = backfill_in_terminal(80, {"status", "--tables", "--failed"}, {}).output;
    EXPECT_THAT(output, AllOf(HasSubstr("  public.only_here: it is missing in the target; create "
                                        "it there, as\r\n    clone-schema does\r\n"),
                              HasSubstr("SQLSTATE 23514)\r\n")));
    for (const auto& line : lines_of(output))
        EXPECT_LE(output::columns_of(line.substr(0, line.find('\r'))), 80) << line;
}

TEST_F(Terminal, StatusShowsWhatFitsWhileItWatches) {
    for (int i = 1; i <= 60; ++i)
        both(fmt::format("CREATE TABLE gauge_{0} (time timestamptz NOT NULL);"
                         "SELECT create_hypertable('gauge_{0}', 'time')",
                         i));
    source.run("DO $$ BEGIN FOR i IN 1..60 LOOP EXECUTE format('INSERT INTO gauge_%s VALUES "
               "(''2024-01-01'')', i); END LOOP; END $$");
    backfill_ok({"stage", "--until", "2024-02-01"});
    Program program({"status", "--watch", "--target", target.uri()}, {"TERM=xterm"}, 80);
    const std::string redraw = "\x1b[49F"; // of 50 rows, the last one is for the cursor
    EXPECT_TRUE(eventually([&] { return program.has_printed(redraw); }));
    program.signal(SIGINT);
    const auto output = program.wait().output;
    EXPECT_THAT(output, AllOf(HasSubstr("\n... and 17 more hypertables\r\ntotal "),
                              HasSubstr("\nNothing is running.")));
    EXPECT_THAT(backfill_ok({"status"}), Not(HasSubstr("more hypertables")));
}

TEST_F(Terminal, ControlCharactersAreShown) {
    const std::string name = "esc\x1b[31mred\nline";
    both("CREATE TABLE \"" + name +
         "\" (time timestamptz NOT NULL, v int);"
         "SELECT create_hypertable('\"" +
         name + "\"', 'time')");
    source.run("INSERT INTO \"" + name + "\" VALUES ('2024-01-02', 1); CREATE TABLE \"" + name +
               "2\" (id int PRIMARY KEY); CREATE SEQUENCE \"" + name + "3\"");
    target.run("ALTER TABLE \"" + name + "\" ADD CONSTRAINT refused CHECK (v > 1)");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"check", "--until", "2024-02-01"},
          {"stage", "--until", "2024-02-01", "--dry-run"},
          {"stage", "--until", "2024-02-01"},
          {"stage", "--until", "42"},
          {"copy"},
          {"verify"},
          {"sync-tables"},
          {"status", "--failed", "--tables"}}) {
        for (const auto& outcome : {backfill_in_terminal(200, arguments), backfill(arguments)}) {
            EXPECT_THAT(outcome.output + outcome.errors,
                        AllOf(Not(HasSubstr("\x1b[31mred")), Not(HasSubstr("\nline"))))
                << arguments[0];
            if (arguments[0] != "verify") {
                EXPECT_THAT(outcome.output + outcome.errors, HasSubstr(R"(esc\x1b[31mred\nline)"));
            }
        }
    }
    const auto status = events({"status"}).at(0);
    EXPECT_EQ(status["hypertables"][0]["name"], name);
}

TEST_F(Terminal, NoColorTurnsOffColours) {
    EXPECT_THAT(copy_in_terminal(80, {}, {"NO_COLOR=1"}),
                AllOf(HasSubstr("/4 chunks"), Not(HasSubstr("\x1b[32m"))));
}

TEST_F(Terminal, NothingIsDrawnIfTurnedOff) {
    EXPECT_THAT(copy_in_terminal(80, {"--no-progress"}), Not(HasSubstr("\x1b[")));
    EXPECT_THAT(copy_in_terminal(80, {"--quiet"}), Not(HasSubstr("\x1b[")));
    EXPECT_THAT(copy_in_terminal(80, {"--output", "json"}), Not(HasSubstr("\x1b[")));
    EXPECT_THAT(copy_in_terminal(80, {}, {"TERM=dumb"}), Not(HasSubstr("\x1b[")));
}

} // namespace
} // namespace test
