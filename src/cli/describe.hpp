#pragma once

#include <string>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): not our name
namespace CLI {
class App;
} // namespace CLI

namespace cli {

/// What the command line takes, read out of its definition, the CLI::App. Completions and the
/// manual page are written from this, so that nothing is said twice. What --help hides is left out.
struct Description {
    /// An option, a flag or a positional argument.
    struct Option {
        std::vector<std::string> names; ///< with dashes, as "-u" and "--until"; none if positional
        std::string text;
        std::string value;                ///< what its value is called, empty for a flag
        std::vector<std::string> choices; ///< all possible values, where there are some
        std::string preset;               ///< the value without it, if that is told
        std::string variable;             ///< of the environment, which stands in for it
        bool required = false;
        bool repeated = false;   ///< an argument that may stand there several times
        bool takes_file = false; ///< its type is FILE, or its name ends in -file

        bool is_flag() const { return value.empty(); }
    };

    struct Command {
        std::string name;
        std::string text;
        std::string footer;
        std::vector<Option> options;
        std::vector<Option> arguments; ///< the positional ones
    };

    Command program;
    std::vector<Command> commands;
    std::string version;
};

Description describe(const CLI::App& app, const std::string& version);

/// A text's first clause, for where there is a line only.
std::string brief(const std::string& text);
std::string brief(const Description::Option& option);

} // namespace cli
