#pragma once

#include "csv/format.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace importing {

/// The options of `import`.
struct ImportOptions {
    postgres::ConnectionString target;
    std::string table;                  ///< name in SQL syntax; without a schema, in public
    std::vector<std::string> files;     ///< "-" for standard input
    std::optional<std::string> name;    ///< identifies a single file, instead of its path
    std::optional<std::string> columns; ///< a CSV record of names; if none, from each file's header
    bool header = false;                ///< files begin with a header even if columns is given
    csv::Format format;
    std::optional<std::string> until;
    std::optional<std::string> from;
    bool skips_rejected = false;        ///< skip rejected records instead of stopping at the first
    std::optional<std::string> rejects; ///< the file for rejected records
    std::int64_t max_rejects = 1000;    ///< per run
    int parallelism = 8;
    run::RetryOptions retry;
};

/// Sets what depends on several options, and checks that they do not contradict each other.
/// \param escape the value of --escape, if it was given.
/// \throws UsageError
void complete(ImportOptions& options, std::optional<char> escape);

} // namespace importing
