#pragma once

#include "importing/table.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace importing {

/// A value of a file.
struct FileValue {
    std::int64_t line = 0; ///< on which its record begins
    std::string text;      ///< without blanks around it
    std::string raw;       ///< with them
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
/// \param may_have_commas the file is of a kind in which decimal commas are usual.
/// \param time_zone that of times without one, if none is given.
void guess_values(std::vector<ColumnValues> columns, bool may_have_commas,
                  const std::string& time_zone, const Propose& propose);

/// True if a text is a number with a decimal point or comma.
bool is_number(std::string_view text);

/// True if a text is a time or a date, or a number that may be one. \param text without blanks
/// around it.
bool may_be_time(std::string_view text);

/// True if a text is a date without a time of day. \param text likewise.
bool is_day(std::string_view text);

/// True if a text is a time of day, such as 12:30. \param text likewise.
bool is_time_of_day(std::string_view text);

/// `line 7 has "1.5"`
std::string seen(const FileValue& value);

} // namespace importing
