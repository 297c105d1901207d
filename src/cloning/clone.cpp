#include "cloning/clone.hpp"

#include "cloning/commit.hpp"
#include "cloning/connect.hpp"
#include "cloning/plan.hpp"
#include "cloning/programs.hpp"
#include "cloning/record.hpp"
#include "cloning/report.hpp"
#include "cloning/requirements.hpp"
#include "cloning/restore.hpp"
#include "cloning/roles.hpp"
#include "cloning/stop_clone.hpp"
#include "cloning/table_rows.hpp"
#include "jobs/background_jobs.hpp"
#include "postgres/transaction.hpp"
#include "queue/suspended_jobs.hpp"
#include "run/endpoints.hpp"
#include "run/throttle.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace cloning {

namespace {

class Clone {
  public:
    Clone(const CloneOptions& options, output::Output& output)
        : options_(options), output_(output), report_(output, options.dry_run),
          source_(connect(options.source, Side::source)),
          target_(connect(options.target, Side::target)) {}

    void run() {
        try {
            attempt();
        } catch (const InDoubt&) {
            throw;
        } catch (const Interrupted&) {
            report_interrupted();
            throw;
        } catch (const Error&) {
            if (!stop_.is_requested())
                throw;
            // The error is a consequence of the signal.
            report_interrupted();
            throw Interrupted();
        }
    }

  private:
    void attempt() {
        require_servers(source_, target_);
        auto programs =
            find_programs(options_.programs, {.source = source_.server.postgres_major(),
                                              .target = target_.server.postgres_major()});
        require_extensions(source_, target_);
        const auto extension = find_target_extension(source_, target_, options_.portable);
        const auto reason = find_reason_for_definitions(extension.server);
        record_ = find_record(target_.connection);
        const bool has_own_tables = record_ && (!options_.discard || options_.dry_run);
        if (record_ && options_.discard) {
            if (!options_.dry_run)
                discard(target_.connection);
            record_.reset();
            output_.say(output::Importance::detail,
                        fmt::format("{} the unfinished clone",
                                    options_.dry_run ? "Would remove" : "Removed"));
        }
        if (!options_.allow_non_empty && !has_own_tables)
            require_empty(target_);
        run::Throttle::require(options_.throttle, &source_, target_, purpose);
        auto search_path = postgres::search_path_difference(source_.connection, target_.connection);
        const postgres::Transaction snapshot(source_.connection,
                                             postgres::begin_read_transaction({}));
        auto plan = make_plan(
            source_, target_,
            {.programs = std::move(programs),
             .with_rows = options_.relational_data,
             .owners = options_.owners,
             .privileges = options_.privileges,
             .search_path = std::move(search_path),
             .create_hypertables = options_.create_hypertables,
             .by_definitions = reason.empty() ? std::nullopt : std::optional(extension.server)});
        require_privileges(plan, target_);
        require_no_dependents_of_chunks(plan.inventory);
        lock_tables(source_, plan.tables_with_rows());
        stop_.check();
        if (options_.roles)
            dump_roles(plan);
        require_roles(plan, target_, roles_.new_roles());
        if (!reason.empty())
            output_.say(output::Importance::detail,
                        fmt::format("{} hypertables by their definitions: {}",
                                    options_.dry_run ? "Would clone" : "Cloning", reason));
        report_.report_left_out(plan);
        if (options_.dry_run) {
            report_dry_run(plan, extension.creation);
        } else {
            stop_.check();
            if (options_.roles)
                create_roles(plan);
            if (!extension.creation.empty())
                create(extension);
            const auto suspended = queue::suspended_jobs(target_.connection);
            const auto refused = restore(
                source_, target_, plan, record_, children_, options_.retry, stop_,
                report_.listener(plan), [&](const std::string& record, const IndexBuilds& indexes) {
                    return copy_rows(plan, record, indexes);
                });
            report_.end_drawing();
            for (const auto& one : refused)
                report_.left_out(one.what, one.reason, one.remedy);
            if (plan.definitions)
                plan.inventory.jobs = jobs_since(suspended);
        }
        report_.report_plan(plan);
        report_.summary(target_.connection.name(), role_statements_,
                        static_cast<std::int64_t>(plan.inventory.jobs.size()));
    }

    LoadRun copy_rows(const ClonePlan& plan, const std::string& record,
                      const IndexBuilds& indexes) {
        goes_on_ = true;
        stop_.check();
        report_.end_drawing();
        stop_on_signal_.reset(); // the run has its own
        auto loaded =
            copy_tables(source_, target_, plan, record, indexes, options_, report_, output_);
        stop_on_signal_.emplace(stop_, children_);
        return loaded;
    }

    void report_interrupted() {
        if (goes_on_)
            output_.say(output::Importance::result, "Interrupted; the same command continues.");
    }

    std::string find_reason_for_definitions(const timescale::Server& extension) {
        if (!source_.server.has_timescaledb)
            return {};
        auto reason = reason_for_definitions(source_, target_, extension);
        return reason.empty() && options_.portable ? "--portable" : reason;
    }

    /// The target's jobs that have been turned off, except those that were off before.
    std::vector<jobs::BackgroundJob> jobs_since(const std::set<std::int64_t>& before) {
        auto list = jobs::read_background_jobs(target_.connection, std::nullopt);
        const auto suspended = queue::suspended_jobs(target_.connection);
        std::erase_if(list, [&](const auto& job) {
            return before.contains(job.id) || !suspended.contains(job.id);
        });
        return list;
    }

    void dump_roles(const ClonePlan& plan) {
        roles_ = cloning::dump_roles(source_, target_, plan.programs, children_);
        if (!roles_.with_passwords)
            report_.left_out("passwords of roles",
                             "the source's role may not read them (pg_authid)",
                             "set them again in the target");
    }

    void create_roles(const ClonePlan& plan) {
        cloning::create_roles(target_, roles_.statements);
        report_roles();
        require_roles(plan, target_, {});
    }

    /// Creates the extension before the transaction of restore(), which cannot create it.
    void create(const TargetExtension& extension) {
        // A session that has loaded the library cannot create the extension, so this is a new one.
        postgres::Connection session(options_.target, "target",
                                     postgres::application_name(purpose));
        session.execute(extension.creation);
        output_.say(output::Importance::detail, "Created the extension timescaledb in the target");
        target_ = connect(options_.target, Side::target);
        if (source_.server.community && extension.server.community && !target_.server.community)
            throw Error("the target turns out to have the Apache edition of TimescaleDB",
                        "run clone-schema again, which lists first what that edition lacks");
    }

    void report_roles() {
        for (const auto& statement : roles_.statements) {
            if (statement.reason)
                report_.left_out(statement.shown, *statement.reason);
            else
                ++role_statements_;
        }
    }

    void report_dry_run(const ClonePlan& plan, const std::string& create_extension) {
        output_.say(output::Importance::detail,
                    fmt::format("Would run pg_dump and psql {} of {}", plan.programs.version,
                                plan.programs.directory));
        if (!create_extension.empty())
            output_.say(output::Importance::detail,
                        fmt::format("Would run in the target: {}", create_extension));
        report_roles();
        for (const auto& table : plan.tables_with_rows())
            report_.would_copy(table.name, table.bytes);
        if (record_)
            output_.say(output::Importance::detail, "Would continue the unfinished clone");
    }

    const CloneOptions& options_;
    output::Output& output_;
    run::Stop stop_;
    processes::Children children_;
    std::optional<StopClone> stop_on_signal_{std::in_place, stop_, children_}; // before others
    CloneReport report_;
    run::Endpoint source_;
    run::Endpoint target_;
    std::optional<CloneRecord> record_; ///< of an unfinished clone
    bool goes_on_ = false;              ///< the next attempt will go on with this one
    RoleDump roles_;
    std::int64_t role_statements_ = 0;
};

} // namespace

void clone_schema(const CloneOptions& options, output::Output& output) {
    Clone(options, output).run();
}

} // namespace cloning
