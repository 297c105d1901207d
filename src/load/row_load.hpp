#pragma once

#include "load/context.hpp"
#include "load/late_batches.hpp"
#include "load/rows.hpp"
#include "load/survey.hpp"
#include "load/target_chunk.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "queue/task.hpp"
#include "timescale/time_range.hpp"

#include <optional>
#include <string>
#include <vector>

namespace load {

/// Loads rows in place: into the target's chunk, or through the hypertable if its chunks have other
/// slices. Rows in the range have been deleted (TargetChunks::empty).
class RowLoad {
  public:
    RowLoad(const Context& context, const LateBatches& late_batches, TargetChunks& chunks)
        : source_(context.source), target_(context.target), target_server_(context.target_server),
          encoding_(copy_encoding(context.source_server, context.target_server)),
          progress_(context.progress), late_batches_(late_batches), chunks_(chunks) {}

    /// Loads into the target's chunk.
    queue::Loaded load(const Request& request, Prepared& prepared);

    queue::Loaded load_through_hypertable(const Request& request, Prepared& prepared);

    /// Copies rows into a table of the target, without conflicts with late rows.
    queue::Loaded copy_rows(const Request& request, const Prepared& prepared,
                            const CopyShape& columns, const std::string& from,
                            const postgres::QualifiedName& to);

    /// Where copy_in_parts() puts the rows of a slice of time.
    struct SlicePart {
        timescale::TimeRange slice;
        /// The table that gathers them; none if they go through the hypertable.
        std::optional<postgres::QualifiedName> table;
    };

    /// Copies rows, each into the place of its slice, without conflicts with late rows. Other rows
    /// go through the hypertable.
    /// \param parts ascending. \param from the FROM item that reads the rows, in any order.
    /// \pre the columns are copied in binary format
    queue::Loaded copy_in_parts(const Request& request, const Prepared& prepared,
                                const CopyShape& columns, const std::string& from,
                                const std::vector<SlicePart>& parts);

    /// The table that COPY must name so that rows are inserted into the chunk's own table. If a
    /// chunk with the same slices exists and is locked, COPY into the hypertable routes every row
    /// to it.
    const postgres::QualifiedName& heap_of(const Request& request, const Prepared& prepared) const;

    /// Removes loaded rows that equal late rows.
    void remove_duplicates(const Request& request, const Prepared& prepared,
                           const postgres::QualifiedName& chunk, const std::string& where);

    /// Inserts the rows of a staging table into a table, except those whose key it already has.
    void insert_staged(const CopyShape& columns, const postgres::QualifiedName& staging,
                       const postgres::QualifiedName& to);

    /// Inserts the rows of a staging table through the hypertable, because it cannot be attached: a
    /// writer's row has created the chunk meanwhile. They may equal late rows.
    /// \returns true if the server has not checked the foreign keys.
    bool insert_instead(const Request& request, const Prepared& prepared, const CopyShape& columns,
                        const postgres::QualifiedName& staging);

    /// Finishes the target's chunks into which rows were inserted through the hypertable: removes
    /// duplicates, checks foreign keys and runs ANALYZE.
    /// \param as_replica true if the server has not checked the foreign keys.
    /// \param replaced chunks whose rows load_differences() has replaced.
    void resolve_overlap(const Request& request, Prepared& prepared, bool as_replica,
                         const std::vector<postgres::QualifiedName>& replaced = {});

  private:
    template <typename Copy>
    queue::Loaded insert(const Request& request, const Prepared& prepared, const Copy& copy);
    void make_staging(const Request& request);
    void unstage_rows(const Request& request, const CopyShape& columns,
                      const postgres::QualifiedName& to);
    queue::Loaded stage_rows(const Request& request, const CopyShape& columns,
                             const std::string& from);
    queue::Loaded load_differences(const Request& request, const Prepared& prepared,
                                   const CopyShape& columns,
                                   const std::vector<postgres::QualifiedName>& chunks,
                                   const std::string& where);

    postgres::Connection& source_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    std::string encoding_;
    ProgressListener& progress_;
    const LateBatches& late_batches_;
    TargetChunks& chunks_;
};

} // namespace load
