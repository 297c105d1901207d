#pragma once

#include "csv/numbers.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace csv {

/// The format of files: COPY's options of the same names, with the same defaults, and what COPY has
/// no options for.
struct Format {
    char delimiter = ',';
    char quote = '"';
    char escape = '"';
    std::string null{};                    ///< unquoted text that means NULL
    std::optional<std::string> encoding{}; ///< PostgreSQL's name; UTF8 if not set
    std::vector<std::string> more_nulls{}; ///< further texts that mean NULL
    std::optional<char> comment{};         ///< begins a line that is no record
    std::int64_t skip_lines = 0;           ///< at the beginning of a file
    Decimal decimal = Decimal::point;      ///< of numbers
    /// The number of fields of each record if files are not CSV, but COPY's binary format; else 0.
    std::size_t binary_fields = 0;

    bool is_binary() const { return binary_fields > 0; }

    /// What is counted to name a place in a file.
    const char* unit() const { return is_binary() ? "record" : "line"; }
};

/// \throws UsageError if the ends of records would be ambiguous, or if COPY rejects the format.
void check(const Format& format);

/// True if the format's encoding is UTF8, under any of its names.
bool is_utf8(const Format& format);

/// COPY's part of the format as options, without the parentheses.
std::string copy_options(const Format& format);

} // namespace csv
