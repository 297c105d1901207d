#pragma once

#include "base/exit_status.hpp"

namespace cli {

/// Reads the command line and runs the command that it names.
/// \returns the program's exit status; wrong usage is answered on standard error.
/// \throws Error as the command does.
ExitStatus run(int argc, const char* const* argv);

} // namespace cli
