#pragma once

#include "cloning/inventory.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cloning {

/// What the target knows of a clone whose tables exist, but not all of their rows, and nothing of
/// what comes after them (schema __backfill_clone).
struct CloneRecord {
    std::string id;     ///< of this record alone
    std::string source; ///< sql/cloning/source_identity.sql
    std::string schema; ///< SchemaDigest of the statements that have created the tables
};

/// A digest of statements.
class SchemaDigest {
  public:
    void add(std::string_view text);
    std::string text() const;

  private:
    std::uint64_t hash_ = 14695981039346656037U; // 64-bit FNV-1a
};

/// \returns nothing if the target has no unfinished clone.
std::optional<CloneRecord> find_record(postgres::Connection& target);

/// Statements that create the record, for the end of the transaction that has created the tables.
std::string record_script(const CloneRecord& record);

/// The identity of the source, for a record.
std::string source_identity(postgres::Connection& source);

/// An id for a new record.
std::string new_record_id();

/// Removes what an unfinished clone has created, with all that depends on it, and the record.
void discard(postgres::Connection& target);

/// A table whose rows are loaded.
struct LoadedTable {
    const SourceTable* table = nullptr;
    std::int64_t ranges = 0;  ///< of pages
    std::string index_digest; ///< of the statements that build its indexes; empty without any
};

/// A run that loads rows into the tables.
struct LoadRun {
    std::string record; ///< CloneRecord::id
    std::int64_t number = 0;
    std::set<postgres::QualifiedName> loaded;  ///< by earlier runs; their rows stay as they are
    std::set<postgres::QualifiedName> indexed; ///< those whose indexes stay, too
};

/// Begins a run. It truncates the tables that it will load, and drops indexes that it will build.
/// The transactions of earlier runs have ended, and they can begin no more.
///
/// Foreign keys hold only among rows of one snapshot. So a table that has some stays only if one
/// run has loaded all such tables.
/// \param record CloneRecord::id. \throws Error if the target's record is another one.
LoadRun begin_run(postgres::Connection& target, const std::string& record,
                  const std::vector<LoadedTable>& tables);

/// Has the next run load all tables again.
void forget_loads(postgres::Connection& target);

/// The statements that remove the record, for the transaction that finishes the clone. They fail if
/// another run has begun, or if the record is another one.
std::string end_of_record(const LoadRun& run);

/// The state of a table's load.
struct TableProgress {
    std::int64_t ranges_left = 0;
    std::int64_t rows = 0;
    std::int64_t bytes = 0; ///< of COPY data
};

/// The statements that begin a transaction which loads a range.
std::vector<postgres::Statement>
begin_range(const LoadRun& run, const postgres::QualifiedName& table, std::int64_t from_page);

/// Reads the results of begin_range(). \returns false if the range is loaded already.
/// \throws Error if a later run has begun.
bool may_load_range(const std::vector<postgres::Result>& begun);

/// The statement that marks the range as loaded. progress_of() reads its result.
postgres::Statement end_range(const postgres::QualifiedName& table, std::int64_t rows,
                              std::int64_t bytes);

/// The statements that begin a transaction which builds a table's indexes. may_build_indexes()
/// reads their results.
std::vector<postgres::Statement> begin_indexes(const LoadRun& run,
                                               const postgres::QualifiedName& table);

/// \returns false if the indexes are built already. \throws Error if a later run has begun.
bool may_build_indexes(const std::vector<postgres::Result>& begun);

/// The statement that records the indexes which the transaction has built.
postgres::Statement end_indexes(const postgres::QualifiedName& table);

TableProgress read_progress(postgres::Connection& target, const postgres::QualifiedName& table);
TableProgress progress_of(const postgres::Result& row);

} // namespace cloning
