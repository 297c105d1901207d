#pragma once

#include <optional>
#include <string>

namespace csv {

/// The format of files: COPY's options of the same names, with the same defaults.
struct Format {
    char delimiter = ',';
    char quote = '"';
    char escape = '"';
    std::string null{};                    ///< unquoted text that means NULL
    std::optional<std::string> encoding{}; ///< PostgreSQL's name; UTF8 if not set
};

/// \throws UsageError if the ends of records would be ambiguous, or if COPY rejects the format.
void check(const Format& format);

/// The format as options of COPY, without the parentheses.
std::string copy_options(const Format& format);

} // namespace csv
