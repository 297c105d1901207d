#pragma once

#include "csv/batches.hpp"
#include "importing/options.hpp"
#include "queue/imports.hpp"
#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What `import` is to do, found out before anything is changed.
namespace importing {

/// How rows go where COPY would look for --from and --until in the wrong column: into a table of
/// their own, which is dropped afterwards, and from there.
struct Detour {
    std::string name;   ///< of that table, without its schema
    std::string create; ///< the statement that makes it
    std::string insert; ///< takes from it what is within the bounds
};

/// A file that is to be loaded, or the rest of it.
struct PlannedFile {
    std::string path;                   ///< as the user gave it
    queue::FileFacts facts;             ///< as it is now
    std::shared_ptr<csv::Input> stream; ///< of standard input, at its beginning; others are opened
    csv::Beginning beginning;
    std::string copy; ///< the COPY that takes its records
    std::optional<Detour> detour;
    std::int64_t id = 0;         ///< __backfill.import.id
    bool is_finished = false;    ///< there is nothing left to load
    queue::Imported done_counts; ///< what was loaded before
    std::vector<csv::Part> done; ///< where
};

struct ImportPlan {
    postgres::QualifiedName table;
    std::optional<timescale::Hypertable> hypertable; ///< that it is
    timescale::Triggers triggers;                    ///< of the table, whatever it is
    std::vector<PlannedFile> files;
    std::string owner; ///< what this process calls itself
};

/// Looks at the table and the files, and enters these into the queue: all of them, or none.
/// \param check called while standard input has nothing to read; may throw.
/// \throws Error, UsageError; nothing has been changed then.
ImportPlan plan_import(run::Endpoint& target, const ImportOptions& options,
                       const std::function<void()>& check);

} // namespace importing
