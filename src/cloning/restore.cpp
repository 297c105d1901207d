#include "cloning/restore.hpp"

#include "cloning/commit.hpp"
#include "cloning/rewriter.hpp"
#include "cloning/scripts.hpp"
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

/// pg_dump and psql, and the script that goes from the one to the other.
class Pipeline {
  public:
    Pipeline(run::Endpoint& source, run::Endpoint& target, const ClonePlan& plan,
             processes::Children& children, const run::RetryOptions& retry, const run::Stop& stop)
        : plan_(plan), source_(source), target_(target), children_(children), retry_(retry),
          stop_(stop), psql_(client(target, plan.programs.path("psql"),
                                    {"--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1",
                                     "--set=ECHO=errors", "--file=-"}),
                             processes::Stream::input),
          psql_entry_(children, psql_) {}

    void run(const RestoreListener& progress) {
        write(script_before(plan_, target_));
        Rewriter rewriter(plan_);
        restore(plan_.dump_arguments(), rewriter, progress);
        rewriter.finish();
        write(script_of_hypertables(plan_, target_));
        if (const auto arguments = plan_.view_dump_arguments())
            restore(*arguments, rewriter, progress);
        write(script_of_jobs(plan_, target_) + rewriter.last());
        check();
        progress.restoring("COMMIT");
        write(commit_script());
        psql_.close_input();
        if (const int status = psql_.wait(); status != 0 && !has_committed_after_all(status))
            fail("psql", status, psql_);
    }

  private:
    /// Runs pg_dump, and passes its output on.
    void restore(std::vector<std::string> arguments, Rewriter& rewriter,
                 const RestoreListener& progress) {
        processes::Child dump(client(source_, plan_.programs.path("pg_dump"), std::move(arguments)),
                              processes::Stream::output);
        const processes::Children::Registration entry(children_, dump);
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
        for (std::size_t length = 0; (length = dump.read(buffer.data(), buffer.size())) > 0;) {
            reader.feed({buffer.data(), length});
            check(&dump);
        }
        if (const int status = dump.wait(); status != 0)
            fail("pg_dump", status, dump);
        reader.finish();
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
    run::Endpoint& source_;
    run::Endpoint& target_;
    processes::Children& children_;
    const run::RetryOptions& retry_;
    const run::Stop& stop_;
    processes::Child psql_;
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
