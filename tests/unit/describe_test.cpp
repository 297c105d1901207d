#include "cli/describe.hpp"
#include "support/sample_command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace {

using test::sample_command_line;
using testing::ElementsAre;
using testing::IsEmpty;

const cli::Description& described() {
    static const auto description = sample_command_line();
    return description;
}

const cli::OptionDescription& option(const std::string& name) {
    for (const auto& each : described().commands.front().options)
        if (std::ranges::find(each.names, name) != each.names.end())
            return each;
    throw std::runtime_error("no option " + name);
}

TEST(Describe, NamesTheProgramAndItsCommands) {
    EXPECT_EQ(described().program.name, "timescaledb-backfill");
    EXPECT_EQ(described().version, "1.2.3");
    ASSERT_EQ(described().commands.size(), 2) << "the hidden one is left out";
    EXPECT_EQ(described().commands[0].name, "one");
    EXPECT_EQ(described().commands[1].name, "two");
    EXPECT_EQ(described().commands[1].help.summary, "The second");
    EXPECT_EQ(described().commands[1].help.description, "More.");
}

TEST(Describe, OmitsHiddenOptions) {
    EXPECT_THROW(option("--secret"), std::runtime_error);
}

TEST(Describe, HasAllNamesOfAnOption) {
    EXPECT_THAT(option("--plain").names, ElementsAre("-p", "--plain"));
    EXPECT_THAT(option("--help").names, ElementsAre("-h", "--help"));
    EXPECT_THAT(described().program.options.back().names, ElementsAre("-V", "--version"));
}

TEST(Describe, HasTextValueAndEnvironmentVariable) {
    EXPECT_EQ(option("--plain").text, "it's [in] brackets: $HOME `id` \\ %d {}; and more");
    EXPECT_EQ(option("--plain").value, "TEXT");
    EXPECT_EQ(option("--plain").variable, "BACKFILL_PLAIN");
    EXPECT_TRUE(option("--plain").required);
    EXPECT_FALSE(option("--number").required);
}

TEST(Describe, RecognizesFlags) {
    EXPECT_TRUE(option("--flag").is_flag());
    EXPECT_TRUE(option("--help").is_flag());
    EXPECT_FALSE(option("--plain").is_flag());
}

TEST(Describe, HasDefaultValues) {
    EXPECT_EQ(option("--number").value, "INT");
    EXPECT_EQ(option("--number").preset, "42");
    EXPECT_EQ(option("--duration").value, "DURATION");
    EXPECT_EQ(option("--duration").preset, "90s");
    EXPECT_EQ(option("--plain").preset, "");
}

TEST(Describe, HasChoices) {
    EXPECT_THAT(option("--choice").choices, ElementsAre("auto", "in-place"));
    EXPECT_EQ(option("--choice").value, "auto|in-place");
    EXPECT_THAT(option("--member").choices, ElementsAre("first", "second"));
    EXPECT_THAT(option("--plain").choices, IsEmpty());
    EXPECT_THAT(option("--number").choices, IsEmpty()) << "a range is not a choice";
}

TEST(Describe, RecognizesFiles) {
    EXPECT_TRUE(option("--log-file").takes_file);
    EXPECT_TRUE(option("--html").takes_file);
    EXPECT_FALSE(option("--plain").takes_file);
    EXPECT_FALSE(option("--flag").takes_file);
}

TEST(Describe, SeparatesPositionalArguments) {
    const auto& two = described().commands.at(1);
    ASSERT_EQ(two.arguments.size(), 1);
    EXPECT_THAT(two.arguments.front().names, IsEmpty());
    EXPECT_THAT(two.arguments.front().choices, ElementsAre("up", "down"));
    EXPECT_TRUE(two.arguments.front().required);
    EXPECT_EQ(two.options.size(), 1) << "--help";
}

TEST(Brief, IsTheFirstClause) {
    EXPECT_EQ(cli::brief("one: two; three"), "one");
    EXPECT_EQ(cli::brief("one; two"), "one");
    EXPECT_EQ(cli::brief("one [two]"), "one");
    EXPECT_EQ(cli::brief("all 1.5 of a:b"), "all 1.5 of a:b");
}

TEST(Brief, IsTheWholeTextIfItBeginsWithAChoice) {
    EXPECT_EQ(cli::brief(option("--choice")), "auto: this; in-place: that [auto]");
    EXPECT_EQ(cli::brief(option("--plain")), "it's [in] brackets");
}

} // namespace
