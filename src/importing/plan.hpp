#pragma once

#include "csv/batches.hpp"
#include "csv/rewriter.hpp"
#include "importing/detour.hpp"
#include "importing/options.hpp"
#include "importing/reading_settings.hpp"
#include "queue/imports.hpp"
#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The plan of `import`, made before anything is changed.
namespace importing {

/// A file to load, in full or the rest of it.
struct PlannedFile {
    std::string path;                   ///< as the user gave it
    queue::FileFacts facts;             ///< of the file now
    std::shared_ptr<csv::Input> stream; ///< standard input, at its beginning; null for other files
    bool is_compressed = false;
    csv::Beginning beginning;
    csv::Format format;
    std::vector<std::string> columns; ///< of the table, in the order of the file
    std::optional<csv::Rewriter> rewriter;
    std::string copy; ///< the COPY statement for its records
    std::optional<Detour> detour;
    bool needs_detour = false;   ///< otherwise, only rows that conflict with others need it
    std::int64_t id = 0;         ///< __backfill.import.id
    bool is_finished = false;    ///< nothing is left to load
    queue::Imported done_counts; ///< counts of the parts that were loaded before
    std::vector<csv::Part> done; ///< those parts
};

struct ImportPlan {
    postgres::QualifiedName table;
    std::optional<timescale::Hypertable> hypertable; ///< set if the table is a hypertable
    timescale::HypertableTriggers triggers;          ///< of the table or hypertable
    ReadingSettings reading;
    std::vector<std::string> columns_of_time; ///< those whose text depends on `reading`
    std::vector<PlannedFile> files;
    std::string owner; ///< a random name of this process
};

/// Checks the table and the files, and adds all files to the queue in one transaction.
/// \param check called while standard input has nothing to read; may throw.
/// \throws Error, UsageError; nothing has been changed then.
ImportPlan plan_import(run::Endpoint& target, const ImportOptions& options,
                       const std::function<void()>& check);

} // namespace importing
