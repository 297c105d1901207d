#pragma once

#include "importing/options.hpp"
#include "importing/reading_settings.hpp"
#include "output/output.hpp"
#include "run/endpoints.hpp"

#include <functional>

namespace importing {

/// Reads the first MiB of each file, and reports the options that may describe it. Changes nothing.
/// \returns false if there is a file that cannot be read with guessed options alone.
/// \param check called while standard input has nothing to read; may throw.
/// \throws Error, UsageError
bool guess_files(run::Endpoint& target, const ImportOptions& options,
                 const ReadingSettings& reading, const std::function<void()>& check,
                 output::Output& output);

} // namespace importing
