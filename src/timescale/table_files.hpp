#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <cstdint>
#include <vector>

namespace timescale {

/// The file of a plain table, or of one of its partitions or child tables.
struct TableFile {
    postgres::QualifiedName table; ///< the one that has the file
    /// pg_relation_filenode(). If it changes, the table was rewritten, and its rows are in other
    /// pages.
    std::int64_t file = 0;
    std::int64_t pages = 0;
};

/// Reads the files of a plain table, the largest first.
/// \returns none if some rows cannot be read by their pages: those of foreign tables, and of tables
/// that the role may not read by their own names.
std::vector<TableFile> read_table_files(postgres::Connection& source,
                                        const postgres::QualifiedName& table);

} // namespace timescale
