#include "cloning/restore.hpp"

#include "cloning/commit.hpp"
#include "cloning/rewriter.hpp"
#include "cloning/scripts.hpp"
#include "cloning/tolerance.hpp"
#include "postgres/environment.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <optional>

namespace cloning {

namespace {

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

/// What is said after an error, once the target has a record of the clone.
constexpr auto go_on = "run the same command again to go on, or with --discard to begin anew";

/// A transaction of the target that psql runs.
class Script {
  public:
    /// Begins the transaction.
    /// \param is_first nothing is committed before.
    Script(run::Endpoint& target, const ClonePlan& plan, processes::Children& children,
           const run::RetryOptions& retry, const run::Stop& stop, bool is_first)
        : target_(target), retry_(retry), stop_(stop), is_first_(is_first),
          psql_(client(target, plan.programs.path("psql"),
                       {"--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=ECHO=errors",
                        "--file=-"}),
                processes::Stream::input),
          entry_(children, psql_) {
        write(script_before(plan, target));
    }

    void write(std::string_view text) { is_read_ = is_read_ && psql_.write(text); }

    /// \throws Interrupted after a signal; Error if psql has ended.
    void check(processes::Child* dump = nullptr) {
        if (stop_.is_requested())
            fail("psql", 0, psql_);
        if (is_read_)
            return;
        if (dump != nullptr)
            dump->interrupt(SIGTERM);
        fail("psql", psql_.wait(), psql_);
    }

    void commit() {
        check();
        write(commit_script());
        psql_.close_input();
        if (const int status = psql_.wait(); status != 0 && !has_committed_after_all(status))
            fail("psql", status, psql_);
    }

    /// What psql has printed. \pre commit() has returned.
    const std::string& errors() const { return psql_.errors(); }

    /// Rolls back.
    [[noreturn]] void fail(const std::string& name, int status, processes::Child& child) {
        psql_.close_input();
        psql_.wait();
        if (stop_.is_requested())
            throw Interrupted();
        fail_of(name, status, child, is_first_ ? "; the target is unchanged" : "");
    }

    [[noreturn]] static void fail_of(const std::string& name, int status, processes::Child& child,
                                     const char* state = "") {
        throw Error(fmt::format("{} failed with exit status {}{}: {}", name, status, state,
                                processes::last_error(child.errors())));
    }

  private:
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

    run::Endpoint& target_;
    const run::RetryOptions& retry_;
    const run::Stop& stop_;
    const bool is_first_;
    processes::Child psql_;
    processes::Children::Registration entry_;
    bool is_read_ = true; ///< psql still reads its input
};

/// pg_dump and psql, and the script that goes from the one to the other.
class Restore {
  public:
    Restore(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
            const std::optional<CloneRecord>& record, processes::Children& children,
            const run::RetryOptions& retry, const run::Stop& stop, const RestoreListener& progress)
        : plan_(plan), source_(source), target_(target), record_(record), children_(children),
          retry_(retry), stop_(stop), progress_(progress) {}

    /// \returns owners and privileges that were refused.
    std::vector<LeftOut> run(const CopyRows& copy_rows) {
        Dump post_data(*this, plan_.dump_arguments({"post-data"}));
        if (!record_)
            begin();
        const CloneRecord record{.id = record_ ? record_->id : new_record_id(),
                                 .source = source_identity(source_.connection),
                                 .schema = create_tables()};
        post_data.read([this](std::string_view text) { post_data_ += text; });
        if (record_)
            require_same(record);
        else if (plan_.tables_with_rows().empty())
            return finish("");
        else
            commit_tables(record);
        LoadRun loaded;
        try {
            loaded = copy_rows(record.id, read_index_builds(plan_, post_data_));
            begin();
            return finish(end_of_record(loaded));
        } catch (const InDoubt&) {
            throw;
        } catch (const Interrupted&) {
            throw;
        } catch (const Error& error) {
            // Rows of an earlier run may be older than a key that the source has got since.
            if (!loaded.loaded.empty())
                forget_loads(target_.connection);
            throw Error(error.what(), go_on);
        }
    }

  private:
    /// A running pg_dump.
    class Dump {
      public:
        Dump(Restore& restore, std::vector<std::string> arguments)
            : restore_(restore),
              child_(client(restore.source_, restore.plan_.programs.path("pg_dump"),
                            std::move(arguments)),
                     processes::Stream::output),
              entry_(restore.children_, child_) {}

        /// Reads all of its output. \throws Error if it fails; Interrupted.
        void read(const std::function<void(std::string_view)>& take) {
            std::vector<char> buffer(std::size_t{256} * 1024);
            for (std::size_t length = 0;
                 (length = child_.read(buffer.data(), buffer.size())) > 0;) {
                take({buffer.data(), length});
                if (restore_.script_)
                    restore_.script_->check(&child_);
            }
            if (const int status = child_.wait(); status != 0) {
                if (restore_.script_)
                    restore_.script_->fail("pg_dump", status, child_);
                restore_.stop_.check();
                Script::fail_of("pg_dump", status, child_);
            }
        }

      private:
        Restore& restore_;
        processes::Child child_;
        processes::Children::Registration entry_;
    };

    void begin() { script_.emplace(target_, plan_, children_, retry_, stop_, !record_exists_); }

    /// \returns the digest of the statements, and of what is a table with rows.
    std::string create_tables() {
        SchemaDigest digest;
        digest.add(plan_.with_rows ? "with rows, format 2;" : "without rows;");
        for (const auto& table : plan_.tables_with_rows())
            digest.add(table.name.quoted() + ";");
        restore_dump(plan_.dump_arguments({"pre-data"}), &digest);
        rewriter_.finish();
        return digest.text();
    }

    void require_same(const CloneRecord& record) {
        record_exists_ = true;
        const auto refuse = [this](const char* what) {
            throw UsageError(fmt::format("the {} has an unfinished clone of {}",
                                         target_.connection.name(), what),
                             "to remove it and begin anew, use --discard");
        };
        if (record_->source != record.source)
            refuse("another source");
        if (record_->schema != record.schema)
            refuse("other tables: they, or the options, have changed since");
    }

    void commit_tables(const CloneRecord& record) {
        if (plan_.with_catalog)
            script_->write(end_restoring(target_));
        script_->write(record_script(record));
        script_->commit();
        script_.reset();
        record_exists_ = true;
    }

    /// \param end of the record.
    /// \returns what has failed.
    std::vector<LeftOut> finish(std::string_view end) {
        restore_dump(plan_.dump_arguments({"data"}));
        auto reader = dump_reader();
        reader.feed(post_data_);
        reader.finish();
        script_->write(script_of_hypertables(plan_, target_));
        if (const auto arguments = plan_.view_dump_arguments()) {
            restore_dump(*arguments);
            for (const auto& statement : plan_.definitions->statistics)
                script_->write(statement + ";\n");
            if (plan_.ownership.owners)
                for (const auto& statement : plan_.definitions->statistics_owners)
                    rewriter_(statement);
        }
        script_->write(script_of_jobs(plan_, target_));
        script_->write(end);
        script_->write(rewriter_.publications());
        script_->write(tolerating_errors(rewriter_.ownership()));
        script_->write(rewriter_.event_triggers());
        script_->write(tolerating_errors(rewriter_.event_trigger_owners()));
        progress_.restoring("COMMIT");
        script_->commit();
        return tolerated_errors(script_->errors());
    }

    /// Runs pg_dump, and passes its output on to the script, if there is one.
    void restore_dump(std::vector<std::string> arguments, SchemaDigest* digest = nullptr) {
        auto reader = dump_reader(digest);
        Dump(*this, std::move(arguments)).read([&](std::string_view text) { reader.feed(text); });
        reader.finish();
    }

    /// Passes a dump on, without the statements that the workers have run.
    DumpReader dump_reader(SchemaDigest* digest = nullptr) {
        return DumpReader({.write =
                               [this](std::string_view text) {
                                   if (script_)
                                       script_->write(text);
                               },
                           .rewrite =
                               [this, digest](std::string statement) {
                                   if (find_indexed_table(plan_, statement) != nullptr)
                                       return std::string();
                                   auto rewritten = rewriter_(std::move(statement));
                                   if (digest != nullptr)
                                       digest->add(rewritten);
                                   return rewritten;
                               },
                           .commented =
                               [this](std::string_view comment) {
                                   if (const auto subject = subject_in(comment); !subject.empty())
                                       progress_.restoring(subject);
                               },
                           .copied = progress_.copied});
    }

    const ClonePlan& plan_;
    run::Endpoint& source_;
    run::Endpoint& target_;
    const std::optional<CloneRecord>& record_;
    processes::Children& children_;
    const run::RetryOptions& retry_;
    const run::Stop& stop_;
    const RestoreListener& progress_;
    Rewriter rewriter_{plan_};
    bool record_exists_ = false;
    std::optional<Script> script_; ///< the open transaction
    std::string post_data_;        ///< pg_dump's script of that section
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

std::vector<LeftOut> restore(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
                             const std::optional<CloneRecord>& record,
                             processes::Children& children, const run::RetryOptions& retry,
                             const run::Stop& stop, const RestoreListener& progress,
                             const CopyRows& copy_rows) {
    try {
        return Restore(source, target, plan, record, children, retry, stop, progress)
            .run(copy_rows);
    } catch (...) {
        end_sessions(source);
        end_sessions(target);
        start_workers(target);
        throw;
    }
}

} // namespace cloning
