#pragma once

#include "cli/command.hpp"
#include "csv/format.hpp"
#include "importing/options.hpp"

namespace commands {

/// Adds the options that describe the format of CSV files.
/// \param given set to what the user gives, for importing::complete().
void add_format(cli::Command command, csv::Format& format, importing::GivenFormat& given);

} // namespace commands
