#pragma once

#include "postgres/quote.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace output {

/// A text, or the name of a table, which is shown as QualifiedName::shown().
using Cell = std::variant<std::string, postgres::QualifiedName>;
using Row = std::vector<Cell>;

/// Formats a table with columns of minimal width. Control characters are made visible.
/// \param rows the titles first; each row has a cell for each column.
/// \param alignment 'l' or 'r' for each column. \param room columns of a line (Output::room()): if
/// there are fewer than needed, names lose the schema `public`, or the schema of all names of the
/// column. Then long texts in columns of alignment 'l' are shortened, but still differ if they did.
std::vector<std::string> table(const std::vector<Row>& rows, std::string_view alignment, int room);

} // namespace output
