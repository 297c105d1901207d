// `import` reads times as psql would in the same place, and says how.

#include "support/import.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ImportTimes : public Import {
  protected:
    void SetUp() override {
        target.run("CREATE TABLE readings (time timestamptz NOT NULL, day date, value float8); "
                   "SELECT create_hypertable('readings', 'time')");
    }

    void set(const std::string& setting) {
        target.run(fmt::format("ALTER DATABASE {} SET {}", target.name(), setting));
    }

    std::string import_in(const std::string& name, const Arguments& options,
                          const Arguments& environment = {}) {
        auto all = words("readings", options);
        all.insert(all.end(), {"--name", name, file.path()});
        const auto outcome = run_program(all, environment);
        EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
        return outcome.output;
    }

    std::vector<std::string> times() {
        return target.rows("SELECT time AT TIME ZONE 'UTC', day::text FROM readings ORDER BY time");
    }
};

TEST_F(ImportTimes, AreReadWithTheDatabasesSettings) {
    set("timezone = 'Europe/Berlin'");
    set("datestyle = 'ISO, MDY'");
    file.write("time,day\n2024-07-15 12:00:00,3/4/24\n12/11/24 00:00,12/11/24\n"
               "2024-07-15 13:00:00+00,2024-01-02\n");
    EXPECT_THAT(import_in("a", {}),
                HasSubstr("Reading time, day with the time zone Europe/Berlin and the date style "
                          "ISO, MDY; --time-zone and --date-style set others\n"));
    EXPECT_THAT(times(),
                ElementsAre("2024-07-15 10:00:00|2024-03-04", "2024-07-15 13:00:00|2024-01-02",
                            "2024-12-10 23:00:00|2024-12-11"));
}

TEST_F(ImportTimes, AreReadWithTheEnvironmentsSettings) {
    set("timezone = 'Europe/Berlin'");
    file.write("time,day\n2024-07-15 12:00:00,3/4/24\n");
    const Arguments environment{"PGTZ=Asia/Tokyo", "PGDATESTYLE=SQL, DMY"};
    EXPECT_THAT(import_in("a", {}, environment),
                HasSubstr("Asia/Tokyo and the date style SQL, DMY;"));
    EXPECT_THAT(times(), ElementsAre("2024-07-15 03:00:00|2024-04-03"));
    target.run("TRUNCATE readings");
    EXPECT_THAT(import_in("b", {}, {"PGOPTIONS=-c TimeZone=America/New_York -c DateStyle=MDY"}),
                HasSubstr("America/New_York and the date style ISO, MDY;"));
    EXPECT_THAT(times(), ElementsAre("2024-07-15 16:00:00|2024-03-04"));
}

TEST_F(ImportTimes, AreReadWithTheOptions) {
    set("timezone = 'Europe/Berlin'");
    file.write("time,day\n2024-07-15 12:00:00,3/4/24\n");
    EXPECT_THAT(import_in("a", {"--time-zone", "Asia/Tokyo", "--date-style", "DMY"}, {"PGTZ=UTC"}),
                HasSubstr("Asia/Tokyo and the date style ISO, DMY;"));
    EXPECT_THAT(times(), ElementsAre("2024-07-15 03:00:00|2024-04-03"));
    expect_refused("readings", {"--time-zone", "Nowhere", file.path()}, exit_usage,
                   HasSubstr("--time-zone 'Nowhere' is not the name of a time zone"));
    expect_refused("readings", {"--date-style", "DYM", file.path()}, exit_usage,
                   HasSubstr("--date-style 'DYM' is not a date style; give YMD, DMY or MDY"));
}

TEST_F(ImportTimes, AreReadTheSameByAllWorkersAndTriggers) {
    set("timezone = 'Europe/Berlin'");
    set("datestyle = 'ISO, DMY'");
    target.run(
        "CREATE TABLE seen (zone text, style text); "
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO "
        "public.seen VALUES (current_setting('TimeZone'), current_setting('DateStyle')); "
        "RETURN NULL; END $$; CREATE TRIGGER see AFTER INSERT ON readings FOR EACH STATEMENT "
        "EXECUTE FUNCTION see()");
    std::string text = "time,value\n";
    for (int i = 0; i < 250'000; ++i)
        text += fmt::format("02/01/2024 00:00:00.{:06},0.{:06}\n", i, i);
    file.write(text);
    import_in("a", {"--parallelism", "3", "--until", "2024-02-01"});
    EXPECT_EQ(target.value("SELECT count(*) || ' ' || min(time AT TIME ZONE 'UTC') || ' ' || "
                           "max(time AT TIME ZONE 'UTC') FROM readings"),
              "250000 2024-01-01 23:00:00 2024-01-01 23:00:00.249999");
    EXPECT_THAT(target.rows("SELECT DISTINCT zone, style FROM seen"),
                ElementsAre("Europe/Berlin|ISO, DMY"));
}

TEST_F(ImportTimes, AreNotMentionedIfNoneAreLoaded) {
    target.run("CREATE TABLE plain (a int)");
    file.write("a\n1\n");
    EXPECT_THAT(import_ok("plain", {file.path()}), Not(HasSubstr("time zone")));
    target.run("CREATE DOMAIN moment AS timestamp; CREATE TABLE others (a moment, b daterange, c "
               "timestamptz[], d interval, e timetz)");
    file.write("a,b,c,d,e\n");
    EXPECT_THAT(import_ok("others", {"--name", "b", file.path()}),
                HasSubstr("Reading a, b, c, e with the time zone "));
}

TEST_F(ImportTimes, NameTheStyleThatReadsADate) {
    set("datestyle = 'ISO, MDY'");
    file.write("time,day\n2024-01-01,1/2/24\n2024-01-01,31/1/2024\n");
    expect_refused("readings", {file.path()}, exit_failed,
                   AllOf(HasSubstr("line 3: date/time field value out of range: \"31/1/2024\""),
                         HasSubstr(", column day (--date-style DMY would read it)")));
    // Nothing is loaded yet, so the import may begin again with other options.
    import_ok("readings", {"--date-style", "DMY", file.path()});
    EXPECT_THAT(target.rows("SELECT day::text FROM readings ORDER BY 1"),
                ElementsAre("2024-01-31", "2024-02-01"));
}

TEST_F(ImportTimes, CannotContinueWithAnotherZone) {
    set("timezone = 'Europe/Berlin'");
    file.write("time\n2024-07-15 12:00:00\n");
    import_ok("readings", {file.path()});
    file.append("2024-07-15 13:00:00\n");
    set("timezone = 'UTC'");
    expect_refused("readings", {file.path()}, exit_failed,
                   HasSubstr("was begun with other options: --time-zone (\"Europe/Berlin\"); "));
    import_ok("readings", {"--time-zone", "Europe/Berlin", file.path()});
    EXPECT_THAT(times(), ElementsAre("2024-07-15 10:00:00|NULL", "2024-07-15 11:00:00|NULL"));
}

} // namespace
} // namespace test
