#pragma once

#include "output/output.hpp"

#include <optional>
#include <string>

namespace output {

struct LogOptions {
    Format format = Format::text;
    std::optional<std::string> file; ///< instead of standard error; appended to
};

/**
 * What there is to say about a run, rather than its results: warnings, errors, and debug messages
 * when verbose. Goes where spdlog's default logger is used, for as long as the object lives.
 */
class Log {
  public:
    /// \throws UsageError when the file cannot be written.
    Log(Output& output, const LogOptions& options);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
};

} // namespace output
