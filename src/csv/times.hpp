#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace csv {

/// How files write times, other than as PostgreSQL reads them.
struct TimeFormat {
    enum class Kind {
        seconds, ///< since 1970 in UTC
        milliseconds,
        microseconds,
        nanoseconds,
        excel,  ///< days since 30 December 1899, in no time zone
        pattern ///< as for strptime()
    };

    Kind kind = Kind::seconds;
    std::string pattern{}; ///< of Kind::pattern

    bool operator==(const TimeFormat&) const = default;

    /// True if values are moments whatever the session's time zone is. They are written in UTC.
    bool has_zone() const;
};

/// \param text `epoch`, `epoch-ms`, `epoch-us`, `epoch-ns`, `excel` or a pattern with %.
/// \throws UsageError if it is none of these, or if a pattern does not give a day.
TimeFormat parse_time_format(const std::string& text);

/// The text of a format, as for parse_time_format().
std::string name_of(const TimeFormat& format);

/// Appends a time in ISO 8601, which all date styles read alike.
/// \param value without blanks around it; numbers have a decimal point.
/// \returns the problem, if the value does not have the format. Nothing is appended then.
std::optional<std::string> append_time(std::string_view value, const TimeFormat& format,
                                       std::string& to);

} // namespace csv
