#pragma once

#include "importing/options.hpp"
#include "importing/split_insert.hpp"
#include "importing/table.hpp"

#include <optional>
#include <string>
#include <vector>

namespace importing {

/// A temporary table for what COPY cannot do itself. Rows are copied into it, and from there into
/// the table.
struct Detour {
    std::string name;       ///< of the temporary table, without its schema
    std::string create;     ///< the statement that creates it
    std::string copy;       ///< the COPY statement for it
    InsertStatement insert; ///< inserts its rows within the bounds
    std::string count; ///< counts the rows within the bounds; empty if their number is not needed
    std::optional<SplitInsert> split; ///< a faster way to insert rows of which few have conflicts
};

/// A unique key that identifies existing rows.
struct UniqueKey {
    std::vector<std::string> columns;
    std::vector<std::string> compared; ///< expressions for them that are equal if they conflict
    bool nulls_are_equal = false;
};

/// The key by which existing rows are found: the primary key, or else another one. \returns nothing
/// if there is none. \throws UsageError if OnConflict::update finds none, or has a choice.
std::optional<UniqueKey> read_key(postgres::Connection& connection, const ImportTable& table,
                                  OnConflict on_conflict);

/// Makes a detour, without its COPY statement.
/// \param columns those of the file. \param where the condition of the bounds, " WHERE ..." or
/// empty. \param key read_key().
/// \throws UsageError if the file does not have all columns of the key, or one that cannot be
/// updated; Error if privileges are missing.
Detour make_detour(const run::Endpoint& target, const ImportTable& table,
                   const std::vector<std::string>& columns, const std::string& where,
                   OnConflict on_conflict, const std::optional<UniqueKey>& key,
                   const std::string& path);

} // namespace importing
