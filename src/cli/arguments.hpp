#pragma once

#include <string>
#include <vector>

namespace cli {

/// Copies the program's arguments, and overwrites the connection strings in the originals, because
/// other users of the machine can read those (ps), and they may contain passwords.
std::vector<std::string> take_arguments(int argc, char** argv);

} // namespace cli
