#include "cli/generate.hpp"

#include <fmt/format.h>

namespace cli {

namespace {

/// The options that satisfy a predicate, as the patterns of a case: "command option". The command
/// is empty for the program's own options.
template <typename Predicate>
std::string patterns(const Description& description, Predicate needs) {
    std::string result;
    const auto add = [&](const CommandDescription& command, const std::string& name) {
        for (const auto& option : command.options)
            for (const auto& option_name : option.names)
                if (needs(option))
                    result += fmt::format("{}'{} {}'", result.empty() ? "" : " | \\\n        ",
                                          name, option_name);
    };
    add(description.program, "");
    for (const auto& command : description.commands)
        add(command, command.name);
    return result;
}

std::string words_of(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

std::string option_names(const CommandDescription& command) {
    std::vector<std::string> names;
    for (const auto& option : command.options)
        names.insert(names.end(), option.names.begin(), option.names.end());
    return words_of(names);
}

std::string command_names(const Description& description, const std::string& separator) {
    std::vector<std::string> names;
    for (const auto& command : description.commands)
        names.push_back(command.name);
    return fmt::format("{}", fmt::join(names, separator));
}

/// The branches for options that take one of several words.
std::string choices(const Description& description) {
    std::string result;
    for (const auto& command : description.commands)
        for (const auto& option : command.options)
            for (const auto& name : option.names)
                if (!option.choices.empty())
                    result += fmt::format("    '{} {}') words='{}' ;;\n", command.name, name,
                                          words_of(option.choices));
    return result;
}

/// Completes a command's positional arguments.
std::string arguments_of(const CommandDescription& command) {
    std::string result;
    for (const auto& argument : command.arguments) {
        if (!argument.choices.empty())
            result += fmt::format(" words+=' {}'", words_of(argument.choices));
        if (argument.takes_file)
            result += " files=yes";
    }
    return result;
}

constexpr auto bash_frame =
    R"(# bash completion of timescaledb-backfill, which prints it: --generate bash

_timescaledb_backfill() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local command='' word words='' files=''
    # --option=value comes as three words.
    if [[ $current == = ]]; then
        current=''
    elif [[ $previous == = ]] && ((COMP_CWORD > 1)); then
        previous=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
        case $word in
        {commands}) command=$word && break ;;
        esac
    done
    COMPREPLY=()
    case "$command $previous" in
{choices}{files}{values}    *)
        case $command in
        '')
            words='{names}'
            [[ $current != -* ]] || words='{options}'
            ;;
{branches}        esac
        ;;
    esac
    if [[ $files && $current != -* ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
    mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -W "$words" -- "$current")
}}

complete -F _timescaledb_backfill timescaledb-backfill
)";

std::string branch(const std::string& of, const std::string& what) {
    return of.empty() ? "" : fmt::format("    {}) {} ;;\n", of, what);
}

} // namespace

std::string bash_completion(const Description& description) {
    const auto files = [](const OptionDescription& option) {
        return option.takes_file;
    };
    const auto values = [](const OptionDescription& option) {
        return !option.is_flag() && option.choices.empty() && !option.takes_file;
    };
    std::string branches;
    for (const auto& command : description.commands)
        branches += fmt::format("        {}) words='{}'{} ;;\n", command.name,
                                option_names(command), arguments_of(command));
    return fmt::format(bash_frame, fmt::arg("commands", command_names(description, " | ")),
                       fmt::arg("choices", choices(description)),
                       fmt::arg("files", branch(patterns(description, files), "files=yes")),
                       fmt::arg("values", branch(patterns(description, values), "return")),
                       fmt::arg("names", command_names(description, " ")),
                       fmt::arg("options", option_names(description.program)),
                       fmt::arg("branches", branches));
}

} // namespace cli
