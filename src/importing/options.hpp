#pragma once

#include "csv/format.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace importing {

/// What the command line of `import` gives.
struct ImportOptions {
    postgres::ConnectionString target;
    std::string table;                  ///< as SQL names it; of public, if it names no schema
    std::vector<std::string> files;     ///< "-" for standard input
    std::optional<std::string> name;    ///< of a single file, to know it by
    std::optional<std::string> columns; ///< a record of names; if none, each file's first is one
    bool header = false;                ///< files begin with a header, whatever columns says
    csv::Format format;
    std::optional<std::string> until;
    std::optional<std::string> from;
    bool skips_rejected = false;        ///< rather than to stop at the first record
    std::optional<std::string> rejects; ///< the file that they go to
    std::int64_t max_rejects = 1000;    ///< of a run
    int parallelism = 8;
    run::RetryOptions retry;
};

} // namespace importing
