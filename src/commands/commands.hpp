#pragma once

#include "cli/command.hpp"
#include "help.hpp"

#include <optional>

/// The program's commands. Each has a file with its options, their definition on the command line,
/// and what the command does. Commands print results on standard output, throw an Error if they
/// cannot do what was asked, and return an exit status otherwise.
namespace commands {

/// Parses the command line, and runs nothing.
/// \returns nothing if there is no command, but something else that has been printed, such as help.
/// \throws UsageError, without showing connection strings.
std::optional<cli::Invocation> parse(int argc, const char* const* argv);

// Each adds a command to the command line.
cli::Subcommand add_clone_schema(cli::Parser& parser);
cli::Subcommand add_check(cli::Parser& parser);
cli::Subcommand add_completion_point(cli::Parser& parser);
cli::Subcommand add_stage(cli::Parser& parser);
cli::Subcommand add_copy(cli::Parser& parser);
cli::Subcommand add_status(cli::Parser& parser);
cli::Subcommand add_pause(cli::Parser& parser);
cli::Subcommand add_resume(cli::Parser& parser);
cli::Subcommand add_set_parallelism(cli::Parser& parser);
cli::Subcommand add_refresh_caggs(cli::Parser& parser);
cli::Subcommand add_verify(cli::Parser& parser);
cli::Subcommand add_sync_tables(cli::Parser& parser);
cli::Subcommand add_jobs(cli::Parser& parser);
cli::Subcommand add_report(cli::Parser& parser);
cli::Subcommand add_clean(cli::Parser& parser);
cli::Subcommand add_import(cli::Parser& parser);

} // namespace commands
