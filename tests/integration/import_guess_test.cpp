// `import --guess` proposes options that read a file, and says why.

#include "support/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ImportGuess : public Import {
  protected:
    void SetUp() override {
        target.run("CREATE TABLE readings (time timestamptz NOT NULL, device int, temperature "
                   "float8, note text, built date); SELECT create_hypertable('readings', 'time')");
    }

    std::string guess(const std::string& text, const Arguments& options = {},
                      int status = exit_done) const {
        file.write(text);
        Arguments all{"--guess", file.path()};
        all.insert(all.end(), options.begin(), options.end());
        const auto outcome = import("readings", all);
        EXPECT_EQ(outcome.exit_status, status) << outcome.output << outcome.errors;
        return outcome.output;
    }

    std::string guess_in_vain(const std::string& text) const {
        return guess(text, {}, exit_failed);
    }

    /// The first line, after the file's name.
    std::string options_for(const std::string& text, const Arguments& options = {}) const {
        const auto output = guess(text, options);
        const auto begin = file.path().size() + 2;
        return output.substr(begin, output.find('\n') - begin);
    }
};

TEST_F(ImportGuess, ProposesOptionsThatReadTheFile) {
    const auto output =
        guess("\xEF\xBB\xBFStation Nord\r\nExport\r\nZeit;Device;Temp (C);Remark\r\n"
              "15.7.2024 12:00;1;1.234,5;\"a;b\"\r\n16.7.2024 12:00;1;\"\";x\r\n"
              "17.7.2024 12:00;NA;2,5;x\r\n");
    EXPECT_THAT(
        output,
        AllOf(
            HasSubstr(": --delimiter ';' --skip-lines '2' --map 'Zeit=time,Temp (C)=temperature' "
                      "--ignore-columns 'Remark' --null '' --null 'NA' --force-null 'temperature' "
                      "--decimal 'comma' --date-style 'DMY' --time-zone 'UTC'\n"),
            HasSubstr("\n  --delimiter ';': 4 records with 4 values each\n"),
            HasSubstr("\n  --skip-lines '2': the lines before the header on line 3 are no "),
            HasSubstr("\n  --null 'NA': line 6 has \"NA\" for device; it means NULL in all "),
            HasSubstr("\n  --force-null 'temperature': line 5 has \"\" in quotes\n"),
            HasSubstr("\n  --decimal 'comma': line 6 has \"2,5\"\n"),
            HasSubstr("\n  --date-style 'DMY': line 4 has \"15.7.2024 12:00\", which is "
                      "2024-07-15 then\n"),
            HasSubstr("\nNothing is imported.")));
    EXPECT_EQ(target.value("SELECT count(*) FROM readings"), "0");
    EXPECT_EQ(target.value("SELECT to_regnamespace('__backfill')"), "");
    const auto command = "--delimiter ';' --skip-lines '2' --map 'Zeit=time,Temp (C)=temperature'";
    EXPECT_THAT(output, HasSubstr(command));
    import_ok("readings", {"--delimiter",
                           ";",
                           "--skip-lines",
                           "2",
                           "--map",
                           "Zeit=time,Temp (C)=temperature",
                           "--ignore-columns",
                           "Remark",
                           "--null",
                           "",
                           "--null",
                           "NA",
                           "--force-null",
                           "temperature",
                           "--decimal",
                           "comma",
                           "--date-style",
                           "DMY",
                           "--time-zone",
                           "UTC",
                           file.path()});
    EXPECT_EQ(target.value("SELECT string_agg(concat_ws(' ', time AT TIME ZONE 'UTC', device, "
                           "temperature), ', ' ORDER BY time) FROM readings"),
              "2024-07-15 12:00:00 1 1234.5, 2024-07-16 12:00:00 1, 2024-07-17 12:00:00 2.5");
}

TEST_F(ImportGuess, ProposesNothingForCleanFiles) {
    EXPECT_EQ(options_for("time,device,temperature\n2024-01-01 10:00+01,1,1.5\n"),
              "no option is needed");
    EXPECT_EQ(options_for("sep=;\ntime;device\n2024-01-01T10:00:00Z;1\n"), "no option is needed");
    EXPECT_EQ(options_for("time,device,\n2024-01-01 10:00Z,1,\n"), "no option is needed");
    EXPECT_THAT(guess_in_vain(""), HasSubstr(": cannot be guessed\n  there are no records; "));
    EXPECT_THAT(guess("", {"--output", "json"}, exit_failed), HasSubstr("\"failed\":true"));
    EXPECT_THAT(guess("time\n2024-01-01Z\n", {"--output", "json"}), HasSubstr("\"failed\":false"));
}

TEST_F(ImportGuess, TellsTheUnitOfTimes) {
    EXPECT_EQ(options_for("time\n1721037600\n1721037600.5\n"), "--time-format 'time=epoch'");
    EXPECT_THAT(guess("time\n1721037600123\n"),
                HasSubstr("--time-format 'time=epoch-ms': line 2 has \"1721037600123\", which is "
                          "2024-07-15 10:00:00.123000000+00 then\n"));
    EXPECT_EQ(options_for("time\n1721037600123456\n"), "--time-format 'time=epoch-us'");
    EXPECT_EQ(options_for("time\n1721037600123456789\n"), "--time-format 'time=epoch-ns'");
    EXPECT_EQ(options_for("time;device\n45488,5;1\n", {"--delimiter", ";"}),
              "--decimal 'comma' --time-format 'time=excel' --time-zone 'UTC'");
    EXPECT_EQ(options_for("time,built\n20240715120000,20240715\n"),
              "--time-format 'time=%Y%m%d%H%M%S' --time-zone 'UTC'");
    EXPECT_THAT(guess("time\n1721037600123\n1721037600\n"),
                HasSubstr("line 2 has \"1721037600123\" for time, which --guess does not know"));
}

TEST_F(ImportGuess, SaysWhatAFileDoesNotShow) {
    EXPECT_THAT(guess("time,device\n3/4/24 10:00Z,1\n"),
                AllOf(HasSubstr(": no option is certain\n"),
                      HasSubstr("no date shows the order of day, month and year, such as 3/4/24 "
                                "10:00Z on line 2; give --date-style DMY (2024-04-03) or MDY "
                                "(2024-03-04)")));
    EXPECT_THAT(guess("time,device\n13/4/24 10:00Z,1\n4/13/24 10:00Z,1\n"),
                HasSubstr("no date style reads all dates: not DMY (line 3 has \"4/13/24 10:00Z\"), "
                          "not MDY (line 2 has \"13/4/24 10:00Z\"), not YMD (line 3 "));
    EXPECT_EQ(options_for("time,device\n3/4/24 10:00Z,1\n4/13/24 10:00Z,1\n"),
              "--date-style 'MDY'");
    EXPECT_THAT(
        guess("time;temperature\n2024-01-01Z;1,234\n"),
        AllOf(Not(HasSubstr("--decimal 'comma'")), HasSubstr("line 2 has \"1,234\", whose ")));
    EXPECT_EQ(options_for("time;temperature\n2024-01-01Z;0,234\n"),
              "--delimiter ';' --decimal 'comma'");
    EXPECT_EQ(options_for("time;temperature\n2024-01-01Z;1.234\n2024-01-01Z;1.234,5\n"),
              "--delimiter ';' --decimal 'grouped-comma'");
    EXPECT_THAT(
        guess("time;temperature\n2024-01-01Z;1,5\n2024-01-01Z;1.5\n"),
        HasSubstr("numbers have commas and points: line 2 has \"1,5\", line 3 has \"1.5\""));
    EXPECT_THAT(guess_in_vain("time,device\n\"2024-01-01Z,1\n"),
                HasSubstr("  line 2: unterminated quote"));
    EXPECT_THAT(guess_in_vain("a,b\nc,d\n"),
                HasSubstr("no name that is like a column's; give --columns"));
    EXPECT_THAT(guess_in_vain("device,note\n1,x\n"),
                HasSubstr("no name that is like time, the time column"));
}

TEST_F(ImportGuess, FindsHeadersUnitsCommentsAndEncodings) {
    EXPECT_EQ(options_for("2024-01-01Z,1,1.5,a,2024-01-02\n"),
              "--columns 'time,device,temperature,note,built'");
    EXPECT_THAT(guess_in_vain("2024-01-01Z,1\n"),
                HasSubstr("name the 2 columns of the file with --columns"));
    EXPECT_EQ(options_for("2024-01-01Z,\"1,5\"\n", {"--columns", "time,temperature"}),
              "--decimal 'comma'");
    EXPECT_EQ(options_for("time\ttemperature\n\tC\n2024-01-01Z\t1\n"),
              "--delimiter '\\t' --skip-lines '2' --columns 'time,temperature'");
    EXPECT_EQ(options_for("# x\ntime,device\n2024-01-01Z,1\n"), "--comment '#'");
    EXPECT_EQ(options_for("#time,device\n2024-01-01Z,1\n"), "--map '#time=time'");
    EXPECT_THAT(
        guess("time,note\n2024-01-01Z,D\xFCsseldorf\n"),
        AllOf(HasSubstr(": --encoding 'WIN1252'\n"),
              HasSubstr("it is not UTF8; line 2 is then: 2024-01-01Z,D\xC3\xBCsseldorf\n")));
    EXPECT_EQ(options_for("time,note\n2024-01-01Z,D\xC3\xBCsseldorf\n"), "no option is needed");
}

TEST_F(ImportGuess, ReadsOnlyTheBeginningOfLargeFiles) {
    std::string text = "time,device,note\n";
    while (text.size() < 3'000'000)
        text += "2024-01-01 10:00:00Z,1,\"several\nlines\"\n";
    EXPECT_THAT(guess(text), AllOf(HasSubstr("no option is needed"),
                                   HasSubstr("10,000 records with 3 values each")));
    EXPECT_THAT(guess("time,note\n2024-01-01Z,\"" + std::string(3'000'000, 'x') + "\"\n"),
                HasSubstr("no option is needed"));
}

TEST_F(ImportGuess, TakesOnlyWhatItDoesNotPropose) {
    file.write("time\n");
    expect_refused_at_once("readings", {"--guess", "--decimal", "comma", file.path()}, exit_usage,
                           HasSubstr("--guess proposes --map, --ignore-columns, --null"));
    expect_refused_at_once("readings", {"--guess", "--check", file.path()}, exit_usage,
                           HasSubstr("--check excludes --guess"));
    const TextFile rejects("rejects.csv");
    for (const Arguments& other : {Arguments{"--compress"},
                                   {"--on-error", "skip"},
                                   {"--rejects", rejects.path()},
                                   {"--max-rejects", "7"},
                                   {"--from", "2024-01-01"},
                                   {"--until", "2024-01-01"},
                                   {"--on-conflict", "skip"},
                                   {"--columns", "time", "--header"}}) {
        auto all = other;
        all.insert(all.end(), {"--guess", file.path()});
        expect_refused_at_once("readings", all, exit_usage,
                               HasSubstr("--guess loads nothing, so that "));
    }
    file.write("time\n\xFF\n");
    expect_refused_at_once("readings", {"--guess", "--encoding", "UTF8", file.path()}, exit_usage,
                           HasSubstr("is not in the encoding UTF8; give another one"));
    const auto output = import_ok("readings", {"--guess", "--output", "json", file.path()});
    EXPECT_THAT(output, AllOf(HasSubstr("\"event\":\"guessed\""),
                              HasSubstr("\"options\":[\"--encoding\",\"WIN1252\"")));
}

} // namespace
} // namespace test
