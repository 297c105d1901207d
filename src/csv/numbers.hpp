#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace csv {

/// How files write numbers.
enum class Decimal {
    point,
    comma,         ///< 1234,56 or 1.234,56; a number such as 1.234 is ambiguous
    grouped_comma, ///< likewise, and 1.234 is 1234
};

/// Appends a number with a decimal point and without points between groups of digits. Text without
/// commas and points stays as it is, so that the server decides about it.
/// \param value without blanks around it. \param is_integer a number such as 1.234 is 1234.
/// \returns the problem, if the value is not such a number or is ambiguous. Nothing is appended
/// then.
std::optional<std::string> append_number(std::string_view value, Decimal decimal, bool is_integer,
                                         std::string& to);

} // namespace csv
