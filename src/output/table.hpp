#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace output {

/// Formats a table with columns of minimal width.
/// \param rows the titles first; each row has a cell for each column.
/// \param alignment 'l' or 'r' for each column.
std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows,
                               std::string_view alignment);

} // namespace output
