#pragma once

#include "support/random.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// A type that a column may have, and values of it, each as its input function takes it.
struct Kind {
    std::string type; ///< as SQL
    std::vector<std::string> values;
    /// Makes further ones; may be empty.
    std::function<std::string(Random&)> make{};
    /// Short and ordered: fit for keys and indexes, and to segment and order compressed rows by.
    bool ordered = false;
    /// Its hash depends on the value alone: fit for a space dimension. That of an enum is one of
    /// its OID.
    bool hashed = false;
    /// Values that are equal look alike. Where not, TimescaleDB's dictionaries keep one of several
    /// equal ones, and a chunk that is compressed anew looks different: 30 days for 720 hours.
    bool unambiguous = true;
    std::string_view delimiter = ","; ///< between the elements of arrays

    std::string value(Random& random) const;
};

/// A built-in type.
struct BuiltInKind {
    std::string name; ///< as format_type() writes it
    Kind kind;        ///< with a length, where the bare type says little
};

/// Every built-in type that has values of its own.
/// \param postgres_version server_version_num, for what is younger than some servers.
std::vector<BuiltInKind> built_in_kinds(int postgres_version);

/// Those that a column can have, but of which no value can be given, by name; with the reason.
const std::map<std::string_view, std::string_view>& types_without_values();

/// Texts that something on the way may take for something else.
const std::vector<std::string>& odd_texts();

/// Kinds made of others.
Kind array_of(const Kind& element);
Kind composite_of(const std::string& type, const std::vector<Kind>& fields);
Kind domain_over(const std::string& type, const Kind& base);

/// An identifier of which little can be taken for granted: white space, quotes, 63 bytes, ...
/// \param number makes it differ from those of other numbers.
std::string odd_identifier(Random& random, int number);

} // namespace test
