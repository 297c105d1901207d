#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// An identifier as SQL, always in double quotes: `my "x"` becomes `"my ""x"""`.
/// \throws UsageError when it holds a NUL byte, which no identifier can.
std::string quote_identifier(std::string_view identifier);

/// A string constant as SQL that means the same whatever standard_conforming_strings is.
/// \throws UsageError when it holds a NUL byte.
std::string quote_literal(std::string_view value);

/// Texts as the value of a parameter of an array type: {"a","b"}.
std::string array_literal(const std::vector<std::string>& values);

/// As much of a name as fits into an identifier: 63 bytes.
std::string clipped_identifier(std::string_view name);

/// The name that PostgreSQL, and so TimescaleDB, makes of two: joined by an underscore, and the
/// longer one shortened until it fits into an identifier (makeObjectName in
/// src/backend/commands/indexcmds.c).
/// \param label appended in the same way, when it is not empty, and never shortened.
std::string object_name(std::string_view first, std::string_view second,
                        std::string_view label = "");

/// The name of a table, view or function: schema and name, unquoted.
struct QualifiedName {
    std::string schema;
    std::string name;

    /// `"schema"."name"`
    std::string quoted() const;

    auto operator<=>(const QualifiedName&) const = default;
};

/// Qualified and quoted names as the value of a text[] parameter.
std::string array_literal(const std::vector<QualifiedName>& names);

/// Names as two parameters, for unnest($1::name[], $2::name[]): schemas, and names in them.
std::vector<std::optional<std::string>> name_arrays(const std::vector<QualifiedName>& names);

/// LOCK TABLE for tables, without their children unless told otherwise.
/// \param mode such as "ACCESS SHARE".
std::string lock_statement(const std::vector<QualifiedName>& tables, std::string_view mode,
                           bool with_children = false);

} // namespace postgres
