#pragma once

#include "cli/command.hpp"
#include "csv/format.hpp"

#include <optional>

namespace commands {

/// Adds the options that describe the format of CSV files.
/// \param escape set if the user gives it; its default depends on the quote.
void add_format(cli::Command command, csv::Format& format, std::optional<char>& escape);

} // namespace commands
