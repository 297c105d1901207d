#pragma once

#include <exception>

/// The program's exit statuses. Also in `--help`.
enum ExitStatus : int {
    exit_done = 0,
    exit_failed = 1,        ///< something could not be done
    exit_usage = 2,         ///< the request was invalid; nothing was changed
    exit_differences = 3,   ///< verify found differences, or could not compare something
    exit_interrupted = 130, ///< stopped by a signal with work left to do
};

/// The exit status of a run that an error ends.
ExitStatus exit_status_of(const std::exception& error);
