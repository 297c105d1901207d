#include "commands/commands.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <vector>

namespace commands {

namespace {

/// The second line of --version, for reports of faults.
std::string build() {
    const int libpq = PQlibVersion(); // 150008 is 15.8
    return fmt::format("commit {}, compiler {}, libpq {}.{}", BACKFILL_COMMIT, __VERSION__,
                       libpq / 10000, libpq % 10000);
}

} // namespace

std::optional<cli::Invocation> parse(int argc, const char* const* argv) {
    cli::Parser parser("timescaledb-backfill", BACKFILL_VERSION, help::timescaledb_backfill,
                       build());
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
