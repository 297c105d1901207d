#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace output {

/// Lines with columns as wide as they have to be.
/// \param rows of as many cells each; the titles first.
/// \param alignment 'l' or 'r' for each column.
std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows,
                               std::string_view alignment);

} // namespace output
