#pragma once

#include "base/exit_status.hpp"
#include "copy/options.hpp"
#include "importing/options.hpp"
#include "output/output.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "timescale/selection.hpp"
#include "verify/options.hpp"

#include <optional>
#include <string>
#include <vector>

/// The program's commands, each with the options that its command line gives. They print results
/// on standard output, throw an Error when they cannot do what was asked, and return an exit
/// status otherwise.
namespace commands {

struct CheckOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> until; ///< everything, if nothing
    std::optional<std::string> from;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    int parallelism = 8; ///< that copy will have
};

/// Says what would go wrong, and changes nothing.
/// \returns exit_failed when something would for certain.
ExitStatus check(const CheckOptions& options, output::Output& output);

struct CloneOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    bool roles = false;           ///< of the source's cluster, too
    bool relational_data = true;  ///< rows of plain tables
    bool allow_non_empty = false; ///< the target may have objects of users
    /// Each [[SCHEMA.]TABLE.]COLUMN[:INTERVAL].
    std::vector<std::string> create_hypertables;
    std::optional<std::string> programs; ///< folder of PostgreSQL's own
    run::RetryOptions retry; ///< of asking for what became of a COMMIT: retry_timeout alone
    bool dry_run = false;    ///< say what would be done; change nothing
};

/// Clones the source's schema into the target by PostgreSQL's own programs: plain tables with their
/// rows, hypertables without theirs, and turns background jobs off.
ExitStatus clone_schema(const CloneOptions& options, output::Output& output);

struct StageOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::string until;
    std::optional<std::string> from;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    std::optional<std::string> snapshot;
    bool dry_run = false; ///< say what would be staged, and how it would be loaded; change nothing
};

/// Puts a task for each chunk of the source that has rows in [from, until) into the target's
/// queue, all or none.
ExitStatus stage(const StageOptions& options, output::Output& output);

/// Copies the staged chunks.
ExitStatus copy(const copy::CopyOptions& options, output::Output& output);

/// Compares both sides of the copied chunks.
ExitStatus verify(const verify::VerifyOptions& options, output::Output& output);

struct RefreshOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    run::RetryOptions retry;
};

/// Refreshes the target's continuous aggregates up to where the source's are.
ExitStatus refresh_caggs(const RefreshOptions& options, output::Output& output);

struct StatusOptions {
    postgres::ConnectionString target;
    bool failed = false; ///< list the failed chunks
    bool watch = false;  ///< again and again, until nothing is left to do or somebody interrupts
};

/// Tells how far the queue is, and what is at work on it.
ExitStatus status(const StatusOptions& options, output::Output& output);

struct ReportOptions {
    std::optional<postgres::ConnectionString> source; ///< to compare sequences with
    postgres::ConnectionString target;
    std::string html; ///< the file to write
};

/// Writes a page on the migration, which needs nothing else to be looked at.
/// \throws Error when the file cannot be written.
ExitStatus report(const ReportOptions& options, output::Output& output);

struct ControlOptions {
    postgres::ConnectionString target;
    int parallelism = 0; ///< of set-parallelism
};

/// Has the processes that copy or verify begin nothing new for now.
ExitStatus pause(const ControlOptions& options, output::Output& output);
ExitStatus resume(const ControlOptions& options, output::Output& output);

/// Has each of them work with more or fewer workers.
ExitStatus set_parallelism(const ControlOptions& options, output::Output& output);

struct CompletionPointOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> filter;
    std::optional<std::string> since; ///< where to begin; if nothing, where the target's rows do
};

/// Suggests a completion point for each hypertable: from when on both sides have as many rows.
/// \returns exit_failed when there is one of which none can be suggested.
ExitStatus completion_point(const CompletionPointOptions& options, output::Output& output);

enum class JobsAction { list, disable, enable };

struct JobsOptions {
    postgres::ConnectionString target;
    JobsAction action = JobsAction::list;
    std::optional<std::string> filter;
    bool dry_run = false; ///< say what would be done; change nothing
};

/// Lists the background jobs of users in the target, or turns them off, or on again those that it
/// has turned off.
ExitStatus jobs(const JobsOptions& options, output::Output& output);

/// Loads CSV files into a table of the target.
ExitStatus import_csv(const importing::ImportOptions& options, output::Output& output);

struct CleanOptions {
    postgres::ConnectionString target;
};

/// Drops the queue.
ExitStatus clean(const CleanOptions& options, output::Output& output);

} // namespace commands
