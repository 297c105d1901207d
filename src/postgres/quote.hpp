#pragma once

#include <string>
#include <string_view>

namespace postgres {

/// An identifier as SQL, always in double quotes: `my "x"` becomes `"my ""x"""`.
/// \throws UsageError when it holds a NUL byte, which no identifier can.
std::string quote_identifier(std::string_view identifier);

/// A string constant as SQL that means the same whatever standard_conforming_strings is.
/// \throws UsageError when it holds a NUL byte.
std::string quote_literal(std::string_view value);

/// The name of a table, view or function: schema and name, unquoted.
struct QualifiedName {
    std::string schema;
    std::string name;

    /// `"schema"."name"`
    std::string quoted() const;

    auto operator<=>(const QualifiedName&) const = default;
};

} // namespace postgres
