#include "base/exit_status.hpp"
#include "cli/generate.hpp"
#include "support/sample_command_line.hpp"
#include "support/shell.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using test::program_output;
using test::run_command;
using test::sample_command_line;
using test::TextFile;
using testing::ContainsRegex;
using testing::HasSubstr;

std::string sample_page() {
    static const auto page = cli::manual_page(sample_command_line());
    return page;
}

TEST(ManualPage, HasTheUsualSections) {
    std::size_t last = 0;
    for (const auto* heading :
         {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "CONNECTION STRINGS",
          "EXIT STATUS", "ENVIRONMENT", "EXAMPLES", "SEE ALSO"}) {
        const auto at = sample_page().find(fmt::format("\n.SH {}\n", heading));
        ASSERT_NE(at, std::string::npos) << heading;
        EXPECT_GT(at, last) << heading;
        last = at;
    }
}

TEST(ManualPage, EscapesSpecialCharacters) {
    EXPECT_THAT(sample_page(), HasSubstr("\n\\&.dots and \\(aqquotes\\(aq\n"));
    EXPECT_THAT(sample_page(),
                HasSubstr("it\\(aqs [in] brackets: $HOME \\(gaid\\(ga \\e %d {}; and more"));
    EXPECT_THAT(sample_page(), HasSubstr("timescaledb\\-backfill one \\-\\-plain \\(aqa b\\(aq"));
}

TEST(ManualPage, HasDefaultsAndEnvironmentVariables) {
    EXPECT_THAT(sample_page(), HasSubstr("a number (default: 42)"));
    EXPECT_THAT(sample_page(), HasSubstr("how long (default: 90s)"));
    EXPECT_THAT(sample_page(), HasSubstr("(environment variable: BACKFILL_PLAIN) (required)"));
    EXPECT_THAT(sample_page(),
                HasSubstr("\\fBBACKFILL_PLAIN\\fR\nUsed if \\fB\\-\\-plain\\fR is not given."));
}

TEST(ManualPage, ShowsRequiredOptionsInTheSynopsis) {
    EXPECT_THAT(sample_page(),
                HasSubstr("\\fBone\\fR \\fB\\-\\-plain\\fR \\fITEXT\\fR [\\fIOPTION"));
    EXPECT_THAT(sample_page(), HasSubstr("\\fBtwo\\fR [\\fIOPTION\\fR ...] \\fIup|down\\fR"));
}

TEST(ManualPage, HasTheSectionsForAllCommandsOnce) {
    const auto at = sample_page().find("What all say.");
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(sample_page().find("What all say.", at + 1), std::string::npos);
    EXPECT_GT(at, sample_page().find(".SH CONNECTION STRINGS"));
}

TEST(ManualPage, ShowsAllSectionsOfACommand) {
    const auto begin = sample_page().find(".SS one");
    const auto section = sample_page().substr(begin, sample_page().find(".SS two") - begin);
    EXPECT_THAT(section, HasSubstr(".PP\n\\&.dots and"));
    EXPECT_THAT(section,
                HasSubstr(".PP\nExit status:\n.TP\n\\fB7\\fR\nworse than ever\n"
                          ".PP\nExamples:\n.RS 4\n.nf\ntimescaledb\\-backfill one\n.fi\n.RE\n"));
}

TEST(ManualPage, SeparatesParagraphs) {
    EXPECT_THAT(sample_page(),
                HasSubstr(".SH DESCRIPTION\nWhat it is.\n.PP\nWhat it is not.\n.SH"));
}

TEST(ManualPage, KeepsIndentedLinesAsTheyAre) {
    const auto* shown =
        ".RS 4\n.nf\ntimescaledb\\-backfill one \\-\\-plain \\(aqa b\\(aq\n.fi\n.RE\n";
    EXPECT_THAT(sample_page(), HasSubstr(shown));
}

TEST(ManualPage, ListsTheExitStatuses) {
    EXPECT_THAT(sample_page(),
                HasSubstr(".TP\n\\fB0\\fR\ndone\n.TP\n\\fB7\\fR\nworse (for a reason)\n"
                          ".TP\n\\fB130\\fR\ninterrupted\n.SH"));
}

TEST(ManualPage, ListsAllExitStatusesOfTheProgram) {
    const auto page = program_output({"--generate", "man"});
    for (const auto status :
         {exit_done, exit_failed, exit_usage, exit_differences, exit_interrupted})
        EXPECT_THAT(page, HasSubstr(fmt::format(".TP\n\\fB{}\\fR\n", static_cast<int>(status))));
    EXPECT_THAT(page, HasSubstr("\ntimescaledb\\-backfill \\- copies time\\-series history"));
    EXPECT_THAT(page, HasSubstr("\\fBBACKFILL_SOURCE\\fR"));
}

TEST(ManualPage, ManPrintsNoWarnings) {
    if (!test::has_program("man"))
        GTEST_SKIP() << "man is not installed";
    for (const auto& page : {sample_page(), program_output({"--generate", "man"})}) {
        const TextFile file("timescaledb-backfill.1", page);
        const auto outcome =
            run_command({"sh", "-c", "man --warnings --local-file \"$0\" >/dev/null", file.path()});
        EXPECT_EQ(outcome.exit_status, 0);
        EXPECT_EQ(outcome.output, "");
    }
}

TEST(ManualPage, MandocReportsNoErrors) {
    if (!test::has_program("mandoc"))
        GTEST_SKIP() << "mandoc is not installed";
    for (const auto& page : {sample_page(), program_output({"--generate", "man"})}) {
        const TextFile file("timescaledb-backfill.1", page);
        const auto outcome = run_command({"mandoc", "-T", "lint", "-W", "warning", file.path()});
        // The page has a version instead of a date, which would need maintenance.
        EXPECT_THAT(outcome.output, ContainsRegex("^mandoc: [^\n]*missing date[^\n]*\n$"));
    }
}

} // namespace
