// Tests the completions in bash, zsh and fish themselves, if installed.
#include "cli/generate.hpp"
#include "support/sample_command_line.hpp"
#include "support/shell.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace {

using test::program_output;
using test::run_command;
using test::sample_command_line;
using test::TextFile;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;

using Words = std::vector<std::string>;

Words lines_of(const std::string& text) {
    Words result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        result.push_back(line);
    return result;
}

/// Skipped if the shell is not installed.
class InShell : public testing::Test {
  protected:
    explicit InShell(std::string shell) : shell_(std::move(shell)) {}

    void SetUp() override {
        if (!test::has_program(shell_))
            GTEST_SKIP() << "not installed: " << shell_;
    }

  private:
    std::string shell_;
};

struct BashCompletion : InShell {
    BashCompletion() : InShell("bash") {}
};

struct ZshCompletion : InShell {
    ZshCompletion() : InShell("zsh") {}
};

struct FishCompletion : InShell {
    FishCompletion() : InShell("fish") {}
};

// ---------------------------------------------------------------- bash

/// The completions that bash offers for the last of the words of a line.
Words bash(const std::string& script, Words words) {
    const TextFile file("timescaledb-backfill", script);
    // Calls the registered function, like readline.
    constexpr auto readline = R"(
        cd "${0%/*}" && source "$0" || exit
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        read -ra registered < <(complete -p timescaledb-backfill)
        "${registered[2]}" "$1" "${*: -1}" "${*: -2:1}"
        ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}")";
    Words command{"bash", "--norc", "-c", readline, file.path(), "timescaledb-backfill"};
    command.insert(command.end(), words.begin(), words.end());
    const auto outcome = run_command(command);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return lines_of(outcome.output);
}

Words bash(Words words) {
    static const auto script = program_output({"--generate", "bash"});
    return bash(script, std::move(words));
}

Words sample_bash(Words words) {
    return bash(cli::bash_completion(sample_command_line()), std::move(words));
}

TEST_F(BashCompletion, CompletesCommands) {
    EXPECT_THAT(bash({""}), IsSupersetOf({"stage", "copy", "verify", "refresh-caggs", "clean"}));
    EXPECT_THAT(bash({"refr"}), ElementsAre("refresh-caggs"));
    EXPECT_THAT(bash({"nothing"}), IsEmpty());
}

TEST_F(BashCompletion, CompletesOptions) {
    EXPECT_THAT(bash({"--ver"}), ElementsAre("--version"));
    EXPECT_THAT(bash({"stage", "--unt"}), ElementsAre("--until"));
    EXPECT_THAT(bash({"stage", "--until", "2025-01-01", "--casc"}),
                UnorderedElementsAre("--cascade-up", "--cascade-down"));
    EXPECT_THAT(bash({"copy", ""}), IsSupersetOf({"--parallelism", "-p", "--load-strategy"}));
    EXPECT_THAT(bash({"clean", "--unt"}), IsEmpty()) << "an option of another command";
}

TEST_F(BashCompletion, CompletesChoices) {
    EXPECT_THAT(bash({"copy", "--load-strategy", ""}),
                UnorderedElementsAre("auto", "attach", "in-place"));
    EXPECT_THAT(bash({"copy", "--load-strategy", "in"}), ElementsAre("in-place"));
    EXPECT_THAT(bash({"copy", "--load-strategy", "=", "att"}), ElementsAre("attach"));
    EXPECT_THAT(bash({"copy", "--load-strategy", "="}),
                UnorderedElementsAre("auto", "attach", "in-place"));
    EXPECT_THAT(bash({"verify", "--mode", "agg"}), ElementsAre("aggregate"));
    EXPECT_THAT(sample_bash({"one", "-c", "in"}), ElementsAre("in-place"));
    EXPECT_THAT(sample_bash({"two", "d"}), ElementsAre("down"));
}

TEST_F(BashCompletion, OffersNothingForFreeValues) {
    EXPECT_THAT(bash({"copy", "--source", ""}), IsEmpty());
    EXPECT_THAT(bash({"stage", "-u", ""}), IsEmpty());
    EXPECT_THAT(bash({"stage", "--until", "=", ""}), IsEmpty());
}

TEST_F(BashCompletion, CompletesFiles) {
    EXPECT_THAT(sample_bash({"one", "--log-file", "timescaledb-b"}),
                ElementsAre("timescaledb-backfill"));
    EXPECT_THAT(sample_bash({"one", "--html", "="}), ElementsAre("timescaledb-backfill"));
    EXPECT_THAT(sample_bash({"one", "--plain", ""}), IsEmpty());
}

TEST_F(BashCompletion, IgnoresWordsBeforeAndAfter) {
    EXPECT_THAT(bash({"stage", "--filter", "copy", "--unt"}), ElementsAre("--until"));
}

// ---------------------------------------------------------------- zsh

/// The line in zsh, in a terminal, after the Tab key is pressed at its end.
std::string zsh(const std::string& script, const std::string& line) {
    const TextFile file("_timescaledb-backfill", script);
    constexpr auto terminal = R"(
        zmodload zsh/zpty || exit
        zpty shell 'env TERM=dumb zsh -f -i'
        zpty -w shell "PS1= fpath=(${(q)1} \$fpath) && autoload -U compinit && compinit -u -D &&
            print REA''DY"
        zpty -r shell output $'*READY\r\n*'
        zpty -w -n shell "$2"$'\t\x01print -r -- RE\'\'SULT \n'
        zpty -r shell output $'*RESULT*\n'
        zpty -d shell
        print -rn -- "${${output##*RESULT }%%$'\r'*}")";
    const auto outcome = run_command({"zsh", "-f", "-c", terminal, "zsh", file.folder(), line});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return outcome.output.substr(0, outcome.output.find_last_not_of(' ') + 1);
}

std::string zsh(const std::string& line) {
    static const auto script = program_output({"--generate", "zsh"});
    return zsh(script, "timescaledb-backfill " + line);
}

std::string sample_zsh(const std::string& line) {
    return zsh(cli::zsh_completion(sample_command_line()), "timescaledb-backfill " + line);
}

TEST_F(ZshCompletion, HasValidSyntax) {
    for (const auto& script :
         {cli::zsh_completion(sample_command_line()), program_output({"--generate", "zsh"})}) {
        const TextFile file("_timescaledb-backfill", script);
        const auto outcome = run_command({"zsh", "-n", file.path()});
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    }
}

TEST_F(ZshCompletion, CompletesCommands) {
    EXPECT_EQ(zsh("refr"), "timescaledb-backfill refresh-caggs");
}

TEST_F(ZshCompletion, CompletesOptions) {
    EXPECT_EQ(zsh("stage --unt"), "timescaledb-backfill stage --until");
    EXPECT_EQ(sample_zsh("one -p x --num"), "timescaledb-backfill one -p x --number");
}

TEST_F(ZshCompletion, CompletesChoices) {
    EXPECT_EQ(zsh("copy --load-strategy att"), "timescaledb-backfill copy --load-strategy attach");
    EXPECT_EQ(zsh("copy --load-strategy=att"), "timescaledb-backfill copy --load-strategy=attach");
    EXPECT_EQ(sample_zsh("one -c in"), "timescaledb-backfill one -c in-place");
    EXPECT_EQ(sample_zsh("two d"), "timescaledb-backfill two down");
}

// ---------------------------------------------------------------- fish

/// The completions that fish offers for a line, each followed by a tab and its description.
Words fish(const std::string& script, const std::string& line) {
    const TextFile file("timescaledb-backfill.fish", script);
    const auto outcome =
        run_command({"env", "HOME=" + file.folder(), "XDG_CONFIG_HOME=" + file.folder(),
                     "XDG_DATA_HOME=" + file.folder(), "fish", "-c",
                     "source $argv[1] && cd (dirname $argv[1]) && complete -C $argv[2]",
                     file.path(), "timescaledb-backfill " + line});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return lines_of(outcome.output);
}

Words fish(const std::string& line) {
    static const auto script = program_output({"--generate", "fish"});
    return fish(script, line);
}

Words sample_fish(const std::string& line) {
    return fish(cli::fish_completion(sample_command_line()), line);
}

TEST_F(FishCompletion, HasValidSyntax) {
    for (const auto& script :
         {cli::fish_completion(sample_command_line()), program_output({"--generate", "fish"})}) {
        const TextFile file("timescaledb-backfill.fish", script);
        const auto outcome = run_command({"fish", "-n", file.path()});
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    }
}

TEST_F(FishCompletion, CompletesCommands) {
    EXPECT_THAT(fish("cop"), ElementsAre("copy\tCopy the staged chunks"));
    EXPECT_THAT(sample_fish("on"), ElementsAre("one\tThe target's \"first\""));
}

TEST_F(FishCompletion, CompletesOptions) {
    EXPECT_THAT(fish("stage --unt"), ElementsAre("--until\tcompletion point"));
    EXPECT_THAT(fish("clean --unt"), IsEmpty());
    EXPECT_THAT(sample_fish("one --pla"), ElementsAre("--plain\tit's [in] brackets"));
}

TEST_F(FishCompletion, CompletesChoices) {
    EXPECT_THAT(fish("copy --load-strategy "),
                ElementsAre(HasSubstr("attach\t"), HasSubstr("auto\t"), HasSubstr("in-place\t")));
    EXPECT_THAT(sample_fish("two d"), ElementsAre("down"));
}

TEST_F(FishCompletion, CompletesFiles) {
    EXPECT_THAT(sample_fish("one --log-file timesc"), ElementsAre("timescaledb-backfill.fish"));
    EXPECT_THAT(sample_fish("one --plain timesc"), IsEmpty());
}

} // namespace
