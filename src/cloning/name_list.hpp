#pragma once

#include <string>
#include <vector>

namespace cloning {

/// The first names of a list, for messages: `a, b and 12 more`.
std::string first_of(std::vector<std::string> names);

} // namespace cloning
