#pragma once

#include "cli/describe.hpp"

#include <map>
#include <string>

namespace cli {

/// The contents of the files that complete the command line in a shell, and of the manual page, in
/// man(7) macros.
std::string bash_completion(const Description& description);
std::string zsh_completion(const Description& description);
std::string fish_completion(const Description& description);
std::string manual_page(const Description& description);

/// The functions above by the names bash, zsh, fish and man.
const std::map<std::string, std::string (*)(const Description&)>& generators();

} // namespace cli
