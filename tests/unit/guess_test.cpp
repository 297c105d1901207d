// The options that `import --guess` proposes for the beginning of a file.

#include "importing/guess.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

importing::ImportTable table() {
    const auto column = [](const std::string& name, const std::string& type,
                           bool has_decimals = false) {
        return importing::TableColumn{
            .name = name, .type = type, .base_type = type, .has_decimals = has_decimals};
    };
    timescale::Hypertable hypertable;
    hypertable.time.column = "time";
    return {.name = {.schema = "public", .name = "readings"},
            .hypertable = hypertable,
            .database = {},
            .role = {},
            .columns = {column("time", "timestamp with time zone"), column("sensor", "text"),
                        column("value", "double precision", true), column("n", "integer"),
                        column("cost", "money", true), column("built", "date")}};
}

importing::Guess guess(const std::string& text) {
    importing::ImportOptions options;
    return importing::guess_format(text, /*is_all=*/true, table(), options, "UTC");
}

/// `--option value ...`, and the reasons in lines of their own.
std::string told(const std::string& text) {
    const auto found = guess(text);
    return fmt::format("{}{}\n{}\n", found.has_failed ? "failed " : "",
                       fmt::join(found.options, " "), fmt::join(found.reasons, "\n"));
}

TEST(Guess, SaysThatATwoDigitYearMayBeADay) {
    EXPECT_THAT(told("time,value\n24-07-15 12:00Z,1\n"),
                AllOf(Not(HasSubstr("--date-style DMY\n")),
                      HasSubstr("such as 24-07-15 12:00Z on line 2; give --date-style DMY "
                                "(2015-07-24) or YMD (2024-07-15)")));
    EXPECT_THAT(
        told("time,value\n24-07-15 12:00Z,1\n24-07-32 12:00Z,1\n"),
        HasSubstr("--date-style 'DMY': line 3 has \"24-07-32 12:00Z\", which is 2032-07-24 then"));
    EXPECT_THAT(told("time,value\n99-07-15 12:00Z,1\n"),
                HasSubstr("--date-style 'YMD': line 2 has \"99-07-15 12:00Z\", which is 1999-07-15 "
                          "then"));
    EXPECT_THAT(told("time,value\n15.07.2024Z,1\n"), HasSubstr("--date-style DMY\n"));
    EXPECT_THAT(told("time,value\n12.07.2024Z,1\n"), HasSubstr("DMY (2024-07-12) or MDY "
                                                               "(2024-12-07)"));
    EXPECT_FALSE(guess("time,value\n24-07-15 12:00Z,1\n").is_certain);
}

TEST(Guess, ProposesNothingForTimesInTwoColumns) {
    const auto* why = "import does not join them";
    EXPECT_THAT(told("Datum;Uhrzeit;value\n15.07.2024;12:30:00;1\n"),
                AllOf(testing::StartsWith("failed \n"),
                      HasSubstr("line 2 has \"15.07.2024\", and \"12:30:00\" in another column"),
                      HasSubstr(why)));
    EXPECT_THAT(told("Date,Time,value\n2024-07-15,1:30 PM,1\n"),
                AllOf(testing::StartsWith("failed \n"), HasSubstr(why)));
    EXPECT_THAT(told("built,clock,value,time\n2024-07-15,12:30,1,2024-07-15 12:00Z\n"),
                AllOf(Not(testing::StartsWith("failed")), Not(HasSubstr(why))));
}

TEST(Guess, ChoosesTheDelimiterUnderWhichValuesAreRead) {
    std::string text = "Station Nord, A, B\nExport\n";
    std::string with_header = text + "time;value;n\n";
    for (int i = 0; i < 300; ++i) {
        const auto row = fmt::format("2024-07-15 00:{:02}Z;1,{};0,25\n", i % 60, i);
        text += row;
        with_header += row;
    }
    EXPECT_THAT(told(with_header), testing::StartsWith("--delimiter ; --skip-lines 2 "));
    EXPECT_THAT(told(text), testing::StartsWith("failed --delimiter ;"));
    EXPECT_THAT(told("time,sensor\n2024-01-01Z,a|b;c\n"), testing::StartsWith("\ndelimiter ','"));
}

TEST(Guess, TakesNoDataForAHeader) {
    EXPECT_THAT(told("2024-01-01 00:00,sensor1,20.5,1,1.5,2024-01-01\n"),
                testing::StartsWith("--columns time,sensor,value,n,cost,built"));
    EXPECT_THAT(told("time,sensor1\n2024-01-01 00:00Z,x\n"),
                testing::StartsWith("--map sensor1=sensor\n"));
    EXPECT_THAT(told("2024,time\n1,2024-01-01 00:00Z\n"),
                testing::StartsWith("--ignore-columns 2024\n"));
}

TEST(Guess, MentionsColumnsToWhichDecimalDoesNotApply) {
    const auto* why = "line 2 has \"1,50\" for cost, of the type money, to which --decimal does "
                      "not apply; leave the column out";
    EXPECT_THAT(told("time;value;cost\n2024-01-01Z;2,5;1,50\n"), HasSubstr(why));
    EXPECT_THAT(told("time;cost\n2024-01-01Z;1,50\n"), HasSubstr(why));
    EXPECT_THAT(told("time;cost\n2024-01-01Z;1.50\n"), Not(HasSubstr("money")));
}

TEST(Guess, MentionsALoneNumberThatMayHaveThousands) {
    const auto* why = "line 2 has \"1.234\", which is read with a decimal point; if ";
    EXPECT_THAT(told("time;value\n2024-01-01Z;1.234\n"), HasSubstr(why));
    EXPECT_THAT(told("time,value\n15.01.2024Z,1.234\n"), HasSubstr(why));
    EXPECT_THAT(told("time,value\n2024-01-01Z,1.234\n"), Not(HasSubstr("thousands")));
    EXPECT_THAT(told("time;value\n2024-01-01Z;1.234\n2024-01-01Z;12.5\n"),
                Not(HasSubstr("thousands")));
    EXPECT_THAT(told("time;n\n2024-01-01Z;1.234\n"), HasSubstr("--decimal comma\n"));
}

TEST(Guess, NamesAllReadingsOfANumberOfTime) {
    EXPECT_THAT(told("time\n1712010123456\n"),
                AllOf(testing::StartsWith("--time-format time=epoch-ms\n"), Not(HasSubstr("%Y"))));
    EXPECT_THAT(told("time\n2024071512\n"),
                AllOf(testing::StartsWith("--time-format time=%Y%m%d%H --time-zone UTC\n"),
                      HasSubstr("which is 2024-07-15 12:00:00 then, and 2034-02-20 18:05:12+00 "
                                "with 'epoch'")));
    EXPECT_THAT(told("time\n1712010123\n"),
                AllOf(testing::StartsWith("--time-format time=epoch\n"),
                      HasSubstr(", and 1712-01-01 23:00:00 with '%Y%m%d%H'") /* 23 is %H */));
}

TEST(Guess, ProposesTheDecimalCommaOfTimes) {
    EXPECT_THAT(told("time;n\n1721037600,5;1\n"),
                testing::StartsWith("--delimiter ; --decimal comma --time-format time=epoch\n"));
}

TEST(Guess, MentionsNumbersThatNothingReads) {
    for (const auto* number : {"1,234.56", "1 234,5", "1'234.5", "1.2.3", "x"})
        EXPECT_THAT(told(fmt::format("time;value\n2024-01-01Z;1,5\n2024-01-01Z;{}\n", number)),
                    HasSubstr(fmt::format("line 3 has \"{}\", which is read as a number neither "
                                          "with a decimal point nor with a comma",
                                          number)));
    EXPECT_THAT(told("time;value\n2024-01-01Z;1e-7\n2024-01-01Z;Inf\n"), Not(HasSubstr("neither")));
    EXPECT_THAT(told("time;value\n2024-01-01Z;1,234\n2024-01-01Z;12.5\n"),
                AllOf(Not(HasSubstr("--decimal comma")),
                      HasSubstr("line 2 has \"1,234\", whose comma is between thousands, because "
                                "line 3 has \"12.5\": PostgreSQL does not read it")));
}

TEST(Guess, ProposesNullsWithTheirBlanks) {
    EXPECT_THAT(told("time,value\n2024-01-01Z, NA\n2024-01-01Z, \n"),
                testing::StartsWith("--null  --null  NA --null  "));
}

TEST(Guess, FailsForWhatIsNoCsv) {
    EXPECT_THAT(told("Station \"Nord\n\ntime,value\n2024-01-01Z,1\n"),
                AllOf(testing::StartsWith("failed"), HasSubstr("line 1: unterminated quote"),
                      HasSubstr("--skip-lines")));
    EXPECT_THAT(told(""), "failed \nthere are no records; give a file with some\n");
}

TEST(Guess, FindsZonesAfterTimes) {
    for (const auto* time : {"2024-07-15T12:00:00 CET", "2024-07-15 12:00 Europe/Berlin",
                             "2024-07-15 01:00 PM CET", "2024-07-15T12:00Z", "2024-07-15 12:00-03"})
        EXPECT_THAT(told(fmt::format("time,value\n{},1\n", time)), Not(HasSubstr("--time-zone")));
    for (const auto* time : {"2024-07-15T12:00:00", "2024-07-15 01:00 PM"})
        EXPECT_THAT(told(fmt::format("time,value\n{},1\n", time)), HasSubstr("--time-zone"));
}

} // namespace
} // namespace test
