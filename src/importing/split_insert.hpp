#pragma once

#include "importing/table.hpp"
#include "postgres/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace importing {

struct UniqueKey;

/// A statement that inserts rows of a temporary table into the table. If it may also update rows,
/// it returns the numbers of inserted or updated rows (`rows`), and of the updated ones
/// (`updated`).
struct InsertStatement {
    std::string begin; ///< up to a condition
    std::string end;   ///< what follows it

    std::string where(const std::string& condition) const { return begin + condition + end; }
};

struct Inserted {
    std::int64_t rows = 0; ///< inserted or updated
    std::int64_t updated = 0;
};

/// \param result of an InsertStatement.
Inserted inserted_by(const postgres::Result& result);

/// Inserts the rows of a temporary table by two statements: the rows whose key exists or is
/// repeated, with ON CONFLICT, which takes twice as long for each new row, and then the others
/// plainly. It need not be right which rows are these: if one of them has a conflict, be it with
/// one of the first, nothing is done.
struct SplitInsert {
    std::string rows;      ///< the temporary table
    std::string table;     ///< the table, with its schema
    std::string time;      ///< its time column
    std::string time_type; ///< the type of that
    std::string key;       ///< the columns of a unique key
    std::string equal;     ///< a condition for the key's values in `rows` and in `existing`
    InsertStatement plain;
    InsertStatement on_conflict;

    /// Inserts rows in the open transaction.
    /// \param count of the rows. \returns nothing if they must be inserted in another way. Nothing
    /// has been done then.
    std::optional<Inserted> run(postgres::Connection& target, std::int64_t count) const;

  private:
    std::optional<std::string> find_rest(postgres::Connection& target, std::int64_t count) const;
};

/// \param columns those of the file. \param rows the temporary table.
/// \returns nothing if existing keys cannot be found by time.
std::optional<SplitInsert> make_split_insert(const ImportTable& table,
                                             const std::vector<std::string>& columns,
                                             const UniqueKey& key, const std::string& rows,
                                             InsertStatement plain, InsertStatement on_conflict);

} // namespace importing
