#pragma once

#include "cli/help_text.hpp"

#include <map>
#include <string>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): not our name
namespace CLI {
class App;
} // namespace CLI

namespace cli {

/// An option, a flag or a positional argument.
struct OptionDescription {
    std::vector<std::string> names; ///< with dashes, as "-u" and "--until"; none if positional
    std::string text;
    std::string value;                ///< what its value is called; empty for a flag
    std::vector<std::string> choices; ///< all possible values, if they are known
    std::string preset;               ///< the default value, if it is shown
    std::string variable;             ///< the environment variable that can replace the option
    bool required = false;
    bool repeated = false;   ///< an argument that may be given several times
    bool takes_file = false; ///< its type is FILE, or its name ends in -file

    bool is_flag() const { return value.empty(); }
};

/// A command, or the program itself.
struct CommandDescription {
    std::string name;
    HelpText help;
    std::vector<OptionDescription> options;
    std::vector<OptionDescription> arguments; ///< the positional ones
};

/// The command line as CLI::App defines it, from which completions and the manual page are
/// generated. Options that --help does not show are left out.
struct Description {
    CommandDescription program;
    std::vector<CommandDescription> commands;
    std::string version;
};

/// \param help the help text of the program and of each command, by name.
/// \throws std::out_of_range if one is missing.
Description describe(const CLI::App& app, const std::map<std::string, HelpText>& help,
                     const std::string& version);

/// The first clause of a text, for places with room for one line.
std::string brief(const std::string& text);
std::string brief(const OptionDescription& option);

} // namespace cli
