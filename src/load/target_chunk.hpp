#pragma once

#include "load/context.hpp"
#include "load/late_batches.hpp"
#include "load/late_rows.hpp"
#include "load/rows.hpp"
#include "load/survey.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <functional>
#include <string>

namespace load {

/// Only sessions that create chunks queue behind us for this lock of the hypertable.
constexpr auto lock_to_make_chunk = "SET LOCAL lock_timeout = '10s'";

/// Makes a request's chunk, empty; needs the Community edition. It holds a lock on the hypertable
/// until its transaction ends, so that one must be short.
postgres::Statement create_chunk_statement(const Request& request);

/// Makes the target's chunks, empties them before they are loaded in place, and (de)compresses
/// them.
class TargetChunks {
  public:
    TargetChunks(const Context& context, const LateBatches& late_batches)
        : source_(context.source), source_server_(context.source_server), target_(context.target),
          target_server_(context.target_server),
          encoding_(copy_encoding(context.source_server, context.target_server)),
          builder_(context.builder), horizon_(context.horizon), progress_(context.progress),
          late_batches_(late_batches) {}

    /// Makes the chunk that is missing, empty, in a transaction of its own that is short because it
    /// holds a lock on the hypertable.
    /// \returns why nothing was made, so that the rows must go through the hypertable; empty when
    /// the chunk is there.
    std::string make_chunk(const Request& request);

    /// Deletes what the load will replace.
    void empty(const Request& request, Prepared& prepared);

    void compress(const postgres::QualifiedName& chunk);
    void decompress(const postgres::QualifiedName& chunk);

  private:
    void create_chunk(const Request& request);
    std::string create_chunk_by_inserting(const Request& request);
    void empty_hypercube(const Request& request, Prepared& prepared);
    void delete_rows(const Request& request, const postgres::QualifiedName& chunk, LateRows& late);
    void delete_around_late_batches(const Request& request, Prepared& prepared);
    void call(const std::string& function, const postgres::QualifiedName& chunk);

    postgres::Connection& source_;
    const timescale::Server& source_server_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    std::string encoding_;
    std::function<postgres::Connection&()> builder_;
    const Horizon& horizon_;
    ProgressListener& progress_;
    const LateBatches& late_batches_;
};

} // namespace load
