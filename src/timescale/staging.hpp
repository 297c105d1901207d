#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// How to make a table that can become a chunk of a hypertable, as SQL
/// (sql/timescale/staging_table.sql).
struct StagingShape {
    std::string obstacle; ///< why none can; empty when one can
    std::string create_table;

    struct Index {
        std::string name;      ///< of the index, or its constraint, on the hypertable
        std::string temporary; ///< the name that the statement gives it
        bool is_constraint = false;
        std::string statement;
    };
    std::vector<Index> indexes;

    struct ForeignKey {
        std::string name;
        std::string definition; ///< from FOREIGN KEY on
        bool valid = true;
    };
    std::vector<ForeignKey> foreign_keys;

    /// Statements that add the constraints which are NOT VALID, so that rows need not satisfy them.
    std::vector<std::string> unvalidated;

    /// Columns of space dimensions that may be NULL. TimescaleDB crashes when it attaches a table
    /// with a NULL there (check_chunk_constraint_violated in src/chunk_constraint.c calls the
    /// partitioning function on it; seen on 2.27.2 and 2.29.2).
    std::vector<std::string> nullable_dimensions;

    std::string chunk_prefix; ///< what the names of the hypertable's chunks begin with
};

/// \param name of the table to make.
/// \returns nothing when there is no such hypertable.
std::optional<StagingShape> read_staging_shape(postgres::Connection& connection,
                                               const postgres::QualifiedName& hypertable,
                                               const postgres::QualifiedName& name);

/// Returns, as "statements", what gives a new table the owner and the privileges of a hypertable;
/// NULL when it has them.
postgres::Statement owner_statement(const postgres::QualifiedName& hypertable,
                                    const postgres::QualifiedName& table);

/// Returns, as "id", the id that TimescaleDB gives to the next chunk, unless someone makes another
/// one first.
postgres::Statement next_chunk_id_statement();

} // namespace timescale
