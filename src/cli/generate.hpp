#pragma once

#include "cli/describe.hpp"

#include <string>

namespace cli {

/// Scripts that complete the command line in a shell, and the manual page in man(7) macros. Each is
/// a whole file.
std::string bash_completion(const Description& description);
std::string zsh_completion(const Description& description);
std::string fish_completion(const Description& description);
std::string manual_page(const Description& description);

/// Gives the program the hidden option --generate, which prints one of these and nothing else: the
/// build makes the files that are installed with it. What it describes is the definition as it is
/// when it is parsed.
void add_generator(CLI::App& app, const std::string& version);

} // namespace cli
