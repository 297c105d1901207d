#include "cli/help_text.hpp"
#include "support/sample_command_line.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>

namespace {

using test::commands_in_help;
using test::program_output;

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto program = "Does it\n"
                         "\n"
                         "Description:\n"
                         "One paragraph.\n"
                         "\n"
                         "Another:\n"
                         "  as it is\n"
                         "\n"
                         "Connection strings:\n"
                         "libpq's.\n"
                         "\n"
                         "Exit status:\n"
                         "  0    done\n"
                         "  130  interrupted\n"
                         "\n"
                         "Examples:\n"
                         "  does it\n";

TEST(HelpText, HasSummaryAndSections) {
    const auto help = cli::parse_help_text(program);
    EXPECT_EQ(help.summary, "Does it");
    EXPECT_EQ(help.description, "One paragraph.\n\nAnother:\n  as it is");
    EXPECT_EQ(help.connection_strings, "libpq's.");
    ASSERT_EQ(help.exit_statuses.size(), 2);
    EXPECT_EQ(help.exit_statuses[1].number, "130");
    EXPECT_EQ(help.exit_statuses[1].text, "interrupted");
    EXPECT_EQ(help.examples, "  does it");
}

TEST(HelpText, RefusesInvalidText) {
    EXPECT_THROW(cli::parse_help_text(""), std::logic_error);
    EXPECT_THROW(cli::parse_help_text("Does it\n\nAnything:\nmore\n"), std::logic_error);
    EXPECT_THROW(cli::parse_help_text("Does it\n\nExamples:\n"), std::logic_error);
    EXPECT_THROW(cli::parse_help_text("Does it\n\nExit status:\n  0\n"), std::logic_error);
}

TEST(HelpText, OfACommandIncludesTheSectionsForAllCommands) {
    const auto command = cli::parse_help_text(
        "One of them\n\nDescription:\nText.\n\nExit status:\n  0    all equal\n");
    EXPECT_EQ(cli::help_footer(command, cli::parse_help_text(program)),
              "Connection strings:\nlibpq's.\n\n"
              "Exit status:\n  0    all equal\n  130  interrupted");
}

TEST(HelpText, OfTheProgramListsEachCommandOnce) {
    const auto help = program_output({"--help"});
    const auto commands = commands_in_help();
    EXPECT_GE(commands.size(), 16) << "the program and its commands";
    for (const auto& command : commands) {
        if (command.name.empty())
            continue;
        const auto line = fmt::format("\n  {} ", command.name);
        const auto at = help.find(line);
        EXPECT_NE(at, std::string::npos) << command.name;
        EXPECT_EQ(help.find(line, at + 1), std::string::npos) << command.name;
    }
}

TEST(HelpText, FitsATerminal) {
    for (const auto& command : commands_in_help()) {
        const auto help = command.name.empty() ? program_output({"--help"})
                                               : program_output({command.name, "--help"});
        EXPECT_THAT(help, HasSubstr("\nExamples:\n  ")) << command.name;
        std::istringstream lines(help);
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(line.size(), 84) << command.name << ": " << line;
    }
}

} // namespace
