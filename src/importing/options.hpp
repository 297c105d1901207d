#pragma once

#include "csv/format.hpp"
#include "postgres/connection_string.hpp"
#include "run/retry.hpp"
#include "run/throttle_options.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace importing {

/// What to do with a record whose unique key the table has already.
enum class OnConflict {
    fail, ///< the server rejects it
    skip,
    update, ///< it replaces the values of the row
};

/// The options of `import`.
struct ImportOptions {
    postgres::ConnectionString target;
    std::string table;                  ///< name in SQL syntax; without a schema, in public
    std::vector<std::string> files;     ///< "-" for standard input
    std::optional<std::string> name;    ///< identifies a single file, instead of its path
    std::optional<std::string> columns; ///< a CSV record of names; if none, from each file's header
    bool header = false;                ///< files begin with a header even if columns is given
    std::optional<std::string> map;     ///< a CSV record of `name in the file=column`
    std::optional<std::string> ignore_columns; ///< a CSV record of names in the file
    std::optional<std::string> force_null;     ///< a CSV record of columns, or "all"
    std::vector<std::string> time_formats;     ///< `column=format`, or a format for the time column
    csv::Format format;
    bool is_delimiter_given = false;       ///< otherwise, a file may name its own
    std::optional<std::string> time_zone;  ///< of times without one; if none, as psql
    std::optional<std::string> date_style; ///< the order of day and month; if none, as psql
    std::optional<std::string> until;
    std::optional<std::string> from;
    OnConflict on_conflict = OnConflict::fail;
    bool skips_rejected = false;        ///< skip rejected records instead of stopping at the first
    std::optional<std::string> rejects; ///< the file for rejected records
    std::int64_t max_rejects = 1000;    ///< per run
    bool compresses = false;            ///< rows are compressed while they are loaded
    bool only_checks = false;           ///< load nothing
    bool only_guesses = false;          ///< propose options, and load nothing
    int parallelism = 8;
    run::RetryOptions retry;
    run::ThrottleOptions throttle{};
};

/// True if files begin with a header.
bool has_header(const ImportOptions& options);

/// Options of the format whose defaults depend on others.
struct GivenFormat {
    std::optional<char> delimiter;
    std::optional<char> escape;
    std::vector<std::string> nulls;
};

/// Sets what depends on several options, and checks that they do not contradict each other.
/// \throws UsageError
void complete(ImportOptions& options, const GivenFormat& given);

} // namespace importing
