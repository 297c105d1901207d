#include "cloning/commit.hpp"
#include "cloning/connect.hpp"
#include "cloning/plan.hpp"
#include "cloning/programs.hpp"
#include "cloning/report.hpp"
#include "cloning/requirements.hpp"
#include "cloning/restore.hpp"
#include "cloning/roles.hpp"
#include "cloning/stop_clone.hpp"
#include "commands/commands.hpp"
#include "postgres/transaction.hpp"
#include "run/endpoints.hpp"

#include <fmt/format.h>

namespace commands {

namespace {

struct CloneOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    bool roles = false;           ///< also clone the roles of the source's cluster
    bool relational_data = true;  ///< rows of plain tables
    bool allow_non_empty = false; ///< the target may have objects of users
    /// Each [[SCHEMA.]TABLE.]COLUMN[:INTERVAL].
    std::vector<std::string> create_hypertables;
    std::optional<std::string> programs; ///< directory of PostgreSQL's client programs
    run::RetryOptions
        retry; ///< retry_timeout, for finding out whether a COMMIT succeeded; others unused
    bool dry_run = false; ///< print what would be done; change nothing
};

class Clone {
  public:
    Clone(const CloneOptions& options, output::Output& output)
        : options_(options), output_(output), report_(output, options.dry_run),
          source_(cloning::connect(options.source, Side::source)),
          target_(cloning::connect(options.target, Side::target)) {}

    ExitStatus run() {
        try {
            return attempt();
        } catch (const cloning::InDoubt&) {
            throw;
        } catch (const Error&) {
            // The error is a consequence of the signal.
            if (stop_.is_requested())
                throw Interrupted();
            throw;
        }
    }

  private:
    ExitStatus attempt() {
        cloning::require_servers(source_, target_);
        auto programs =
            cloning::find_programs(options_.programs, {.source = source_.server.postgres_major(),
                                                       .target = target_.server.postgres_major()});
        const auto create_extension = cloning::require_extensions(source_, target_);
        if (!options_.allow_non_empty)
            cloning::require_empty(target_);
        auto search_path = postgres::search_path_difference(source_.connection, target_.connection);
        const postgres::Transaction snapshot(source_.connection, run::begin_read_transaction({}));
        const auto plan = cloning::make_plan(source_, target_,
                                             {.programs = std::move(programs),
                                              .with_rows = options_.relational_data,
                                              .search_path = std::move(search_path),
                                              .create_hypertables = options_.create_hypertables});
        cloning::require_privileges(source_, plan.inventory, target_);
        cloning::require_no_dependents_of_chunks(plan.inventory);
        stop_.check();
        if (options_.roles)
            dump_roles(plan);
        cloning::require_roles(plan.inventory, target_, roles_.new_roles());
        if (options_.dry_run) {
            report_dry_run(plan, create_extension);
        } else {
            stop_.check();
            if (options_.roles)
                create_roles(plan);
            if (!create_extension.empty())
                create(create_extension);
            cloning::restore(source_, target_, plan, children_, options_.retry, stop_,
                             report_.listener(plan));
            report_.end_drawing();
        }
        report_.report_plan(plan);
        report_.summary(target_.connection.name(), role_statements_,
                        static_cast<std::int64_t>(plan.inventory.jobs.size()));
        return exit_done;
    }

    void dump_roles(const cloning::ClonePlan& plan) {
        roles_ = cloning::dump_roles(source_, target_, plan.programs, children_);
        if (!roles_.with_passwords)
            report_.left_out("passwords of roles",
                             "the source's role may not read them (pg_authid)",
                             "set them again in the target");
    }

    void create_roles(const cloning::ClonePlan& plan) {
        cloning::create_roles(target_, roles_.statements);
        report_roles();
        cloning::require_roles(plan.inventory, target_, {});
    }

    /// Creates the extension before the transaction of restore(), which cannot create it.
    void create(const std::string& extension) {
        // A session that has loaded the library cannot create the extension, so this is a new one.
        postgres::Connection session(options_.target, "target",
                                     postgres::application_name(cloning::purpose));
        session.execute(extension);
        output_.say(output::Importance::detail, "Created the extension timescaledb in the target");
        target_ = cloning::connect(options_.target, Side::target);
    }

    void report_roles() {
        for (const auto& statement : roles_.statements) {
            if (statement.reason)
                report_.left_out(statement.shown, *statement.reason);
            else
                ++role_statements_;
        }
    }

    void report_dry_run(const cloning::ClonePlan& plan, const std::string& create_extension) {
        output_.say(output::Importance::detail,
                    fmt::format("Would run pg_dump and psql {} of {}", plan.programs.version,
                                plan.programs.directory));
        if (!create_extension.empty())
            output_.say(output::Importance::detail,
                        fmt::format("Would run in the target: {}", create_extension));
        report_roles();
        for (const auto& table : plan.tables_with_rows())
            report_.would_copy(table.name, table.bytes);
    }

    const CloneOptions& options_;
    output::Output& output_;
    run::Stop stop_;
    processes::Children children_;
    cloning::StopClone stop_on_signal_{stop_, children_}; // before any other thread
    cloning::CloneReport report_;
    run::Endpoint source_;
    run::Endpoint target_;
    cloning::RoleDump roles_;
    std::int64_t role_statements_ = 0;
};

ExitStatus clone_schema(const CloneOptions& options, output::Output& output) {
    return Clone(options, output).run();
}

} // namespace

cli::Subcommand add_clone_schema(cli::Parser& parser) {
    const auto parsed = std::make_shared<cli::Parsed<CloneOptions>>();
    auto& options = parsed->options;
    auto command = cli::begin_command(parser, *parsed, "clone-schema", help::clone_schema);
    command.flag("--roles", options.roles,
                 "also clone the roles of the source's cluster, as far as the target permits");
    command.flag(
        "--no-relational-data", [parsed] { parsed->options.relational_data = false; },
        "clone plain tables without their rows");
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
        .value_is_called("DIR")
        .check_value();
    cli::add_duration(command, "--retry-timeout", options.retry.retry_timeout,
                      "how long to wait for the target if it is lost during COMMIT, to learn "
                      "whether it committed: 90s, 15m, 2h");
    command.flag("--dry-run", options.dry_run, "print what would be done; change nothing");
    return cli::end_command(command, parsed, clone_schema);
}

} // namespace commands
