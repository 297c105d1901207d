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

/// Of the application's statements, only those that create chunks wait for this lock on the
/// hypertable.
constexpr auto lock_to_make_chunk = "SET LOCAL lock_timeout = '10s'";

/// Creates a request's chunk, empty. Needs the Community edition. Holds a lock on the hypertable
/// until its transaction ends, so the transaction must be short.
postgres::Statement create_chunk_statement(const Request& request);

/// Creates chunks of the target, empties them before they are loaded in place, and compresses and
/// decompresses them.
class TargetChunks {
  public:
    TargetChunks(const Context& context, const LateBatches& late_batches)
        : source_(context.source), source_server_(context.source_server), target_(context.target),
          target_server_(context.target_server),
          encoding_(copy_encoding(context.source_server, context.target_server)),
          builder_(context.builder), horizon_(context.horizon), progress_(context.progress),
          late_batches_(late_batches) {}

    /// Creates the missing chunk, empty, in a separate transaction, which is short because it holds
    /// a lock on the hypertable.
    /// \param rows the FROM item, with conditions, that reads the request's rows in the source.
    /// \returns why no chunk was created and the rows must be loaded through the hypertable; empty
    /// if the chunk exists.
    std::string make_chunk(const Request& request, const std::string& rows);

    /// Deletes the rows that the load will replace, except Prepared::late.
    void empty(const Request& request, Prepared& prepared);

    void compress(const postgres::QualifiedName& chunk);
    void decompress(const postgres::QualifiedName& chunk);

  private:
    void create_chunk(const Request& request);
    std::string create_chunk_by_inserting(const Request& request, const std::string& rows);
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
