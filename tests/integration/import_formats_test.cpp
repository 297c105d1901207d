// `import` with --decimal and --time-format: numbers and times as people and machines write them.

#include "support/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ImportFormats : public Import {
  protected:
    void SetUp() override {
        target.run("CREATE DOMAIN share AS numeric; CREATE DOMAIN half AS share; "
                   "CREATE TABLE readings (time timestamptz NOT NULL, local timestamp, day date, n "
                   "int, value float8, exact numeric(12, 3), part half, note text, list float8[]); "
                   "SELECT create_hypertable('readings', 'time')");
    }

    std::vector<std::string> times() {
        return target.rows("SELECT time AT TIME ZONE 'UTC', local, day::text FROM readings ORDER "
                           "BY time");
    }
};

TEST_F(ImportFormats, ReadNumbersWithACommaAsPsqlReadsThemWithAPoint) {
    file.write("time;n;value;exact;part;note\n"
               "2024-01-01;1.234;1.234,5;\"1.234.567,891\";-0,5;1,5 and 1.234\n"
               "2024-01-02;-7;NaN;;3;\"\"\n2024-01-03;+1.000;-1,5E-3; 7 ;,5;,\n");
    import_ok("readings", {"--delimiter", ";", "--decimal", "comma", file.path()});
    const TextFile points("points.csv");
    points.write("2024-01-01;1234;1234.5;1234567.891;-0.5;1,5 and 1.234\n"
                 "2024-01-02;-7;NaN;;3;\"\"\n2024-01-03;1000;-0.0015;7;.5;,\n");
    target.run("CREATE TABLE twin (LIKE readings)");
    psql("\\copy twin (time, n, value, exact, part, note) from pstdin with (format csv, "
         "delimiter ';')",
         "< " + points.path());
    EXPECT_EQ(target.value("SELECT count(*) FROM twin"), "3");
    EXPECT_THAT(
        target.rows("SELECT twin::text FROM twin EXCEPT SELECT readings::text FROM readings"),
        ElementsAre());
}

TEST_F(ImportFormats, DoNotGuessWhatAPointMeans) {
    file.write("time;value\n2024-01-01;1,5\n2024-01-01;1.234\n2024-01-01;2.5\n2024-01-01;x\n");
    const TextFile rejects("rejects.csv");
    const Arguments comma{"--delimiter", ";", "--decimal", "comma"};
    auto all = comma;
    all.push_back(file.path());
    expect_refused("readings", all, exit_failed,
                   HasSubstr("line 3: \"1.234\" is ambiguous with a decimal comma (--decimal "
                             "grouped-comma reads the point as one between thousands), column "
                             "value (rows loaded before stay)"));
    all.insert(all.end(), {"--on-error", "skip", "--rejects", rejects.path()});
    EXPECT_THAT(import_ok("readings", all), HasSubstr("Imported 1 row, 3 records rejected"));
    EXPECT_THAT(rejects.text(),
                AllOf(HasSubstr(",3,"), HasSubstr("\"2024-01-01;1.234\"\n"),
                      HasSubstr("invalid input syntax for type double precision: ")));
    EXPECT_THAT(
        import_ok("readings", {"--delimiter", ";", "--decimal", "grouped-comma", "--on-error",
                               "skip", "--rejects", rejects.path(), "--name", "b", file.path()}),
        HasSubstr("Imported 2 rows, 2 records rejected"));
    EXPECT_THAT(target.rows("SELECT value FROM readings ORDER BY value"),
                ElementsAre("1.5", "1.5", "1234"));
}

TEST_F(ImportFormats, KeepRecordsWithLineBreaksTogether) {
    target.run("CREATE TABLE two (v int, w float8); CREATE TABLE one (v float8)");
    const TextFile rejects("rejects.csv");
    const Arguments skip{"--decimal", "comma",     "--delimiter",  ";",        "--on-error",
                         "skip",      "--rejects", rejects.path(), file.path()};
    file.write("v;w\n1;\"5\n\"\n2;bad\n3;7,5\n");
    EXPECT_THAT(import_ok("two", skip), HasSubstr("Imported 2 rows, 1 record rejected"));
    EXPECT_THAT(target.rows("TABLE two ORDER BY v"), ElementsAre("1|5", "3|7.5"));
    EXPECT_THAT(rejects.text(), HasSubstr(",4,"));
    EXPECT_THAT(rejects.text(), HasSubstr("\"2;bad\"\n"));
    file.write("v\n\"5\n6\"\n7\n");
    auto other = skip;
    other.insert(other.end(), {"--name", "b"});
    EXPECT_THAT(import_ok("one", other), HasSubstr("Imported 1 row, 1 record rejected"));
    EXPECT_EQ(target.value("SELECT sum(v) FROM one"), "7");
    std::string text = "v\n1\n";
    for (int i = 0; i < 20'000; ++i)
        text += "\"5\n6\"\n";
    file.write(text);
    other.back() = "c";
    expect_refused("one", other, exit_failed,
                   HasSubstr("more than 1,000 records rejected (--max-rejects)"));
}

TEST_F(ImportFormats, RefuseTypesWhoseDecimalsStayAsTheyAre) {
    target.run("CREATE TYPE pair AS (a int, b numeric); CREATE TABLE costs (n int, cost money, "
               "list half[], span numrange, pairs pair[], whole int[], note text)");
    const auto refuse = [&](const std::string& column, const std::string& type) {
        file.write("n;" + column + "\n1;1,50\n");
        expect_refused_at_once(
            "costs", {"--decimal", "comma", "--delimiter", ";", file.path()}, exit_usage,
            HasSubstr("--decimal does not apply to the column \"" + column + "\", whose type is " +
                      type +
                      "; leave it out with --ignore-columns, or load it into a column of "
                      "text"));
    };
    refuse("cost", "money");
    refuse("list", "public.half[]");
    refuse("span", "numrange");
    refuse("pairs", "public.pair[]");
    import_ok("costs",
              {"--decimal", "comma", "--delimiter", ";", "--ignore-columns", "pairs", file.path()});
    file.write("n;whole;note\n1;{1,2};1,50\n");
    import_ok("costs", {"--decimal", "comma", "--delimiter", ";", "--name", "b", file.path()});
}

TEST_F(ImportFormats, ReadTimesThatAreNumbers) {
    file.write("time,local,day,value\n1721037600123,45488.5,1721037600,7\n-1,45488,-1,8\n");
    const Arguments formats{"--time-format", "epoch-ms",      "--time-format",
                            "local=excel",   "--time-format", "Day=epoch"};
    auto all = formats;
    all.push_back(file.path());
    all.insert(all.end(), {"--time-zone", "UTC"});
    EXPECT_THAT(import_ok("readings", all), HasSubstr("Reading local with the time zone UTC"));
    EXPECT_THAT(times(), ElementsAre("1969-12-31 23:59:59.999|2024-07-15 00:00:00|1969-12-31",
                                     "2024-07-15 10:00:00.123|2024-07-15 12:00:00|2024-07-15"));
    EXPECT_EQ(
        target.value("SELECT count(*) FROM readings WHERE time = to_timestamp(1721037600.123)"),
        "1");
    all.back() = "Europe/Berlin";
    all.insert(all.end(), {"--name", "b"});
    expect_refused(
        "readings", all, exit_usage,
        HasSubstr("--time-format 'Day=epoch' gives times in UTC, but \"day\" has no time "
                  "zone and others are read in Europe/Berlin; if its times are to be in "
                  "UTC, give --time-zone UTC"));
}

TEST_F(ImportFormats, ReadTimesByPatterns) {
    file.write("time,local,day\n15.7.2024 12:00,\"Jul 15, 2024 1:02:03.5 PM\",240715\n"
               ",,\n15.7.24 12:00,,\n");
    const TextFile rejects("rejects.csv");
    EXPECT_THAT(import_ok("readings", {"--time-format", "%d.%m.%Y %H:%M", "--time-format",
                                       "local=%b %d, %Y %I:%M:%S.%f %p", "--time-format",
                                       "day=%y%m%d", "--time-zone", "Europe/Berlin", "--on-error",
                                       "skip", "--rejects", rejects.path(), file.path()}),
                HasSubstr("Imported 1 row, 2 records rejected"));
    EXPECT_THAT(times(), ElementsAre("2024-07-15 10:00:00|2024-07-15 13:02:03.5|2024-07-15"));
    EXPECT_THAT(rejects.text(),
                AllOf(HasSubstr("violates not-null constraint"),
                      HasSubstr("is no time in the format %d.%m.%Y %H:%M, column time")));
}

TEST_F(ImportFormats, AreChecked) {
    file.write("time,value\n1721037600123,\"1,5\"\n");
    const auto outcome = import(
        "readings", {"--check", "--time-format", "epoch", "--decimal", "comma", file.path()});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output,
                HasSubstr("line 2: \"1721037600123\" seconds are not between the years 1 and 9999 "
                          "(--time-format epoch), column time"));
    EXPECT_THAT(
        import_ok("readings",
                  {"--check", "--time-format", "epoch-ms", "--decimal", "comma", file.path()}),
        AllOf(HasSubstr("times from 2024-07-15 10:00:00.123+00"), Not(HasSubstr("Reading"))));
}

TEST_F(ImportFormats, NeedColumnsOfTime) {
    target.run("CREATE TABLE plain (time timestamptz, n bigint)");
    file.write("time,n\n1,1\n");
    const auto refuse = [&](const std::string& table, const Arguments& formats, const char* why) {
        Arguments all;
        for (const auto& format : formats)
            all.insert(all.end(), {"--time-format", format});
        all.push_back(file.path());
        expect_refused_at_once(table, all, exit_usage, HasSubstr(why));
    };
    refuse(
        "plain", {"epoch"},
        "--time-format 'epoch' names no column, and \"public\".\"plain\" is not a hypertable with "
        "a time column; give --time-format 'COLUMN=epoch'");
    refuse("plain", {"tme=epoch"}, "--time-format names the column \"tme\", which");
    refuse("plain", {"n=epoch"},
           "--time-format does not apply to \"n\", whose type is bigint; it is "
           "for columns of date, timestamp and timestamptz");
    refuse("plain", {"time=epoch", "time=excel"}, "--time-format is given twice for \"time\"");
    refuse("plain", {"time=unix"}, "--time-format 'unix' is not a format of times; give epoch, ");
    refuse("plain", {"time=%d.%m"}, "--time-format '%d.%m' must give each day in one way");
    refuse("readings", {"day=epoch"}, "--time-format is given for \"day\", which no file has");
}

TEST_F(ImportFormats, StayTheSameWhenAnImportContinues) {
    file.write("time,value\n1,\"1,5\"\n");
    const Arguments options{"--time-format", "epoch", "--decimal", "comma", file.path()};
    import_ok("readings", options);
    file.append("2,\"2,5\"\n");
    expect_refused("readings", {file.path()}, exit_failed,
                   HasSubstr("was begun with other options: --decimal (\"comma\"), --time-format "
                             "({\"time\":\"epoch\"}); "));
    import_ok("readings", {"--time-format", "TIME=epoch", "--decimal", "comma", file.path()});
    EXPECT_EQ(target.value("SELECT sum(value) FROM readings"), "4");
    file.write("time,day\n2024/1/2,2024=7=15\n");
    const std::string of_time = "%Y/%m/%d";
    const std::string of_day = "day=%Y=%m=%d";
    import_ok("readings",
              {"--time-format", of_time, "--time-format", of_day, "--name", "b", file.path()});
    file.append("2024/1/3,2024=7=16\n");
    import_ok("readings",
              {"--time-format", of_day, "--time-format", of_time, "--name", "b", file.path()});
    file.write("time\n2024=1=2\n");
    import_ok("readings", {"--time-format", "%Y=%m=%d", "--name", "c", file.path()});
}

} // namespace
} // namespace test
