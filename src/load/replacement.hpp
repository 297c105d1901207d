#pragma once

#include "load/late_rows.hpp"
#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <string>
#include <vector>

/**
 * Making rows of the target those of the source with no more changes than that takes: rows that are
 * the same stay where they are, so that nobody hears of them. Deleting all and putting them back
 * would fire the actions of foreign keys that reference them, in others' tables.
 */
namespace load {

struct Replacement {
    postgres::QualifiedName hypertable;
    /// Chunks that have the rows to replace, in their own tables: none in compressed batches.
    std::vector<postgres::QualifiedName> chunks;
    std::string where; ///< " WHERE ..." for those rows, or nothing for all
    /// A table like the hypertable with the rows that must be there, made in this transaction. A
    /// table is made beside it.
    postgres::QualifiedName staging;
    const LateRows& late; ///< rows that stay whatever the source has
};

/// Deletes rows that are not staged, updates those that are staged with other values, and inserts
/// those that are missing.
///
/// Rows are versions of one when they have the same key (sql/load/row_identity.sql). Without one,
/// and where one of its columns is NULL, they are the same when all columns have the same text;
/// there may be several then, of which as many stay, late ones first. \throws TaskError when a row
/// may not be deleted or changed: a foreign key references it, or a publication forbids it.
void replace_rows(postgres::Connection& target, const Replacement& replacement);

/// True if a DELETE or UPDATE was refused because the table is in a publication
/// (CheckCmdReplicaIdentity in PostgreSQL's src/backend/executor/execReplication.c).
bool publication_refuses(const postgres::SqlError& error);

} // namespace load
