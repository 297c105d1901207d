// `import --check` says what files are and what would be refused, and loads nothing.

#include "support/import.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ImportCheck : public Import {
  protected:
    void SetUp() override {
        target.run(
            "CREATE TABLE readings (id serial, time timestamptz NOT NULL, device int NOT NULL "
            "CHECK (device < 100), value float8, twice float8 GENERATED ALWAYS AS (value * 2) "
            "STORED); SELECT create_hypertable('readings', 'time')");
    }

    Outcome check(const Arguments& arguments) const {
        auto all = arguments;
        all.emplace_back("--check");
        return import("readings", all);
    }

    void expect_nothing_changed() {
        EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
        EXPECT_EQ(target.value("SELECT is_called FROM readings_id_seq"), "f");
        EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')"), "");
    }
};

TEST_F(ImportCheck, ReportsWhatAFileIs) {
    file.write("Device;Time;note\n1;2024-01-02 03:00;x\n2;2024-01-05 04:00;y\n");
    const TextFile packed("packed");
    ASSERT_EQ(run_shell(fmt::format("gzip -c {} > {}", file.path(), packed.path())), 0);
    const auto outcome = check({"--delimiter", ";", "--ignore-columns", "note", "--time-zone",
                                "Europe/Berlin", file.path(), packed.path()});
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    const std::string same =
        "delimiter \";\", a header, encoding UTF8; columns device, time; 2 records, of which 2 were "
        "tried and 0 refused; times from 2024-01-02 03:00:00+01 to 2024-01-05 04:00:00+01\n";
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("Reading time with the time zone Europe/Berlin"),
                                      HasSubstr(file.path() + ": " + same),
                                      HasSubstr(packed.path() + ": compressed, " + same)));
    expect_nothing_changed();
}

TEST_F(ImportCheck, CountsWhatWouldBeRefused) {
    file.write("time,device,value\n2024-01-01,1,\"\"\n2024-01-01,1,1\n2024-01-01,100,1\n,1,1\n");
    const auto outcome = check({"--output", "json", file.path()});
    EXPECT_EQ(outcome.exit_status, exit_failed);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr("\"records\":4,\"tried\":4,\"rejected\":3,"),
                      HasSubstr("\"line\":2,\"reason\":\"invalid input syntax for type double "
                                "precision: "),
                      HasSubstr("\"line\":4,"), HasSubstr("\"line\":5,"),
                      Not(HasSubstr("\"line\":3,"))));
    EXPECT_THAT(check({"--force-null", "all", "--output", "json", file.path()}).output,
                AllOf(HasSubstr("\"tried\":4,\"rejected\":2,"), Not(HasSubstr("\"line\":2,"))));
    expect_nothing_changed();
}

TEST_F(ImportCheck, TriesASampleOfALargeFileAndReadsAllOfIt) {
    std::string text = "time,device\n";
    for (int i = 0; i < 100'000; ++i)
        text += fmt::format("2024-01-01 00:00:00.{:06},1\n", i);
    file.write(text);
    const auto outcome = check({file.path()});
    EXPECT_EQ(outcome.exit_status, exit_done) << outcome.errors;
    EXPECT_THAT(outcome.output,
                testing::ContainsRegex(
                    "100,000 records, of which [12][0-9],[0-9]+ were tried and 0 refused; times "
                    "from 2024-01-01 00:00:00[+]00 to 2024-01-01 00:00:00.099999"));
    file.append("2024-01-01,\"1\n");
    EXPECT_THAT(check({file.path()}).errors, HasSubstr("line 100002: unterminated quote"));
    expect_nothing_changed();
}

TEST_F(ImportCheck, GuessesTheRemedy) {
    file.write("time;device\n2024-01-01;1\n");
    expect_refused_at_once("readings", {"--check", file.path()}, exit_usage,
                           HasSubstr("this looks like several names, so give the character between "
                                     "them as --delimiter"));
}

} // namespace
} // namespace test
