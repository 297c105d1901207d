#pragma once

#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"
#include "postgres/copy.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace load {

/// The columns and the format of a COPY from one table into another.
struct CopyShape {
    std::vector<std::string> names;
    std::string columns; ///< the names, quoted, comma-separated
    std::string values;  ///< the expressions that are selected for them, usually the same
    bool as_text = false;
    std::string encoding; ///< see copy_encoding()
    /// Numbers of the columns to sort rows by (postgres::RowSorter), from 0.
    std::vector<std::size_t> sort_fields{};

    /// In binary format, text is in the session's encoding, even if COPY names another one.
    bool is_text() const { return as_text || !encoding.empty(); }
    const char* format() const { return is_text() ? "text" : "binary"; }
    postgres::CopyFormat copy_format() const {
        return is_text() ? postgres::CopyFormat::text : postgres::CopyFormat::binary;
    }
};

/// The encoding that COPY must name, so that text is converted only if necessary; empty for the
/// session's encoding, which is UTF8.
///
/// Text is converted only if the encodings differ, because some characters have no counterpart in
/// UTF8. The bytes of a database in SQL_ASCII are never converted, and must be valid on the other
/// side.
std::string copy_encoding(const timescale::Server& source, const timescale::Server& target);

/// True if text is converted between the two servers' encodings.
bool converts_text(const timescale::Server& source, const timescale::Server& target);

/// Matches columns by name. Generated columns are omitted, because the target computes them.
/// \param encoding the result of copy_encoding().
/// \throws TaskError if a column is missing on one side or has another type.
CopyShape copy_shape(const std::vector<timescale::ChunkColumn>& source,
                     const std::vector<timescale::ChunkColumn>& target,
                     const std::string& encoding);

/// Sets CopyShape::sort_fields for rows that are inserted into a hypertable with its indexes. In
/// text format, rows are not sorted.
CopyShape sorted_for(const timescale::Hypertable& target, CopyShape shape);

/// The hypertable's columns, with the properties that matter for COPY. ChunkColumn::as_text is not
/// set, because types that need it in the target need it in the source, too.
std::vector<timescale::ChunkColumn> chunk_columns(const timescale::Hypertable& hypertable);

/// The statement that turns direct compress off or on again for the open transaction; none if the
/// hypertable does not use it (Hypertable::direct_compress). Loaded rows must be compared with the
/// application's rows, which is not possible for batches.
std::optional<std::string> direct_compress_setting(const timescale::Hypertable& hypertable,
                                                   bool on);

/// Runs direct_compress_setting() if there is one.
void set_direct_compress(postgres::Connection& target, const timescale::Hypertable& hypertable,
                         bool on);

/// \param from the FROM item: a table, perhaps after ONLY, perhaps followed by conditions.
/// \param before an expression that is selected before the columns; none if empty.
std::string copy_to_stdout(const CopyShape& shape, const std::string& from,
                           const std::string& before = "");

/// The FROM item, with a condition, for a table's rows in a range of its pages.
/// \param until the page after the last; none for all that follow.
std::string rows_in_pages(const postgres::QualifiedName& table, std::int64_t from,
                          std::optional<std::int64_t> until);

/// \param options further options, each preceded by a comma.
std::string copy_from_stdin(const CopyShape& shape, const postgres::QualifiedName& to,
                            const std::string& options = "");

/// Copies from the source into a table of the target.
/// \param from as for copy_to_stdout(). \param options as for copy_from_stdin().
queue::Loaded copy_table(postgres::Connection& source, const CopyShape& shape,
                         const std::string& from, postgres::Connection& target,
                         const postgres::QualifiedName& to, ProgressListener& progress,
                         const std::string& options = "");

} // namespace load
