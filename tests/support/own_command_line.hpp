#pragma once

#include "cli/describe.hpp"

#include <string>
#include <vector>

namespace test {

/// A command line with every kind of option, and with every character that is special to a shell or
/// to man.
cli::Description own_command_line();

/// What the program prints with these arguments, which must not run a command.
std::string program_output(const std::vector<std::string>& arguments);

/// The program's commands and their options according to --help.
struct HelpedCommand {
    std::string name;                 ///< empty for the program itself
    std::vector<std::string> options; ///< all names, such as "-u" and "--until"
};
std::vector<HelpedCommand> commands_in_help();

} // namespace test
