#pragma once

#include "load/context.hpp"
#include "load/late_batches.hpp"
#include "load/row_load.hpp"
#include "load/survey.hpp"
#include "load/target_chunk.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace load {

/// Loads unchanged compressed batches, and the other rows of a partial chunk.
class CompressedLoad {
  public:
    CompressedLoad(const Context& context, const LateBatches& late_batches, TargetChunks& chunks,
                   RowLoad& rows)
        : source_(context.source), target_(context.target), target_server_(context.target_server),
          encoding_(copy_encoding(context.source_server, context.target_server)),
          progress_(context.progress), late_batches_(late_batches), chunks_(chunks), rows_(rows) {}

    /// Loads into the present compressed table of the target's chunk.
    /// \returns nothing, with only the plan changed, if the application has written batches
    /// meanwhile.
    std::optional<queue::Loaded> load_into_present(const Request& request, Prepared& prepared);

    /// Loads into a new table that becomes the chunk's compressed table.
    /// \returns nothing, with only the plan changed, if the application has written batches
    /// meanwhile, or if the new compressed chunk gets other settings than the source's. Settings
    /// that a hypertable leaves open are chosen when a chunk is compressed.
    std::optional<queue::Loaded> load_anew(const Request& request, Prepared& prepared);

  private:
    queue::Loaded load_partial_rows(const Request& request, const Prepared& prepared,
                                    const postgres::QualifiedName& to);
    bool take_back_for_late_rows(const Request& request, const Prepared& prepared);
    postgres::QualifiedName create_table_like(const timescale::Chunk::Compressed& like,
                                              const std::string& schema, const queue::Task& task);
    bool attach_batches(const postgres::QualifiedName& chunk, const postgres::QualifiedName& table,
                        const std::vector<std::optional<std::int64_t>>& sizes);
    void set_sizes(const Request& request, const timescale::Chunk& target,
                   const timescale::Chunk::Compressed& compressed);
    queue::Loaded copy_batches(const timescale::Chunk::Compressed& source,
                               const postgres::QualifiedName& to,
                               const std::vector<timescale::ChunkColumn>& target_columns,
                               const std::string& options = "");

    postgres::Connection& source_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    std::string encoding_;
    ProgressListener& progress_;
    const LateBatches& late_batches_;
    TargetChunks& chunks_;
    RowLoad& rows_;
};

} // namespace load
