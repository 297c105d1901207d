#include "cloning/restore.hpp"

#include "cloning/commit.hpp"
#include "postgres/environment.hpp"
#include "queue/suspended_jobs.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <regex>

namespace cloning {

namespace {

/// Changes statements of the dump that the target needs in another form, or must not run.
class Rewriter {
  public:
    explicit Rewriter(const ClonePlan& plan) : plan_(plan) {
        for (const auto& one : plan.new_hypertables)
            if (one.partition_key)
                partition_keys_.emplace(fmt::format("CREATE TABLE {} (", one.table.quoted()),
                                        "\nPARTITION BY " + *one.partition_key + ";");
    }

    std::string operator()(std::string statement) {
        // Only its owner may comment on an extension, and creating it adds the comment.
        if (statement.starts_with("COMMENT ON EXTENSION "))
            return "";
        if (is_about_event_trigger(statement)) {
            event_triggers_ += statement + '\n';
            return "";
        }
        static const std::string create_schema = "CREATE SCHEMA ";
        if (statement.starts_with(create_schema))
            return statement.insert(create_schema.size(), "IF NOT EXISTS ");
        if (statement.starts_with("ALTER "))
            statement = without_attribute_version(std::move(statement));
        if (statement.starts_with("CREATE TABLE "))
            return without_partition_key(std::move(statement));
        if (plan_.with_rows && statement.starts_with("ALTER TABLE ONLY ") &&
            !statement.ends_with(" NOT VALID;"))
            for (const auto& [beginning, name] : plan_.unvalidated_keys)
                if (statement.starts_with(beginning))
                    return statement.insert(statement.size() - 1, " NOT VALID");
        return statement;
    }

    /// The statements that create event triggers, complete at the end of the dump. They must run
    /// last, so that no other statement fires the triggers. They do not fire them themselves
    /// (EventTriggerSupportsObjectType in PostgreSQL's src/backend/commands/event_trigger.c).
    const std::string& event_triggers() const { return event_triggers_; }

    /// \throws Error if the dump lacks the expected statement of a partitioned table.
    void finish() const {
        if (!partition_keys_.empty())
            throw Error(fmt::format("pg_dump did not write the expected statement: {}...{}",
                                    partition_keys_.begin()->first,
                                    partition_keys_.begin()->second));
    }

  private:
    static bool is_about_event_trigger(std::string_view statement) {
        return statement.starts_with("CREATE EVENT TRIGGER ") ||
               statement.starts_with("ALTER EVENT TRIGGER ") ||
               statement.starts_with("COMMENT ON EVENT TRIGGER ") ||
               // The name of the label's provider stands between. Delaying other labels does no
               // harm.
               (statement.starts_with("SECURITY LABEL FOR ") &&
                statement.find(" ON EVENT TRIGGER ") != std::string_view::npos);
    }

    /// From 15.20 on, Debian's PostgreSQL 15 adds a setting to every column that other servers
    /// reject and that only its own pg_dump omits.
    static std::string without_attribute_version(std::string statement) {
        static const std::regex setting(
            R"( SET \((?:(n_distinct[^(),;]*(?:, n_distinct[^(),;]*)?), )?pg_attver='?[0-9]+'?\);$)");
        std::smatch match;
        if (statement.find(" ALTER COLUMN ") == std::string::npos ||
            statement.find("pg_attver") == std::string::npos ||
            !std::regex_search(statement, match, setting))
            return statement;
        return match[1].matched ? match.prefix().str() + " SET (" + match[1].str() + ");" : "";
    }

    std::string without_partition_key(std::string statement) {
        const auto found = std::ranges::find_if(partition_keys_, [&](const auto& one) {
            return statement.starts_with(one.first) && statement.ends_with(one.second);
        });
        if (found != partition_keys_.end()) {
            statement.replace(statement.size() - found->second.size(), found->second.size(), ";");
            partition_keys_.erase(found);
        }
        return statement;
    }

    const ClonePlan& plan_;
    std::map<std::string, std::string> partition_keys_; ///< beginnings of statements, and ends
    std::string event_triggers_;
};

/// The script that psql runs before the dump.
std::string script_before(const ClonePlan& plan, const run::Endpoint& target) {
    std::string script =
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);\n"
        "SELECT pg_catalog.set_config(name, setting, false) FROM (VALUES\n"
        "  ('statement_timeout', '0'), ('lock_timeout', '0'), ('transaction_timeout', '0'),\n"
        "  ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),\n"
        "  ('client_connection_check_interval', '10000'), ('client_min_messages', 'warning'))\n"
        "  AS wanted (name, setting) WHERE name IN (SELECT name FROM pg_settings);\n"
        // If the script ends before its COMMIT, for whatever reason, the transaction is rolled
        // back. psql's --single-transaction would commit it.
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;\n";
    if (plan.with_catalog)
        script += fmt::format("SELECT {}();\n", target.server.function("timescaledb_pre_restore"));
    return script;
}

/// The script that psql runs after the dump, without event triggers and the COMMIT.
std::string script_after(const ClonePlan& plan, const run::Endpoint& target) {
    std::string script =
        "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);\n" +
        plan.inventory.catalog_rows;
    if (plan.with_catalog)
        script += fmt::format("SELECT {}();\n", target.server.function("timescaledb_post_restore"));
    // Catalog rows cannot be inserted: before 2.21, they name a chunk 0, which violates their
    // foreign key (8a0a32934 in TimescaleDB's history).
    if (!plan.inventory.skipped_columns.empty())
        script += "SET timescaledb.enable_chunk_skipping = on;\n";
    for (const auto& [hypertable, column] : plan.inventory.skipped_columns)
        script += fmt::format(
            "SELECT {}({}, {});\n", target.server.function("enable_chunk_skipping"),
            postgres::quote_literal(hypertable.quoted()), postgres::quote_literal(column));
    for (const auto& one : plan.new_hypertables)
        script += one.sql(target.server) + ";\n";
    if (plan.inventory.jobs.empty())
        return script;
    if (!plan.has_queue)
        script += std::string(sql::create_schema) + "\n";
    // This runs users' functions (timescale::schedule_sql), which may rely on the source's
    // search_path.
    script += plan.search_path
                  ? fmt::format("SELECT pg_catalog.set_config('search_path', {}, true);\n",
                                postgres::quote_literal(plan.search_path->source))
                  : fmt::format("{};\n", postgres::own_search_path);
    for (const auto& job : plan.inventory.jobs)
        script += timescale::schedule_sql(target.server, job.schedule, false) + ";\n";
    script += fmt::format("{};\n", postgres::pinned_search_path);
    return script + queue::remember_suspended_sql(jobs::ids_of(plan.inventory.jobs)) + ";\n";
}

/// The object of the next statement, from pg_dump's comment: `INDEX readings_time_idx`.
std::string subject_in(std::string_view comment) {
    constexpr std::string_view name_label = "-- Name: ";
    constexpr std::string_view type_label = "; Type: ";
    const auto begin = comment.rfind(name_label);
    if (begin == std::string_view::npos)
        return {};
    comment.remove_prefix(begin + name_label.size());
    comment = comment.substr(0, comment.find('\n'));
    const auto type = comment.find(type_label);
    if (type == std::string_view::npos)
        return {};
    auto kind = comment.substr(type + type_label.size());
    kind = kind.substr(0, kind.find(';'));
    return fmt::format("{} {}", kind, comment.substr(0, type));
}

/// Starts the target's background workers again. A rollback does not.
void start_workers(run::Endpoint& target) {
    if (!target.server.has_timescaledb)
        return;
    try {
        target.connection.query("SELECT _timescaledb_functions.start_background_workers()");
    } catch (const Error& error) {
        spdlog::debug("cannot start the target's background workers: {}", error.what());
    }
}

/// Terminates server processes whose client programs have ended.
void end_sessions(run::Endpoint& endpoint) {
    try {
        postgres::terminate_others(endpoint.connection);
    } catch (const Error& error) {
        spdlog::debug("cannot terminate remaining backends: {}", error.what());
    }
}

/// pg_dump and psql, and the script that goes from the one to the other.
class Pipeline {
  public:
    Pipeline(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
             processes::Children& children, const run::RetryOptions& retry, const run::Stop& stop)
        : plan_(plan), target_(target), retry_(retry), stop_(stop),
          dump_(client(source, plan.programs.path("pg_dump"), plan.dump_arguments()),
                processes::Stream::output),
          psql_(client(target, plan.programs.path("psql"),
                       {"--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=ECHO=errors",
                        "--file=-"}),
                processes::Stream::input),
          dump_entry_(children, dump_), psql_entry_(children, psql_) {}

    void run(const RestoreListener& progress) {
        write(script_before(plan_, target_));
        Rewriter rewriter(plan_);
        DumpReader reader(
            {.write = [this](std::string_view text) { write(text); },
             .rewrite = [&](std::string statement) { return rewriter(std::move(statement)); },
             .commented =
                 [&](std::string_view comment) {
                     if (const auto subject = subject_in(comment); !subject.empty())
                         progress.restoring(subject);
                 },
             .copied = progress.copied});
        std::vector<char> buffer(std::size_t{256} * 1024);
        for (std::size_t length = 0; (length = dump_.read(buffer.data(), buffer.size())) > 0;) {
            reader.feed({buffer.data(), length});
            check();
        }
        if (const int status = dump_.wait(); status != 0)
            fail("pg_dump", status, dump_);
        reader.finish();
        rewriter.finish();
        write(script_after(plan_, target_) + rewriter.event_triggers());
        check();
        progress.restoring("COMMIT");
        write(commit_script());
        psql_.close_input();
        if (const int status = psql_.wait(); status != 0 && !has_committed_after_all(status))
            fail("psql", status, psql_);
    }

  private:
    void write(std::string_view text) { is_read_ = is_read_ && psql_.write(text); }

    /// \throws Interrupted after a signal; Error if psql has ended.
    void check() {
        if (stop_.is_requested())
            fail("psql", 0, psql_);
        if (is_read_)
            return;
        dump_.interrupt(SIGTERM);
        fail("psql", psql_.wait(), psql_);
    }

    /// Finds out whether psql failed only because COMMIT got no answer.
    bool has_committed_after_all(int status) {
        const auto transaction = printed_transaction_id(psql_.errors());
        if (!transaction)
            return false;
        const auto reason = processes::last_error(psql_.errors());
        try {
            if (!has_committed(target_, *transaction, retry_, stop_))
                return false;
        } catch (const Error& error) {
            throw InDoubt(fmt::format("psql failed with exit status {}, and it is unknown whether "
                                      "the target has committed: {}; {}",
                                      status, reason, error.what()),
                          fmt::format("to find out, in the target: SELECT pg_xact_status('{}')",
                                      *transaction));
        }
        spdlog::warn("psql failed with exit status {}, but the target has committed: {}", status,
                     reason);
        return true;
    }

    [[noreturn]] void fail(const std::string& name, int status, processes::Child& child) {
        psql_.close_input();
        psql_.wait();
        if (stop_.is_requested())
            throw Interrupted();
        throw Error(fmt::format("{} failed with exit status {}; the target is unchanged: {}", name,
                                status, processes::last_error(child.errors())));
    }

    const ClonePlan& plan_;
    run::Endpoint& target_;
    const run::RetryOptions& retry_;
    const run::Stop& stop_;
    processes::Child dump_;
    processes::Child psql_;
    processes::Children::Registration dump_entry_;
    processes::Children::Registration psql_entry_;
    bool is_read_ = true; ///< psql still reads its input
};

} // namespace

processes::ProgramCall client(const run::Endpoint& endpoint, const std::string& program,
                              std::vector<std::string> arguments) {
    std::vector<std::string> words{program, "--no-password",
                                   "--dbname=" + postgres::arguments_for(endpoint.connection)};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return {.words = std::move(words),
            .environment = postgres::environment_for(endpoint.connection,
                                                     postgres::application_name(purpose))};
}

void restore(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
             processes::Children& children, const run::RetryOptions& retry, const run::Stop& stop,
             const RestoreListener& progress) {
    try {
        Pipeline(source, target, plan, children, retry, stop).run(progress);
    } catch (...) {
        end_sessions(source);
        end_sessions(target);
        start_workers(target);
        throw;
    }
}

} // namespace cloning
