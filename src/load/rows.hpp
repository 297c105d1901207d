#pragma once

#include "postgres/connection.hpp"
#include "postgres/copy.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"

#include <functional>
#include <string>
#include <vector>

namespace load {

/// The columns that a COPY from one table into another names, and its format.
struct CopyShape {
    std::string columns; ///< quoted, comma-separated
    bool as_text = false;

    const char* format() const { return as_text ? "text" : "binary"; }
};

/// Columns go by name. The target computes its generated ones itself.
/// \throws TaskError when a column is missing on one side, or of another type.
CopyShape copy_shape(const std::vector<timescale::ChunkColumn>& source,
                     const std::vector<timescale::ChunkColumn>& target);

/// The hypertable's columns as a chunk of it would have them, as far as COPY is concerned; what
/// has no binary form in the target has none in the source either.
std::vector<timescale::ChunkColumn> chunk_columns(const timescale::Hypertable& hypertable);

/// \param from what stands behind FROM: a table with ONLY before or conditions after it.
std::string copy_to_stdout(const CopyShape& shape, const std::string& from);

/// \param options further options, each with a comma before it.
std::string copy_from_stdin(const CopyShape& shape, const postgres::QualifiedName& to,
                            const std::string& options = "");

} // namespace load
