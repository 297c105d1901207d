#include "commands/commands.hpp"

#include <algorithm>
#include <vector>

namespace commands {

std::optional<cli::Invocation> parse(int argc, const char* const* argv) {
    cli::Parser parser("timescaledb-backfill", BACKFILL_VERSION, help::timescaledb_backfill);
    // --help lists them in this order, that of a migration.
    std::vector<cli::Subcommand> commands;
    for (const auto add :
         {add_clone_schema, add_check, add_completion_point, add_stage, add_copy, add_status,
          add_pause, add_resume, add_set_parallelism, add_refresh_caggs, add_verify,
          add_sync_tables, add_jobs, add_report, add_clean, add_import})
        commands.push_back(add(parser));
    if (!parser.parse(argc, argv))
        return std::nullopt;
    return std::ranges::find_if(commands, [](const auto& one) { return one.command.was_given(); })
        ->invocation();
}

} // namespace commands
