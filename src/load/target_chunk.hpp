#pragma once

#include "load/context.hpp"
#include "load/late_batches.hpp"
#include "load/late_rows.hpp"
#include "load/survey.hpp"
#include "postgres/connection.hpp"
#include "postgres/quote.hpp"

#include <string>

namespace load {

/// Empties chunks of the target before they are loaded in place, and compresses and decompresses
/// them.
class TargetChunks {
  public:
    TargetChunks(const Context& context, const LateBatches& late_batches)
        : target_(context.target), target_server_(context.target_server), horizon_(context.horizon),
          progress_(context.progress), late_batches_(late_batches) {}

    /// Deletes the rows that the load will replace, except Prepared::late.
    void empty(const Request& request, Prepared& prepared);

    void compress(const postgres::QualifiedName& chunk);
    void decompress(const postgres::QualifiedName& chunk);

  private:
    void empty_hypercube(const Request& request, Prepared& prepared);
    void delete_rows(const Request& request, const postgres::QualifiedName& chunk, LateRows& late);
    void delete_around_late_batches(const Request& request, Prepared& prepared);
    void call(const std::string& function, const postgres::QualifiedName& chunk);

    postgres::Connection& target_;
    const timescale::Server& target_server_;
    const Horizon& horizon_;
    ProgressListener& progress_;
    const LateBatches& late_batches_;
};

} // namespace load
