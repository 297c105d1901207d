#pragma once

#include <string>
#include <vector>

namespace run {

/// The remedy if a regular expression matches none of the names: lists up to three that are
/// nearest by edit distance, nearest first. Empty if there are no names.
/// \param names in the form schema.name, not quoted.
std::string near_names(const std::string& expression, std::vector<std::string> names);

} // namespace run
