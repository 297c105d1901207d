#pragma once

#include <string>
#include <vector>

namespace cli {

/// Copies the program's arguments, and blots out the values of --source and --target in the
/// originals: other users of the machine can read those (ps), and there may be a password in them.
std::vector<std::string> take_arguments(int argc, char** argv);

} // namespace cli
