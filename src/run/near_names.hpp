#pragma once

#include <string>
#include <vector>

namespace run {

/// What to add to a message when a regular expression matches none of the names: the three that are
/// nearest by edit distance, the nearest first; empty when there are no names.
/// \param names as schema.name, not quoted.
std::string near_names(const std::string& expression, std::vector<std::string> names);

} // namespace run
