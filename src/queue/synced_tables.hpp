#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What `sync-tables` last did with each plain table (table __backfill.synced_table). Only known if
/// there was a queue then.
namespace queue {

struct SyncedTable {
    postgres::QualifiedName name;
    std::string when{};    ///< 2026-01-31T12:00:00.000Z; set by the server
    std::int64_t rows = 0; ///< of the source, that were compared
    std::int64_t inserted = 0;
    std::int64_t updated = 0;
    std::int64_t deleted = 0;
    std::int64_t left = 0; ///< rows that still differ
    double seconds = 0;
    std::optional<std::string> error{}; ///< why it was not synchronized
};

/// The statement that notes tables. Nothing is forgotten of other tables.
postgres::Statement note_synced_statement(const std::vector<SyncedTable>& tables);

/// In the order of their names.
std::vector<SyncedTable> synced_tables(postgres::Connection& target);

} // namespace queue
