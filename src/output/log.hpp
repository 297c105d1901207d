#pragma once

#include "output/output.hpp"

#include <optional>
#include <string>

namespace output {

struct LogOptions {
    OutputFormat format = OutputFormat::text;
    std::optional<std::string> file; ///< used instead of standard error; opened for appending
};

/**
 * The log of a run: warnings, errors, and debug messages if verbose. It is spdlog's default logger
 * for as long as the object lives.
 */
class Log {
  public:
    /// \throws UsageError if the file cannot be written.
    Log(Output& output, const LogOptions& options);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
};

/// Logs a warning that users can do something about.
/// \param problem and \param remedy as for an Error, whose message has the same form.
void warn(const std::string& problem, const std::string& remedy);

} // namespace output
