#include "check/migration.hpp"
#include "check/report.hpp"
#include "check/topics.hpp"
#include "commands/commands.hpp"
#include "output/units.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

struct CheckOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> until; ///< without it, all rows
    std::optional<std::string> from;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    int parallelism = 8; ///< that copy will have
};

using ::check::Findings;

bool are_same_database(const ::check::Migration& migration) {
    return migration.source && migration.target &&
           migration.source->server.identity == migration.target->server.identity;
}

ExitStatus conclude(const Findings& findings, output::Output& output) {
    const auto errors = findings.count(::check::Severity::error);
    const auto warnings = findings.count(::check::Severity::warning);
    check::print_findings(output, findings.list());
    output.event("summary", {{"command", "check"}, {"errors", errors}, {"warnings", warnings}},
                 output::Importance::result,
                 fmt::format("{}, {}.", output::format_count(errors, "error"),
                             output::format_count(warnings, "warning")));
    return errors == 0 ? exit_done : exit_failed;
}

ExitStatus check(const CheckOptions& options, output::Output& output) {
    const ::check::Scope scope{.from = options.from,
                               .until = options.until,
                               .filter = options.filter,
                               .cascade = options.cascade,
                               .workers = options.parallelism};
    Findings findings;
    ::check::Migration migration;
    ::check::connect(findings, migration, options.source, options.target);
    if (are_same_database(migration))
        findings.fail("connection",
                      fmt::format("source and target are the same database ({})",
                                  migration.target->connection.name()),
                      "set --target to another database");
    else if (migration.source || migration.target)
        try {
            ::check::check_all_topics(findings, migration, scope);
        } catch (const postgres::ConnectionError&) {
            return conclude(findings, output); // with the findings so far
        }
    return conclude(findings, output);
}

} // namespace

cli::Subcommand add_check(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<CheckOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "check", help::check);
    command.option("-u,--until", options.until, "completion point, as for stage");
    command.option("-F,--from", options.from, "lower bound, as for stage");
    cli::add_selection(command, options.filter, options.cascade);
    cli::add_parallelism(command, options.parallelism,
                         "number of workers that copy will have, to check whether the servers have "
                         "enough connections");
    return cli::end_command(command, parsed, check);
}

} // namespace commands
