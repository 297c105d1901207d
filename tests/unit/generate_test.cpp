// Tests that generated texts contain everything that --help shows.
#include "commands/commands.hpp"
#include "postgres/error.hpp"
#include "support/sample_command_line.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace {

using test::CommandInHelp;
using test::commands_in_help;
using test::program_output;
using testing::HasSubstr;
using testing::Not;

std::string generated(const std::string& form) {
    return program_output({"--generate", form});
}

/// The text between two marks, or after the first one if the other does not follow.
std::string between(const std::string& text, const std::string& first, const std::string& last) {
    const auto begin = text.find(first);
    if (begin == std::string::npos)
        return {};
    return text.substr(begin, text.find(last, begin + first.size()) - begin);
}

/// The commands; checks that they include all known ones.
std::vector<CommandInHelp> known_commands() {
    auto commands = commands_in_help();
    EXPECT_GE(commands.size(), 6);
    EXPECT_EQ(commands.at(4).name, "stage");
    EXPECT_THAT(commands.at(4).options, testing::IsSupersetOf({"-u", "--until", "--source"}));
    return commands;
}

TEST(Generate, BashHasEveryCommandAndOption) {
    const auto text = generated("bash");
    for (const auto& command : known_commands()) {
        auto words = command.name.empty()
                         ? between(text, "[[ $current != -* ]] || words='", "\n")
                         : between(text, "        " + command.name + ") words='", ";;");
        std::ranges::replace(words, '\'', ' ');
        for (const auto& option : command.options)
            EXPECT_THAT(words, HasSubstr(" " + option + " ")) << command.name;
        EXPECT_THAT("clone-schema " + between(text, "words='clone-schema ", "'\n") + " ",
                    HasSubstr(command.name + " "));
    }
}

TEST(Generate, ZshHasEveryCommandAndOption) {
    const auto text = generated("zsh");
    for (const auto& command : known_commands()) {
        const auto lines = command.name.empty()
                               ? between(text, "_arguments -C", "ret=0")
                               : between(text, "    " + command.name + ")\n", ";;");
        for (const auto& option : command.options)
            EXPECT_THAT(lines, testing::ContainsRegex("[)]" + option + "[=+]?\\[")) << command.name;
        if (!command.name.empty()) {
            EXPECT_THAT(text, HasSubstr("\n        '" + command.name + ":"));
        }
    }
}

TEST(Generate, FishHasEveryCommandAndOption) {
    const auto text = generated("fish");
    for (const auto& command : known_commands()) {
        const auto condition = command.name.empty()
                                   ? std::string("'__fish_use_subcommand'")
                                   : "'__fish_seen_subcommand_from " + command.name + "'";
        for (const auto& option : command.options) {
            const auto name =
                option.starts_with("--") ? " -l " + option.substr(2) : " -s " + option.substr(1);
            EXPECT_THAT(text, testing::ContainsRegex(fmt::format("{}[^\n]*{} ", condition, name)));
        }
        if (!command.name.empty()) {
            EXPECT_THAT(text, HasSubstr("-n __fish_use_subcommand -a " + command.name + " "));
        }
    }
}

TEST(Generate, ManHasEveryCommandAndOption) {
    const auto text = generated("man");
    const auto escaped = [](std::string word) {
        for (auto at = word.find('-'); at != std::string::npos; at = word.find('-', at + 2))
            word.insert(at, 1, '\\');
        return word;
    };
    for (const auto& command : known_commands()) {
        const auto lines = command.name.empty()
                               ? between(text, ".SH OPTIONS\n", ".SH")
                               : between(text, ".SS " + escaped(command.name) + "\n", "\n.S");
        for (const auto& option : command.options)
            EXPECT_THAT(lines, HasSubstr("\\fB" + escaped(option) + "\\fR")) << command.name;
    }
}

TEST(Generate, IsHiddenFromHelp) {
    EXPECT_THAT(program_output({"--help"}), Not(HasSubstr("generate")));
    for (const auto* form : {"bash", "zsh", "fish", "man"})
        EXPECT_THAT(generated(form), Not(HasSubstr("-l generate"))) << form;
}

TEST(Generate, RefusesOtherWords) {
    const std::array arguments{"timescaledb-backfill", "--generate", "word"};
    EXPECT_THROW(commands::parse(arguments.size(), arguments.data()), UsageError);
}

} // namespace
