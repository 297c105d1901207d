#include "cloning/commit.hpp"
#include "cloning/database.hpp"
#include "cloning/inventory.hpp"
#include "cloning/new_hypertables.hpp"
#include "cloning/programs.hpp"
#include "cloning/report.hpp"
#include "cloning/requirements.hpp"
#include "cloning/restore.hpp"
#include "cloning/roles.hpp"
#include "commands/commands.hpp"
#include "postgres/environment.hpp"
#include "postgres/search_path.hpp"
#include "queue/queue.hpp"
#include "run/endpoints.hpp"
#include "run/signals.hpp"
#include "run/stop.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

namespace commands {

namespace {

using cloning::Database;
using cloning::Plan;

/// What SIGINT and SIGTERM do: have the programs end, and the target be left as it was, unless it
/// commits just then. When they do not end, they are killed; a further signal ends this program at
/// once.
class StopClone {
  public:
    StopClone(run::Stop& stop, processes::Children& children)
        : stop_(stop), children_(children), watch_([this](int count) { on_signal(count); }) {}
    ~StopClone() { finished_ = true; }
    StopClone(const StopClone&) = delete;
    StopClone& operator=(const StopClone&) = delete;

  private:
    void on_signal(int count) {
        if (count > 1)
            std::_Exit(exit_interrupted); // the servers roll back when the connections are gone
        spdlog::warn("stopping; what is not committed yet is rolled back");
        stop_.now();
        // psql and pg_dump both have the server cancel what runs.
        children_.interrupt(SIGINT);
        for (int i = 0; i < 50 && !finished_; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (!finished_)
            children_.interrupt(SIGKILL);
    }

    run::Stop& stop_;
    processes::Children& children_;
    std::atomic<bool> finished_ = false;
    run::SignalWatch watch_; // last, for its thread uses the others
};

class Clone {
  public:
    Clone(const CloneOptions& options, output::Output& output)
        : options_(options), output_(output), report_(output, options.dry_run),
          source_(options.source, "source", postgres::Access::read_only),
          target_(options.target, "target", postgres::Access::read_write) {}

    ExitStatus run() {
        try {
            return attempt();
        } catch (const cloning::InDoubt&) {
            throw;
        } catch (const Error&) {
            // What fails then fails because it was ended.
            if (stop_.is_requested())
                throw Interrupted();
            throw;
        }
    }

  private:
    ExitStatus attempt() {
        cloning::require_servers(source_, target_);
        plan_.programs = cloning::find_programs(
            options_.programs, {.source = source_.major(), .target = target_.major()});
        const auto create_extension = cloning::require_extensions(source_, target_);
        if (!options_.allow_non_empty)
            cloning::require_empty(target_);
        plan_.search_path =
            postgres::search_path_difference(source_.connection, target_.connection);
        const postgres::Transaction snapshot(source_.connection, run::begin_read_transaction({}));
        make_plan();
        cloning::require_privileges(source_, plan_.inventory, target_);
        cloning::require_no_dependents_of_chunks(plan_.inventory);
        stop_.check();
        if (options_.roles)
            take_roles();
        if (options_.dry_run)
            return say(create_extension);
        begin(create_extension);
        cloning::restore(source_, target_, plan_, children_, options_.retry, stop_, progress());
        report_.end_drawing();
        tell();
        return exit_done;
    }

    void make_plan() {
        plan_.inventory = cloning::take_inventory(
            source_, target_.connection.query("SELECT current_user AS role").string(0, "role"));
        plan_.new_hypertables =
            cloning::plan_hypertables(source_, plan_.inventory, options_.create_hypertables);
        plan_.with_rows = options_.relational_data;
        plan_.with_catalog = source_.server.has_value();
        plan_.has_queue = queue::exists(target_.connection);
        if (plan_.has_queue)
            queue::require(target_.connection);
        plan_.snapshot =
            source_.connection.query("SELECT pg_export_snapshot() AS id").string(0, "id");
        std::vector<std::string> hypertables;
        for (const auto& hypertable : plan_.inventory.hypertables)
            hypertables.push_back(std::to_string(hypertable.oid));
        for (const auto& one : plan_.new_hypertables)
            hypertables.push_back(std::to_string(one.oid));
        const auto keys =
            source_.connection.query(sql::clone_foreign_keys, {cloning::oid_array(hypertables)});
        for (int row = 0; row < keys.size(); ++row)
            plan_.unvalidated_keys.emplace(
                keys.string(row, "statement"),
                fmt::format("{} of {}", postgres::quote_identifier(keys.text(row, "name")),
                            postgres::QualifiedName{keys.string(row, "schema_name"),
                                                    keys.string(row, "table_name")}
                                .quoted()));
    }

    void take_roles() {
        const bool with_passwords =
            source_.connection
                .query("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may")
                .boolean(0, "may");
        std::vector<std::string> arguments{"--roles-only", "--quote-all-identifiers",
                                           "--database=" +
                                               postgres::database_argument(source_.connection)};
        if (!with_passwords) {
            arguments.emplace_back("--no-role-passwords");
            report_.left_out("passwords of roles",
                             "the source's role may not read them (pg_authid); set them anew");
        }
        roles_ = cloning::role_statements(
            processes::output_of(
                cloning::client(source_, plan_.programs.path("pg_dumpall"), arguments), &children_),
            cloning::read_roles(source_, target_));
        for (const auto& statement : roles_)
            if (!statement.reason && statement.role)
                coming_roles_.insert(*statement.role);
    }

    /// What comes before the one transaction, for it cannot be in it.
    void begin(const std::string& create_extension) {
        cloning::require_roles(plan_.inventory, target_, coming_roles_);
        stop_.check();
        if (options_.roles) {
            cloning::create_roles(target_, roles_);
            tell_roles();
            cloning::require_roles(plan_.inventory, target_, {});
        }
        if (create_extension.empty())
            return;
        // In a session of its own, for one that has loaded the library cannot create it.
        postgres::Connection session(options_.target, "target",
                                     postgres::application_name(cloning::purpose));
        session.execute(create_extension);
        output_.say(output::Importance::detail, "Created the extension timescaledb in the target");
        target_ = Database(options_.target, "target", postgres::Access::read_write);
    }

    void tell_roles() {
        for (const auto& statement : roles_) {
            if (statement.reason)
                report_.left_out(statement.shown, *statement.reason);
            else
                ++role_statements_;
        }
    }

    cloning::RestoreListener progress() {
        for (const auto& table : plan_.tables_with_rows())
            tables_.emplace(table.name.quoted(), table.name);
        return {.passed =
                    [this](const cloning::TableData& data, bool all) {
                        const auto table = tables_.find(data.table);
                        if (table == tables_.end())
                            return; // of an extension
                        if (all)
                            report_.copied(table->second, data.rows, data.bytes);
                        else
                            report_.passing(data.table, data.rows, data.bytes);
                    },
                .doing =
                    [this](const std::string& subject) {
                        report_.doing(subject);
                    }};
    }

    /// Says what would be done.
    ExitStatus say(const std::string& create_extension) {
        cloning::require_roles(plan_.inventory, target_, coming_roles_);
        output_.say(output::Importance::detail,
                    fmt::format("Would run pg_dump and psql {} of {}", plan_.programs.version,
                                plan_.programs.folder));
        if (!create_extension.empty())
            output_.say(output::Importance::detail,
                        fmt::format("Would run in the target: {}", create_extension));
        tell_roles();
        for (const auto& table : plan_.tables_with_rows())
            report_.would_copy(table.name, table.bytes);
        tell();
        return exit_done;
    }

    /// What is there, or would be.
    void tell() {
        for (const auto& hypertable : plan_.inventory.hypertables)
            if (cloning::is_of_user(hypertable))
                report_.hypertable(hypertable.known_as, hypertable.chunks, false);
        for (const auto& one : plan_.new_hypertables)
            report_.hypertable(one.table, 0, true);
        if (plan_.with_rows)
            for (const auto& [statement, name] : plan_.unvalidated_keys)
                report_.left_out("the validation of the foreign key " + name,
                                 "the hypertable that it references has no rows yet; when they are "
                                 "copied: ALTER TABLE ... VALIDATE CONSTRAINT ...");
        if (const auto& path = plan_.search_path)
            report_.left_out(
                "the search_path " + path->source,
                fmt::format(
                    "settings of databases and roles are not cloned, and that of the target "
                    "is {}; before jobs are enabled, unless it is meant, in the target: {}",
                    path->target, path->remedy));
        jobs::tell_scheduled(output_, plan_.inventory.jobs, false, options_.dry_run);
        report_.summary(target_.connection.name(), role_statements_,
                        static_cast<std::int64_t>(plan_.inventory.jobs.size()));
    }

    const CloneOptions& options_;
    output::Output& output_;
    run::Stop stop_;
    processes::Children children_;
    StopClone stop_on_signal_{stop_, children_}; // before any other thread
    cloning::CloneReport report_;
    Database source_;
    Database target_;
    Plan plan_;
    std::vector<cloning::RoleStatement> roles_;
    std::set<std::string> coming_roles_;
    std::map<std::string, postgres::QualifiedName> tables_; ///< that are copied, as a dump has them
    std::int64_t role_statements_ = 0;
};

} // namespace

ExitStatus clone_schema(const CloneOptions& options, output::Output& output) {
    return Clone(options, output).run();
}

} // namespace commands
