#pragma once

#include "importing/table.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace importing {

/// A value of a file.
struct FileValue {
    std::int64_t line = 0; ///< on which its record begins
    std::string text;      ///< without blanks around it
    bool is_quoted = false;
};

/// The values of a file that go into a column.
struct ColumnValues {
    const TableColumn* column = nullptr;
    std::vector<FileValue> values;
};

/// Takes an option, its value and the reason; a reason alone if the option is empty.
using Propose = std::function<void(const std::string& option, const std::string& value,
                                   const std::string& reason)>;

/// Guesses what texts mean NULL, and how numbers and times are written.
/// \param time_zone that of times without one, if none is given.
void guess_values(std::vector<ColumnValues> columns, const std::string& time_zone,
                  const Propose& propose);

} // namespace importing
