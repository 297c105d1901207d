#pragma once

#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// The SQL to create a table that can become a chunk of a hypertable
/// (sql/timescale/staging_table.sql).
struct StagingShape {
    std::string obstacle; ///< why no such table is possible; empty if it is
    std::string create_table;
    /// Changes if the same statements would create another table.
    std::string definition;

    struct Index {
        std::string name;      ///< of the index or its constraint on the hypertable
        std::string temporary; ///< its name in the statement
        bool is_constraint = false;
        std::string statement;
    };
    std::vector<Index> indexes;

    struct ForeignKey {
        std::string name;
        std::string definition; ///< from FOREIGN KEY on
        bool valid = true;
        std::int64_t place = 0; ///< among the constraints that are numbered when attached, from 0
    };
    std::vector<ForeignKey> foreign_keys;

    /// Statements that add the NOT VALID constraints. Existing rows need not satisfy these.
    std::vector<std::string> unvalidated;

    /// Columns of space dimensions that may be NULL. TimescaleDB crashes when it attaches a table
    /// with a NULL in such a column (check_chunk_constraint_violated in src/chunk_constraint.c
    /// calls the partitioning function on it; seen on 2.27.2 and 2.29.2).
    std::vector<std::string> nullable_dimensions;

    /// The columns of dimensions have the same numbers as in the hypertable.
    bool dimensions_in_place = true;

    std::string chunk_prefix; ///< common prefix of the names of the hypertable's chunks
};

/// \param name of the table to create.
/// \param stand_in the table's stand-in (load::StandIn), in the same schema, if it has one.
/// \returns nothing if the hypertable does not exist.
std::optional<StagingShape>
read_staging_shape(postgres::Connection& connection, const postgres::QualifiedName& hypertable,
                   const postgres::QualifiedName& name,
                   const std::optional<postgres::QualifiedName>& stand_in);

/// The query returns, as column "statements", the statements that give a new table the owner and
/// privileges of a hypertable; NULL if it already has them.
postgres::Statement owner_statement(const postgres::QualifiedName& hypertable,
                                    const postgres::QualifiedName& table);

/// The query returns, as column "id", the id of the next chunk. A concurrent session may take this
/// id first.
postgres::Statement next_chunk_id_statement();

/// The query returns, as column "number", what Server::chunk_constraint_name() gets for the next
/// constraint of a chunk, before 2.28. A concurrent session may take this number first.
postgres::Statement next_constraint_number_statement();

} // namespace timescale
