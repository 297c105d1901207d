#include "cli/generate.hpp"

#include <fmt/format.h>

namespace cli {

namespace {

/// Quotes a word for the shell.
std::string fish_word(const std::string& text) {
    std::string result = "'";
    for (const char c : text)
        result += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return result + "'";
}

std::string names_of(const OptionDescription& option) {
    std::string result;
    for (const auto& name : option.names)
        result += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    return result;
}

/// The flags of `complete` for an option's value or an argument.
std::string values_of(const OptionDescription& option) {
    if (!option.choices.empty())
        return " -x -a " + fish_word(fmt::format("{}", fmt::join(option.choices, " ")));
    if (option.takes_file)
        return " -r -F";
    return option.is_flag() ? "" : " -x";
}

/// \param condition a shell command; options are offered if it succeeds.
std::string lines_of(const CommandDescription& command, const std::string& condition) {
    const auto start = "complete -c timescaledb-backfill -n " + fish_word(condition);
    std::string result;
    for (const auto& option : command.options)
        result += fmt::format("{}{}{} -d {}\n", start, names_of(option), values_of(option),
                              fish_word(brief(option)));
    for (const auto& argument : command.arguments)
        if (!argument.choices.empty() || argument.takes_file)
            result += start + values_of(argument) + "\n";
    return result;
}

} // namespace

std::string fish_completion(const Description& description) {
    std::string result = "# fish completion of timescaledb-backfill, which prints it: "
                         "--generate fish\n\ncomplete -c timescaledb-backfill -f\n";
    result += lines_of(description.program, "__fish_use_subcommand");
    for (const auto& command : description.commands)
        result +=
            fmt::format("complete -c timescaledb-backfill -n __fish_use_subcommand -a {} -d {}\n",
                        command.name, fish_word(brief(command.help.summary)));
    for (const auto& command : description.commands)
        result += "\n" + lines_of(command, "__fish_seen_subcommand_from " + command.name);
    return result;
}

} // namespace cli
