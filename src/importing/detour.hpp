#pragma once

#include "importing/options.hpp"
#include "importing/table.hpp"

#include <optional>
#include <string>
#include <vector>

namespace importing {

/// A temporary table for what COPY cannot do itself. Rows are copied into it, and from there into
/// the table.
struct Detour {
    std::string name;   ///< of the temporary table, without its schema
    std::string create; ///< the statement that creates it
    std::string copy;   ///< the COPY statement for it
    /// The statement that inserts its rows within the bounds into the table. If it may also update
    /// rows, it returns the numbers of inserted or updated rows (`rows`), and of the updated ones
    /// (`updated`).
    std::string insert;
    std::string count; ///< counts the rows within the bounds; empty if their number is not needed
};

/// A unique key that identifies existing rows.
struct UniqueKey {
    std::vector<std::string> columns;
    std::vector<std::string> compared; ///< expressions for them that are equal if they conflict
    bool nulls_are_equal = false;
};

/// The key by which --on-conflict update finds existing rows: the primary key, or the only other
/// one. \throws UsageError if there is none, or a choice.
UniqueKey read_key(postgres::Connection& connection, const ImportTable& table);

/// Makes a detour, without its COPY statement.
/// \param columns those of the file. \param where the condition of the bounds, " WHERE ..." or
/// empty. \param key for OnConflict::update.
/// \throws UsageError if the file does not have all columns of the key, or one that cannot be
/// updated; Error if privileges are missing.
Detour make_detour(const run::Endpoint& target, const ImportTable& table,
                   const std::vector<std::string>& columns, const std::string& where,
                   OnConflict on_conflict, const std::optional<UniqueKey>& key,
                   const std::string& path);

} // namespace importing
