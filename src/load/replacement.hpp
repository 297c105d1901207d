#pragma once

#include "load/late_rows.hpp"
#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <string>
#include <vector>

/**
 * Replaces the target's rows with the source's, changing only those that differ. Deleting and
 * inserting all rows would fire the actions of foreign keys in referencing tables.
 */
namespace load {

struct Replacement {
    postgres::QualifiedName hypertable;
    /// The chunks with the rows to replace. They have no compressed batches.
    std::vector<postgres::QualifiedName> chunks;
    std::string where; ///< " WHERE ..." for these rows, or empty for all
    /// A table like the hypertable with the source's rows, created in this transaction or in
    /// pg_temp. A table with a similar name is created temporarily.
    postgres::QualifiedName staging;
    const LateRows& late;       ///< rows that are kept in any case
    bool keeps_surplus = false; ///< deletes no rows
};

/// The numbers of rows that replace_rows() has changed.
struct Replaced {
    std::int64_t inserted = 0;
    std::int64_t updated = 0;
    std::int64_t deleted = 0;
};

/// Deletes rows that are not in the staging table, updates rows that have other values there, and
/// inserts missing rows.
///
/// Rows are identified by a key (sql/load/row_identity.sql). Without a key, or if one of its
/// columns is NULL, rows are the same if the text of all columns is the same. Then there may be
/// several, and as many are kept as are in the staging table, late rows first. \throws TaskError if
/// a row cannot be deleted or updated, because a foreign key references it or a publication forbids
/// it.
Replaced replace_rows(postgres::Connection& target, const Replacement& replacement);

/// True if a DELETE or UPDATE was refused because the table is in a publication
/// (CheckCmdReplicaIdentity in PostgreSQL's src/backend/executor/execReplication.c).
bool publication_refuses(const postgres::SqlError& error);

} // namespace load
