#pragma once

#include "support/random.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// A type of a column, and values in the format of its input function.
struct Kind {
    std::string type; ///< as SQL
    std::vector<std::string> values;
    /// Generates more values; may be empty.
    std::function<std::string(Random&)> make{};
    /// Short and ordered: suitable for keys, indexes, segmentby and orderby.
    bool ordered = false;
    /// Its hash depends only on the value: suitable for a space dimension. The hash of an enum
    /// depends on the OID.
    bool hashed = false;
    /// Equal values have equal texts. Otherwise TimescaleDB's dictionaries keep only one of several
    /// equal values, and a recompressed chunk looks different: 30 days instead of 720 hours.
    bool unambiguous = true;
    std::string_view delimiter = ","; ///< between elements of arrays

    std::string value(Random& random) const;
};

/// A built-in type.
struct BuiltInKind {
    std::string name; ///< from format_type()
    Kind kind;        ///< with a length if the type is of little use without one
};

/// All built-in types that have values of their own.
/// \param postgres_version server_version_num; some types need a newer server.
std::vector<BuiltInKind> built_in_kinds(int postgres_version);

/// The types of columns for which no value can be given, and the reason, keyed by name.
const std::map<std::string_view, std::string_view>& types_without_values();

/// Texts that a program may misinterpret.
const std::vector<std::string>& odd_texts();

/// Kinds composed of others.
Kind array_of(const Kind& element);
Kind composite_of(const std::string& type, const std::vector<Kind>& fields);
Kind domain_over(const std::string& type, const Kind& base);

/// An unusual identifier: white space, quotes, 63 bytes, ...
/// \param number makes the identifier unique.
std::string odd_identifier(Random& random, int number);

} // namespace test
