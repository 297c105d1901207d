#pragma once

#include "base/error.hpp"
#include "csv/format.hpp"
#include "postgres/quote.hpp"
#include "run/endpoints.hpp"
#include "timescale/hypertable.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace importing {

struct TableColumn {
    std::string name;
    std::string type;
    std::string base_type; ///< the type, or that under its domains; without a modifier
    bool generated = false;
    bool is_identity_always = false;
    bool has_default = false;  ///< or is an identity column
    bool is_of_time = false;   ///< its text depends on the time zone or the date style
    bool has_decimals = false; ///< it is or contains a float, numeric or money
    bool may_insert = false;
    bool may_select = false;
    bool may_update = false;

    bool is_integer() const;
    bool is_decimal() const; ///< a float or numeric
    /// A type with decimals that --decimal does not apply to: money, an array, range or composite.
    bool has_inner_decimals() const { return has_decimals && !is_decimal(); }
    bool is_time() const;  ///< a date or timestamp
    bool has_zone() const; ///< a timestamp with time zone
};

/// The table that an import loads rows into.
struct ImportTable {
    postgres::QualifiedName name;
    std::optional<timescale::Hypertable> hypertable; ///< set if the table is a hypertable
    std::string database;
    std::string role;
    bool may_create_temporary = false; ///< the role may create temporary tables in the database
    bool may_select = false;           ///< the role may read all columns
    std::vector<TableColumn> columns;
    bool rearranged = false; ///< its columns may have other positions in its chunks

    /// \returns null if there is no such column.
    const TableColumn* find(const std::string& column) const;
};

/// Reads the table with the name that the user gave.
/// \throws UsageError if that is not a name; Error if rows cannot be loaded into it.
ImportTable read_table(run::Endpoint& target, const std::string& text);

/// \param privileges those that the role lacks, such as "SELECT ON readings".
Error missing_privileges(const run::Endpoint& target, const ImportTable& table,
                         const std::vector<std::string>& privileges);

/// \throws UsageError if the target does not know the format's encoding.
void require_encoding(postgres::Connection& connection, const csv::Format& format);

/// As text for decode(..., 'hex').
std::string hex_of(std::string_view bytes);

/// \param reads_table the temporary table is made or filled from all columns of the table.
/// \param updated columns that get new values.
/// \throws Error unless the role may load rows by way of a temporary table.
void require_temporary_table(const run::Endpoint& target, const ImportTable& table,
                             bool reads_table, std::vector<std::string> updated);

} // namespace importing
