#pragma once

#include "cli/describe.hpp"

#include <string>
#include <vector>

namespace test {

/// A command line with every kind of option, and with every character that is special to a shell or
/// to man.
cli::Description sample_command_line();

/// What the program prints with these arguments, which must not run a command.
std::string program_output(const std::vector<std::string>& arguments);

/// A command and its options according to --help.
struct CommandInHelp {
    std::string name;                 ///< empty for the program itself
    std::vector<std::string> options; ///< all names, such as "-u" and "--until"
};

/// The program, and then its commands.
std::vector<CommandInHelp> commands_in_help();

} // namespace test
