#pragma once

#include <optional>
#include <string>

namespace csv {

/// How files are written: COPY's options of the same names, with its presets.
struct Format {
    char delimiter = ',';
    char quote = '"';
    char escape = '"';
    std::string null{};                    ///< what stands for NULL where it is not quoted
    std::optional<std::string> encoding{}; ///< a name of PostgreSQL's; UTF8, if none
};

/// \throws UsageError when records cannot be told apart with it, or COPY does not take it.
void check(const Format& format);

/// The options as COPY takes them, without what surrounds them.
std::string copy_options(const Format& format);

} // namespace csv
