#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace output {

/// Formats a table with columns of minimal width. Control characters are made visible.
/// \param rows the titles first; each row has a cell for each column.
/// \param alignment 'l' or 'r' for each column. \param room columns of a line (Output::room()): if
/// there are fewer than needed, long texts in columns of alignment 'l' are shortened.
std::vector<std::string> table(std::vector<std::vector<std::string>> rows,
                               std::string_view alignment, int room);

} // namespace output
