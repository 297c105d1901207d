#pragma once

#include "copy/options.hpp"
#include "output/output.hpp"
#include "run/endpoints.hpp"

#include <set>
#include <string>
#include <utility>

namespace copy {

/// A chunk's name and queue::Task::part.
using ChunkPart = std::pair<postgres::QualifiedName, std::string>;

/// `copy --explain`: prints for each unfinished chunk how it would be loaded now, and why. Changes
/// and locks nothing.
void explain(run::Endpoints& ends, const load::LoadOptions& load, output::Output& output);

/// `stage --dry-run`: the same for some chunks, with a line for each hypertable and way.
/// \param chunks chunks of the source.
void explain_briefly(run::Endpoints& ends, const std::set<ChunkPart>& chunks,
                     output::Output& output);

} // namespace copy
