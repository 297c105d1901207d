#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// An identifier as SQL, always in double quotes: `my "x"` becomes `"my ""x"""`.
/// \throws UsageError if it contains a NUL byte, which identifiers cannot contain.
std::string quote_identifier(std::string_view identifier);

/// Identifiers as SQL, separated by commas: `"a", "b"`. \throws as quote_identifier().
std::string quoted_list(const std::vector<std::string>& identifiers);

/// A string constant as SQL. It does not depend on standard_conforming_strings.
/// \throws UsageError if it contains a NUL byte.
std::string quote_literal(std::string_view value);

/// Converts texts to the value of an array parameter: {"a","b"}.
std::string array_literal(const std::vector<std::string>& values);

/// Truncates a name to the length of an identifier, 63 bytes. Does not split UTF-8 characters.
std::string clipped_identifier(std::string_view name);

/// Builds an object's name from two names like PostgreSQL and TimescaleDB: joins them with an
/// underscore, and truncates the longer one until the result fits into an identifier
/// (makeObjectName in src/backend/commands/indexcmds.c).
/// \param label appended with another underscore unless it is empty; never truncated.
std::string object_name(std::string_view first, std::string_view second,
                        std::string_view label = "");

/// The name of a table, view or function: schema and name, unquoted.
struct QualifiedName {
    std::string schema;
    std::string name;

    /// `"schema"."name"`
    std::string quoted() const;

    /// For people: `schema.name`, with quotes only around names that are not lower-case letters,
    /// digits and underscores.
    std::string shown() const;

    auto operator<=>(const QualifiedName&) const = default;
};

/// Qualified and quoted names as the value of a text[] parameter.
std::string array_literal(const std::vector<QualifiedName>& names);

/// Converts names to two parameters, schemas and names, for unnest($1::name[], $2::name[]).
std::vector<std::optional<std::string>> name_arrays(const std::vector<QualifiedName>& names);

/// The LOCK TABLE statement for tables.
/// \param mode such as "ACCESS SHARE".
/// \param with_children also locks the tables' children.
std::string lock_statement(const std::vector<QualifiedName>& tables, std::string_view mode,
                           bool with_children = false);

} // namespace postgres
