#pragma once

#include "csv/batches.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/**
 * The files that are loaded into tables of the target. Table __backfill.import has a row for each
 * file; __backfill.import_batch has a row for each part of a file, committed with that part's rows.
 *
 * A file has one owner, a process. Each transaction that loads a part checks the owner under a row
 * lock. A process that takes over the file waits for that lock. So it sees all parts that earlier
 * owners have loaded, and they cannot load any more.
 */
namespace queue {

/// The properties that identify a file.
struct FileFacts {
    std::string name;
    std::string head;            ///< digest of the first bytes of its contents
    std::int64_t head_bytes = 0; ///< how many bytes that digest covers
    /// Size of the file on disk, and a digest of its last bytes; none for standard input.
    std::optional<std::int64_t> size{};
    std::optional<std::string> tail{};
};

/// The outcome of loading records.
struct Imported {
    std::int64_t records = 0;
    std::int64_t rows = 0; ///< inserted or updated
    std::int64_t rejected = 0;
    std::int64_t conflicts = 0; ///< records left out because of --on-conflict
    std::int64_t updated = 0;   ///< rows that existed before

    Imported& operator+=(const Imported& other) {
        records += other.records;
        rows += other.rows;
        rejected += other.rejected;
        conflicts += other.conflicts;
        updated += other.updated;
        return *this;
    }

    /// Records outside of the bounds, or left out by a trigger.
    std::int64_t left_out() const { return records - rows - rejected - conflicts; }
};

/// What the queue knows of a file.
struct KnownFile {
    std::int64_t id = 0;
    FileFacts facts; ///< when its owner last noted them
    std::string options;
    bool is_begun = false; ///< a part of it is loaded
    bool is_finished = false;
    Imported done;
    bool is_terminated = true;         ///< the loaded part ends with a newline
    std::optional<std::string> twin{}; ///< another name under which it has been loaded
};

/// The text as the target can store it: bytes that are not UTF-8, as in some files' names, are
/// replaced by U+FFFD.
std::string storable(const std::string& text);

/// Adds files that the queue does not know.
/// \param options JSON.
void enter_imports(postgres::Connection& target, const postgres::QualifiedName& table,
                   const std::vector<FileFacts>& files, const std::string& options);

/// Reserves files for this session until it ends.
/// \returns a file that another process has reserved, if there is one.
std::optional<std::string> reserve_imports(postgres::Connection& target,
                                           const postgres::QualifiedName& table,
                                           const std::vector<FileFacts>& files);

/// Locks files for the transaction. Waits for transactions that are loading a part of them. Notes
/// again what those are of which nothing is loaded.
/// \param options JSON.
/// \returns what is known of each, in the order of the files.
std::vector<KnownFile> lock_imports(postgres::Connection& target,
                                    const postgres::QualifiedName& table,
                                    const std::vector<FileFacts>& files,
                                    const std::string& options);

/// Notes why files cannot be loaded, and forgets earlier errors of the others.
/// \param errors by name.
void note_import_errors(postgres::Connection& target, const postgres::QualifiedName& table,
                        const std::vector<FileFacts>& files,
                        const std::map<std::string, std::string>& errors);

/// Makes a process the owner of a file, and notes the file's present size and tail.
void own_import(postgres::Connection& target, std::int64_t id, const FileFacts& facts,
                const std::string& owner);

/// The loaded parts of a file, in file order.
std::vector<csv::Part> import_done(postgres::Connection& target, std::int64_t id);

/// Statements that begin a transaction that loads a batch. is_claimed() takes their results.
std::vector<postgres::Statement> claim_batch_statements(std::int64_t id, const std::string& owner,
                                                        const csv::Batch& batch);

/// \param file for the message.
/// \returns false if the batch was loaded before.
/// \throws Error if another process is the owner.
bool is_claimed(const postgres::Result& owner, const postgres::Result& claim,
                const std::string& file);

/// The outcome of a batch that was loaded before.
Imported find_batch(postgres::Connection& target, std::int64_t id, const csv::Batch& batch);

/// The statement that notes the outcome of a batch, in the transaction that claimed it.
postgres::Statement finish_batch_statement(std::int64_t id, const csv::Batch& batch,
                                           const Imported& imported);

/// The bytes of a file's contents, decompressed, that are loaded.
std::int64_t loaded_bytes(postgres::Connection& target, std::int64_t id);

/// The files of a process that are not noted as loaded in full.
std::vector<std::int64_t> unfinished_imports(postgres::Connection& target,
                                             const std::string& owner);

/// Notes that the whole file is loaded, or why it cannot be.
void finish_import(postgres::Connection& target, std::int64_t id, const std::string& owner,
                   const std::optional<std::string>& error);

/// A file of which the queue knows, and what is loaded of it.
struct ImportedFileStatus {
    std::string name;
    postgres::QualifiedName table;
    std::string state;                ///< finished, failed, loading, unfinished, not begun
    std::optional<std::string> error; ///< why it has failed
    Imported imported;
    std::int64_t bytes = 0; ///< of CSV, decompressed, that are loaded

    bool is_finished() const { return state == "finished"; }
};
std::vector<ImportedFileStatus> imported_files(postgres::Connection& target);

/// The number of files, and of those that are not finished.
struct ImportCounts {
    std::int64_t total = 0;
    std::int64_t unfinished = 0;
};
ImportCounts count_imports(postgres::Connection& target);

} // namespace queue
