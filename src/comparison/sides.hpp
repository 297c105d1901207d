#pragma once

#include "comparison/axis.hpp"
#include "comparison/columns.hpp"
#include "postgres/connection.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"

#include <optional>
#include <string>

namespace comparison {

/// The rows of one side, and how to read them.
struct ComparedRows {
    postgres::Connection& connection;
    std::string table;      ///< a FROM item
    std::string condition;  ///< SQL; "true" for all rows
    std::string relation{}; ///< the table, quoted, without anything else
};

/// The rows of both sides, and how they are compared.
struct BothSides {
    ComparedRows source;
    ComparedRows target;
    Columns columns;
    Axis axis;
    /// True if both servers hash alike (sql/comparison/hash_sample.sql).
    bool hashes_alike = true;
};

/// The chunk of a task on both sides.
struct ComparedChunk {
    const queue::Task& task;
    const timescale::Hypertable& source_hypertable;
    const timescale::Hypertable& target_hypertable;
    const timescale::Chunk& source;
    /// The chunk with the same slices; none if the rows are in chunks with others.
    const std::optional<timescale::Chunk>& target;
};

/// True if both servers hash alike.
bool hash_alike(postgres::Connection& source, postgres::Connection& target);

/// How to read the rows of a task: the source's from the chunk, and the target's through the
/// hypertable, as the application does.
/// \param hashes_alike see BothSides.
/// \throws TaskError if a column is missing on one side, or has different types.
BothSides sides_of(const ComparedChunk& chunk, postgres::Connection& source,
                   postgres::Connection& target, bool hashes_alike);

} // namespace comparison
