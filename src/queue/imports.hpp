#pragma once

#include "csv/batches.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/**
 * The files that are loaded into tables of the target: __backfill.import, and a row of
 * __backfill.import_batch for each part of a file, which is committed with that part's rows.
 *
 * A file has one owner, a process. Every transaction that loads a part makes sure of that, under a
 * lock that taking over waits for; so what a new owner sees as loaded is all that ever will be but
 * by itself.
 */
namespace queue {

/// What a file can be told by.
struct FileFacts {
    std::string name;
    std::string head;            ///< digest of the first bytes of what is in it
    std::int64_t head_bytes = 0; ///< how many
    /// Of the file as it is on disk, unless it is standard input, and a digest of its last bytes.
    std::optional<std::int64_t> size{};
    std::optional<std::string> tail{};
};

/// What came of records.
struct Imported {
    std::int64_t records = 0;
    std::int64_t rows = 0;
    std::int64_t rejected = 0;

    Imported& operator+=(const Imported& other) {
        records += other.records;
        rows += other.rows;
        rejected += other.rejected;
        return *this;
    }

    /// Outside of the bounds, or left out by a trigger.
    std::int64_t left_out() const { return records - rows - rejected; }
};

/// What is known of a file.
struct KnownFile {
    std::int64_t id = 0;
    FileFacts facts; ///< as they were
    std::string options;
    bool is_new = false;
    bool is_finished = false;
    Imported done;
    bool is_terminated = true;         ///< what is done ends with a newline
    std::optional<std::string> twin{}; ///< another name under which it has been loaded
};

/// Enters files that are not known.
/// \param options JSON.
void enter_imports(postgres::Connection& target, const postgres::QualifiedName& table,
                   const std::vector<FileFacts>& files, const std::string& options);

/// Keeps other processes off files for as long as the session lasts.
/// \returns one that another process has, if there is one.
std::optional<std::string> reserve_imports(postgres::Connection& target,
                                           const postgres::QualifiedName& table,
                                           const std::vector<FileFacts>& files);

/// Locks files for the transaction, after those who are committing a part of them.
/// \returns what is known of each, in the order of the files.
std::vector<KnownFile> lock_imports(postgres::Connection& target,
                                    const postgres::QualifiedName& table,
                                    const std::vector<FileFacts>& files);

/// Makes a process the owner of a file, and notes how the file is now.
void own_import(postgres::Connection& target, std::int64_t id, const FileFacts& facts,
                const std::string& owner);

/// What is loaded of a file, in its order.
std::vector<csv::Part> import_done(postgres::Connection& target, std::int64_t id);

/// Statements for the beginning of a transaction that loads a batch: is_owner() and is_claimed()
/// take what they return.
std::vector<postgres::Statement> claim_batch_statements(std::int64_t id, const std::string& owner,
                                                        const csv::Batch& batch);

/// \param file for the message.
/// \returns false when it was loaded before.
/// \throws Error when another process is the owner.
bool is_claimed(const postgres::Result& owner, const postgres::Result& claim,
                const std::string& file);

/// What became of a batch that was loaded before.
Imported find_batch(postgres::Connection& target, std::int64_t id, const csv::Batch& batch);

/// The statement that notes what became of a batch, in the transaction that claimed it.
postgres::Statement finish_batch_statement(std::int64_t id, const csv::Batch& batch,
                                           const Imported& imported);

/// Notes that all of a file is loaded.
void finish_import(postgres::Connection& target, std::int64_t id, const std::string& owner);

/// How many files there are, and how many of them are not finished; zero where there are no tables.
struct ImportCounts {
    std::int64_t total = 0;
    std::int64_t unfinished = 0;
};
ImportCounts count_imports(postgres::Connection& target);

} // namespace queue
