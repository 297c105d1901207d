#include "commands/commands.hpp"
#include "tables/sync.hpp"

namespace commands {

cli::Subcommand add_sync_tables(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<tables::SyncOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "sync-tables", help::sync_tables);
    cli::add_filter(command, options.filter, "tables and sequences whose schema.name");
    command.flag("--delete", options.deletes, "also delete rows that only the target has");
    const auto dry_run = command.flag("--dry-run", options.only_compares,
                                      "only compare, and report what would be done");
    command
        .number(
            "--sequence-margin",
            [&options](std::int64_t value) { options.sequence_margin = value; },
            "add this number to a sequence that is behind the source's, for values that the "
            "application takes meanwhile")
        .between(0, INT64_MAX);
    cli::add_parallelism(command, options.parallelism,
                         "maximum number of tables compared at a time, or of the processes "
                         "in each server that read a large one");
    command
        .number(
            "--watch",
            [&options](std::int64_t seconds) { options.watch = std::chrono::seconds(seconds); },
            "begin again after a pause, until Ctrl-C: 10s, 5m")
        .value_is_called("DURATION")
        .amount({.units = {{"s", 1}, {"m", 60}, {"h", 3600}},
                 .least = 1,
                 .greatest = 1'000'000,
                 .example = "10s"})
        .excludes(dry_run);
    cli::add_dual_write_delay(command, options.dual_write_delay);
    cli::add_throttle(command, options.throttle);
    cli::add_monitoring(command, parsed->output);
    cli::add_retry(command, options.retry, "a table");
    return cli::end_command(command, parsed, tables::sync_tables);
}

} // namespace commands
