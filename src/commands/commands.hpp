#pragma once

#include "exit_status.hpp"
#include "load/plan.hpp"
#include "postgres/connection_string.hpp"
#include "timescale/selection.hpp"
#include "verify/comparison.hpp"

#include <optional>
#include <string>

/// The program's commands, each with the options that its command line gives. They print results
/// on standard output, throw an Error when they cannot do what was asked, and return an exit
/// status otherwise.
namespace commands {

struct StageOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::string until;
    std::optional<std::string> from;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
    std::optional<std::string> snapshot;
};

/// Puts a task for each chunk of the source that has rows in [from, until) into the target's
/// queue, all or none.
ExitStatus stage(const StageOptions& options);

struct CopyOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    int parallelism = 8;
    load::Strategy strategy = load::Strategy::automatic;
    bool explain = false; ///< only say how each chunk would be loaded
};

/// Copies the staged chunks.
ExitStatus copy(const CopyOptions& options);

struct VerifyOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    int parallelism = 8;
    verify::Mode mode = verify::Mode::digest;
    bool all = false;     ///< chunks that were verified before, too
    bool requeue = false; ///< copy differing chunks again with the next copy
    int max_differences = 10;
};

/// Compares both sides of the copied chunks.
ExitStatus verify(const VerifyOptions& options);

struct RefreshOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    std::optional<std::string> filter;
    timescale::Cascade cascade;
};

/// Refreshes the target's continuous aggregates up to where the source's are.
ExitStatus refresh_caggs(const RefreshOptions& options);

struct CleanOptions {
    postgres::ConnectionString target;
};

/// Drops the queue.
ExitStatus clean(const CleanOptions& options);

} // namespace commands
