#pragma once

#include "commands/commands.hpp"
#include "commands/endpoints.hpp"

#include <set>

namespace commands {

/// `copy --explain`: prints for each chunk that is to be copied how it would be loaded now, and
/// why. Changes and locks nothing.
void explain(Endpoints& ends, load::Strategy strategy, report::Output& output);

/// `stage --dry-run`: the same for some of them, with a line for each hypertable and way.
/// \param chunks their names in the source.
void explain_briefly(Endpoints& ends, const std::set<postgres::QualifiedName>& chunks,
                     report::Output& output);

} // namespace commands
