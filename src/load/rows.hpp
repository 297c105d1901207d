#pragma once

#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"
#include "postgres/copy.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"

#include <functional>
#include <string>
#include <vector>

namespace load {

/// The columns that a COPY from one table into another names, and its format.
struct CopyShape {
    std::string columns; ///< quoted, comma-separated
    std::string values;  ///< what is selected for them; usually the same
    bool as_text = false;
    std::string encoding; ///< see copy_encoding()

    /// Binary values are in the session's encoding, whatever COPY names.
    bool is_text() const { return as_text || !encoding.empty(); }
    const char* format() const { return is_text() ? "text" : "binary"; }
};

/// The encoding that COPY has to name so that text is not converted where it must not be; empty for
/// the session's, which is UTF8.
///
/// Text is converted only from one encoding into another. Within one, it stays as it is, because
/// not all that a database may hold has a counterpart in UTF8. A database in SQL_ASCII does not
/// know what its bytes mean: they go as they are, and have to be what the other side takes.
std::string copy_encoding(const timescale::Server& source, const timescale::Server& target);

/// Text becomes other bytes on its way from one to the other.
bool converts_text(const timescale::Server& source, const timescale::Server& target);

/// Columns go by name. The target computes its generated ones itself.
/// \param encoding what copy_encoding() says.
/// \throws TaskError when a column is missing on one side, or of another type.
CopyShape copy_shape(const std::vector<timescale::ChunkColumn>& source,
                     const std::vector<timescale::ChunkColumn>& target,
                     const std::string& encoding);

/// The hypertable's columns as a chunk of it would have them, as far as COPY is concerned; what
/// has no binary form in the target has none in the source either.
std::vector<timescale::ChunkColumn> chunk_columns(const timescale::Hypertable& hypertable);

/// Where the hypertable has rows compressed while they are put into it
/// (Hypertable::direct_compress): the statement that has those of the open transaction stay rows,
/// or not any longer. Ours must be told from those of the application, and looked for among them,
/// which batches do not allow.
std::optional<std::string> direct_compress_setting(const timescale::Hypertable& hypertable,
                                                   bool on);

/// Runs it, if there is one.
void set_direct_compress(postgres::Connection& target, const timescale::Hypertable& hypertable,
                         bool on);

/// \param from what stands behind FROM: a table with ONLY before or conditions after it.
std::string copy_to_stdout(const CopyShape& shape, const std::string& from);

/// \param options further options, each with a comma before it.
std::string copy_from_stdin(const CopyShape& shape, const postgres::QualifiedName& to,
                            const std::string& options = "");

/// Copies from the source into a table of the target.
/// \param from as for copy_to_stdout(). \param options as for copy_from_stdin().
queue::Loaded copy_table(postgres::Connection& source, const CopyShape& shape,
                         const std::string& from, postgres::Connection& target,
                         const postgres::QualifiedName& to, ProgressListener& progress,
                         const std::string& options = "");

} // namespace load
