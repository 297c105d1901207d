#pragma once

#include "load/context.hpp"
#include "load/late_batches.hpp"
#include "load/rows.hpp"
#include "load/survey.hpp"
#include "load/target_chunk.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "queue/task.hpp"

#include <string>
#include <vector>

namespace load {

/// Loads rows in place: into the target's chunk, or through the hypertable where the target cuts
/// its chunks elsewhere. The chunk has been emptied (TargetChunks::empty).
class RowLoad {
  public:
    RowLoad(const Context& context, const LateBatches& late_batches, TargetChunks& chunks)
        : source_(context.source), target_(context.target), target_server_(context.target_server),
          encoding_(copy_encoding(context.source_server, context.target_server)),
          progress_(context.progress), late_batches_(late_batches), chunks_(chunks) {}

    /// Into the target's chunk.
    queue::Loaded load(const Request& request, Prepared& prepared);

    queue::Loaded load_through_hypertable(const Request& request, Prepared& prepared);

    /// Copies rows into a table of the target, around those that the application has just written.
    queue::Loaded copy_rows(const Request& request, const Prepared& prepared,
                            const CopyShape& columns, const std::string& from,
                            const postgres::QualifiedName& to);

    /// What COPY must name so that rows go into the chunk's own table. Where a chunk of the very
    /// same slices is there and locked, the hypertable routes every row to it.
    const postgres::QualifiedName& heap_of(const Request& request, const Prepared& prepared) const;

    /// Removes rows of ours that the application has written, too.
    void remove_duplicates(const Request& request, const Prepared& prepared,
                           const postgres::QualifiedName& chunk, const std::string& where);

    /// Inserts what was loaded into a table. Where a key finds that a row is there already, its
    /// writer was first.
    void insert_staged(const CopyShape& columns, const postgres::QualifiedName& staging,
                       const postgres::QualifiedName& to);

    /// Looks after the target's chunks that rows may have gone into through the hypertable.
    /// \param as_replica so that nobody has checked their foreign keys.
    /// \param replaced those that load_differences() has filled.
    void resolve_overlap(const Request& request, Prepared& prepared, bool as_replica,
                         const std::vector<postgres::QualifiedName>& replaced = {});

  private:
    queue::Loaded load_around_late_rows(const Request& request, const CopyShape& columns,
                                        const std::string& from, const postgres::QualifiedName& to);
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
