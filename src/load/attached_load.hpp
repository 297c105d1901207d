#pragma once

#include "load/context.hpp"
#include "load/row_load.hpp"
#include "load/rows.hpp"
#include "load/staging_table.hpp"
#include "load/survey.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"
#include "queue/task.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace load {

/// Loads into a table that is attached as the chunk. Several workers may load a chunk together.
class AttachedLoad {
  public:
    AttachedLoad(const Context& context, RowLoad& rows)
        : source_(context.source), target_(context.target), target_server_(context.target_server),
          encoding_(copy_encoding(context.source_server, context.target_server)),
          builder_(context.builder), connect_lean_(context.connect_lean), helpers_(context.helpers),
          progress_(context.progress), rows_(rows) {}

    queue::Loaded load(const Request& request, Prepared& prepared);

    /// Call this after the target's transaction has committed.
    void committed();

    /// Drops the staging table of a load that was not committed.
    void drop_uncommitted() { staging_.reset(); }

  private:
    bool is_worth_sharing(const Request& request);
    queue::Loaded load_in_pieces(const Request& request, const CopyShape& columns,
                                 const postgres::QualifiedName& staging);

    postgres::Connection& source_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    std::string encoding_;
    std::function<postgres::Connection&()> builder_;
    ConnectLean connect_lean_;
    HelperPool& helpers_;
    ProgressListener& progress_;
    RowLoad& rows_;
    std::optional<StagingTable> staging_; ///< of the current request
};

} // namespace load
