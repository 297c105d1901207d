#pragma once

#include "csv/batches.hpp"
#include "csv/rewriter.hpp"
#include "csv/times.hpp"
#include "importing/detour.hpp"
#include "importing/options.hpp"
#include "importing/reading_settings.hpp"
#include "importing/table.hpp"
#include "queue/imports.hpp"
#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <cstdint>
#include <functional>
#include <map>
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
    std::vector<std::string> columns;     ///< of the table, in the order of the file
    std::vector<std::string> null_quoted; ///< those in which NULL may be in quotes
    std::optional<csv::Rewriter> rewriter;
    std::string copy; ///< the COPY statement for its records
    std::optional<Detour> detour;
    bool needs_detour = false;          ///< otherwise, only rows that conflict with others need it
    std::int64_t id = 0;                ///< __backfill.import.id
    std::optional<std::string> problem; ///< why it cannot be loaded, if other files can
    bool is_finished = false;           ///< nothing is left to load
    queue::Imported done_counts;        ///< counts of the parts that were loaded before
    std::vector<csv::Part> done;        ///< those parts

    /// A place in the file, for messages: its path, and a line or a record.
    std::string place(std::int64_t line) const;

    bool has_problem() const { return problem.has_value(); }
    bool is_to_load() const { return !problem && !is_finished; }
};

struct ImportPlan {
    ImportTable table;
    timescale::HypertableTriggers triggers; ///< of the table or hypertable
    ReadingSettings reading;
    std::map<std::string, csv::TimeFormat> time_formats; ///< by column
    std::vector<std::string> columns_of_time;            ///< those whose text depends on `reading`
    std::vector<PlannedFile> files;
    std::string owner; ///< a random name of this process
};

/// Checks the table and the files. Changes nothing. A problem of one of several files becomes its
/// PlannedFile::problem; but not with OnConflict::update, because files are loaded in order then.
/// \param check called while standard input has nothing to read; may throw.
/// \throws Error, UsageError
ImportPlan plan_import(run::Endpoint& target, const ImportOptions& options,
                       const ReadingSettings& reading, const std::function<void()>& check);

/// Adds all files to the queue in one transaction, and sets what the queue knows of them.
/// \throws Error if options have changed, or if another process loads a file; FileError, UsageError
/// if no file can be loaded. Nothing has been changed then.
void enter(run::Endpoint& target, ImportPlan& plan, const ImportOptions& options);

/// True if the contents begin as they did when the file was planned: it may have been replaced.
bool has_planned_beginning(csv::Input& input, const queue::FileFacts& facts);

/// True if the file has the bytes at its former end that it had when it was planned. \pre a regular
/// file.
bool has_planned_end(const csv::Input& input, const queue::FileFacts& facts);

/// The COPY statement for a file's records. \param into a quoted name.
std::string copy_statement(const PlannedFile& file, const std::string& into);

} // namespace importing
