#include "cloning/clone.hpp"
#include "commands/commands.hpp"

namespace commands {

namespace {

ExitStatus run_clone_schema(const cloning::CloneOptions& options, output::Output& output) {
    cloning::clone_schema(options, output);
    return exit_done;
}

} // namespace

cli::Subcommand add_clone_schema(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<cloning::CloneOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "clone-schema", help::clone_schema);
    command.flag("--roles", options.roles,
                 "also clone the roles of the source's cluster, as far as the target permits");
    command.flag("--owners", options.owners,
                 "give objects the owners that they have in the source; without it, they belong to "
                 "the target's role");
    command.flag("--privileges", options.privileges,
                 "grant the privileges of the source, also default privileges");
    command.flag("--portable", options.portable,
                 "clone hypertables by their definitions, as is done anyway for a target with "
                 "another TimescaleDB");
    command.flag(
        "--no-relational-data", [parsed] { parsed->options.relational_data = false; },
        "clone plain tables without their rows, and no large objects");
    command
        .word(
            "--hypertable-data", [](const std::string&) {},
            "rows of hypertables are not cloned; stage and copy do that [none]")
        .one_of({"none"});
    command
        .option("--create-hypertable", options.create_hypertables,
                "make a hypertable of a plain table, without its rows; an integer column needs "
                "an interval")
        .value_is_called("[[SCHEMA.]TABLE.]COLUMN[:INTERVAL]")
        .one_at_a_time()
        .check_value();
    command.flag("--allow-non-empty", options.allow_non_empty, "allow a target that is not empty");
    command
        .option("--programs", options.programs,
                "directory with pg_dump, pg_dumpall and psql; by default, PATH and the directories "
                "of packages are searched")
        .value_is_called("DIR");
    command.flag("--discard", options.discard,
                 "first remove what an unfinished clone has created in the target");
    cli::add_parallelism(command, options.parallelism,
                         "maximum number of workers that copy the rows of plain tables");
    cli::add_throttle(command, options.throttle);
    cli::add_monitoring(command, parsed->output);
    cli::add_retry(command, options.retry, "the rows of a table");
    command.flag("--dry-run", options.dry_run, "print what would be done; change nothing");
    return cli::end_command(command, parsed, run_clone_schema);
}

} // namespace commands
