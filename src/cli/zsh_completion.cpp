#include "cli/generate.hpp"

#include <fmt/format.h>

namespace cli {

namespace {

/// A text with a backslash before each of some characters.
std::string escaped(const std::string& text, const std::string& characters) {
    std::string result;
    for (const char c : text)
        result +=
            characters.find(c) == std::string::npos ? std::string(1, c) : std::string{'\\', c};
    return result;
}

/// Quotes a word for the shell.
std::string zsh_word(const std::string& text) {
    std::string result = "'";
    for (const char c : text)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

/// How to complete a value, in the syntax of _arguments: a message and an action.
std::string value_of(const OptionDescription& option) {
    const auto message = escaped(option.choices.empty() ? option.value : "value", ":\\");
    if (!option.choices.empty())
        return fmt::format(":{}:({})", message, fmt::join(option.choices, " "));
    return fmt::format(":{}:{}", message, option.takes_file ? "_files" : " ");
}

/// One line for each name; giving one excludes the others.
std::string specification(const OptionDescription& option, const std::string& name) {
    // --help excludes all other options.
    auto excluded = name == "-h" || name == "--help"
                        ? std::string("- *")
                        : fmt::format("{}", fmt::join(option.names, " "));
    auto result = fmt::format("({}){}", excluded, name);
    if (!option.is_flag())
        result += name.starts_with("--") ? "=" : "+";
    result += fmt::format("[{}]", escaped(brief(option), "[]\\"));
    if (!option.is_flag())
        result += value_of(option);
    return zsh_word(result);
}

std::string arguments_of(const CommandDescription& command, const std::string& indentation) {
    std::string result;
    const auto add = [&](const std::string& text) {
        result += fmt::format(" \\\n{}    {}", indentation, text);
    };
    for (const auto& option : command.options)
        for (const auto& name : option.names)
            add(specification(option, name));
    for (std::size_t i = 0; i < command.arguments.size(); ++i)
        add(zsh_word((command.arguments[i].repeated ? "*" : std::to_string(i + 1)) +
                     value_of(command.arguments[i])));
    return result;
}

constexpr auto zsh_frame = R"(#compdef timescaledb-backfill
# zsh completion of timescaledb-backfill, which prints it: --generate zsh

local curcontext=$curcontext context state state_descr line ret=1
local -a commands
typeset -A opt_args

_arguments -C -s{options} \
    '1: :->command' \
    '*:: :->arguments' && ret=0

case $state in
command)
    commands=({commands}
    )
    _describe -t commands command commands && ret=0
    ;;
arguments)
    curcontext=${{curcontext%:*:*}}:timescaledb-backfill-$words[1]:
    case $words[1] in
{branches}    esac
    ;;
esac

return ret
)";

} // namespace

std::string zsh_completion(const Description& description) {
    std::string commands;
    std::string branches;
    for (const auto& command : description.commands) {
        commands += "\n        " + zsh_word(escaped(command.name, ":\\") + ":" +
                                            escaped(brief(command.help.summary), "\\"));
        branches += fmt::format("    {})\n        _arguments -s{} && ret=0\n        ;;\n",
                                command.name, arguments_of(command, "        "));
    }
    return fmt::format(zsh_frame, fmt::arg("options", arguments_of(description.program, "")),
                       fmt::arg("commands", commands), fmt::arg("branches", branches));
}

} // namespace cli
