#include "support/sample_command_line.hpp"

#include "commands/commands.hpp"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <sstream>

namespace test {

namespace {

CommandInHelp command_in(const std::string& name, const std::string& help) {
    CommandInHelp result{name, {}};
    static const std::regex line("\n  (-[^ \n]+)");
    static const std::regex option("[^,]+");
    for (std::sregex_iterator it(help.begin(), help.end(), line), end; it != end; ++it) {
        const auto names = (*it)[1].str();
        for (std::sregex_iterator each(names.begin(), names.end(), option); each != end; ++each)
            result.options.push_back(each->str());
    }
    return result;
}

} // namespace

cli::Description sample_command_line() {
    const std::map<std::string, cli::HelpText> help{
        {"timescaledb-backfill",
         cli::parse_help_text("Does what it does (well), \\ and more\n\n"
                              "Description:\nWhat it is.\n\nWhat it is not.\n\n"
                              "Connection strings:\nWhat all say.\n\n"
                              "Exit status:\n  0    done\n  7    worse (for a reason)\n"
                              "  130  interrupted\n\n"
                              "Examples:\n  timescaledb-backfill one --plain 'a b'\n")},
        {"one", cli::parse_help_text("The target's \"first\": $HOME `id` [x] %s \\n\n\n"
                                     "Description:\n.dots and 'quotes'\n\n"
                                     "Exit status:\n  7    worse than ever\n\n"
                                     "Examples:\n  timescaledb-backfill one\n")},
        {"two", cli::parse_help_text("The second\n\nDescription:\nMore.\n")}};
    CLI::App app("", "timescaledb-backfill");
    app.set_version_flag("-V,--version", "1.2.3");
    std::string text;
    int number = 42;
    bool flag = false;
    auto* one = app.add_subcommand("one");
    one->add_option("-p,--plain", text, "it's [in] brackets: $HOME `id` \\ %d {}; and more")
        ->envname("BACKFILL_PLAIN")
        ->required();
    one->add_option("--number", number, "a number")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    const std::map<std::string, int> words{{"auto", 1}, {"in-place", 2}};
    one->add_option("-c,--choice", number, "auto: this; in-place: that [auto]")
        ->transform(CLI::CheckedTransformer(words).description("auto|in-place"));
    one->add_option("--member", text, "one of a set")->check(CLI::IsMember({"first", "second"}));
    one->add_option("--duration", text, "how long")->option_text("DURATION=90s");
    one->add_option("--log-file", text, "where to");
    one->add_option("--html", text, "where else")->option_text("FILE");
    one->add_flag("-f,--flag", flag, "on or off");
    one->add_option("--secret", text, "not for everyone")->group("");
    auto* two = app.add_subcommand("two");
    two->add_option("WHAT", text, "what to do")->required()->check(CLI::IsMember({"up", "down"}));
    app.add_subcommand("hidden", "Not for everyone")->group("");
    return cli::describe(app, help, "1.2.3");
}

std::string program_output(const std::vector<std::string>& arguments) {
    std::vector<const char*> pointers{"timescaledb-backfill"};
    for (const auto& argument : arguments)
        pointers.push_back(argument.c_str());
    testing::internal::CaptureStdout();
    const auto invocation = commands::parse(static_cast<int>(pointers.size()), pointers.data());
    auto output = testing::internal::GetCapturedStdout();
    EXPECT_FALSE(invocation) << "would run a command";
    return output;
}

std::vector<CommandInHelp> commands_in_help() {
    const auto help = program_output({"--help"});
    std::vector<CommandInHelp> result{command_in("", help)};
    std::istringstream lines(help.substr(help.find("\nCommands:\n") + 1));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line) && line.starts_with("  ")) {
        if (line.starts_with("   ")) // the rest of a summary
            continue;
        const auto name = line.substr(2, line.find(' ', 2) - 2);
        result.push_back(command_in(name, program_output({name, "--help"})));
    }
    return result;
}

} // namespace test
