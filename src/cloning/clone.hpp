#pragma once

#include "output/output.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "run/throttle_options.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cloning {

/// The options of `clone-schema`.
struct CloneOptions {
    postgres::ConnectionString source;
    postgres::ConnectionString target;
    bool roles = false;           ///< also clone the roles of the source's cluster
    bool owners = false;          ///< give objects the owners that they have in the source
    bool privileges = false;      ///< grant the source's privileges
    bool portable = false;        ///< clone hypertables by their definitions
    bool relational_data = true;  ///< rows of plain tables
    bool allow_non_empty = false; ///< the target may have objects of users
    bool discard = false;         ///< first remove what an unfinished clone has created
    /// Each [[SCHEMA.]TABLE.]COLUMN[:INTERVAL].
    std::vector<std::string> create_hypertables;
    std::optional<std::string> programs; ///< directory of PostgreSQL's client programs
    int parallelism = 8;                 ///< workers that copy rows
    run::ThrottleOptions throttle{};     ///< of copying rows
    run::RetryOptions retry;             ///< also for finding out whether a COMMIT succeeded
    bool dry_run = false;                ///< print what would be done; change nothing
};

/// Clones the schema and the rows of plain tables (restore()), or prints what it would do.
/// \throws UsageError with nothing changed; Error; InDoubt if a COMMIT was not answered;
/// Interrupted after a signal.
void clone_schema(const CloneOptions& options, output::Output& output);

} // namespace cloning
