#pragma once

#include "commands/commands.hpp"
#include "commands/endpoints.hpp"

namespace commands {

/// `copy --explain`: prints for each chunk that is to be copied how it would be loaded now, and
/// why. Changes and locks nothing.
void explain(Endpoint& source, Endpoint& target, load::Strategy strategy);

} // namespace commands
