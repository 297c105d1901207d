#pragma once

#include "cli/describe.hpp"

#include <map>
#include <string>

namespace cli {

/// Scripts that complete the command line in a shell, and the manual page in man(7) macros. Each is
/// a whole file.
std::string bash_completion(const Description& description);
std::string zsh_completion(const Description& description);
std::string fish_completion(const Description& description);
std::string manual_page(const Description& description);

/// Those by what they are called: bash, zsh, fish and man.
const std::map<std::string, std::string (*)(const Description&)>& generators();

} // namespace cli
