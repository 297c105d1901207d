#pragma once

#include "importing/table.hpp"
#include "postgres/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace importing {

struct UniqueKey;

/// Inserts the rows of a temporary table by two statements: those whose key the table does not
/// have, and the rest with ON CONFLICT DO NOTHING, which takes twice as long for each new row. It
/// need not be right which rows are the rest: if another row has a conflict, nothing is done.
struct SplitInsert {
    std::string rows;      ///< the temporary table
    std::string table;     ///< the table, with its schema
    std::string time;      ///< its time column
    std::string time_type; ///< the type of that
    std::string key;       ///< the columns of a unique key
    std::string equal;     ///< a condition for the key's values in `rows` and in `existing`
    std::string insert;    ///< the statement that inserts all rows, with a condition's beginning

    /// Inserts rows in the open transaction.
    /// \param count of the rows. \returns the number of inserted rows; nothing if they must be
    /// inserted in another way. Nothing has been done then.
    std::optional<std::int64_t> run(postgres::Connection& target, std::int64_t count) const;

  private:
    std::optional<std::string> find_rest(postgres::Connection& target, std::int64_t count) const;
};

/// \param columns those of the file. \param rows the temporary table. \param where the condition of
/// the bounds. \param insert the statement that inserts all rows, up to the condition.
/// \returns nothing if existing keys cannot be found by time.
std::optional<SplitInsert> make_split_insert(const ImportTable& table,
                                             const std::vector<std::string>& columns,
                                             const UniqueKey& key, const std::string& rows,
                                             const std::string& where, const std::string& insert);

} // namespace importing
