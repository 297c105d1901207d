#pragma once

#include "load/context.hpp"
#include "load/rows.hpp"
#include "load/survey.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace load {

/**
 * Creates missing chunks of the target, empty. Each call takes a separate transaction, which is
 * short, because it holds a lock on the hypertable for which others wait who create chunks.
 */
class ChunkMaker {
  public:
    explicit ChunkMaker(Context context) : context_(std::move(context)) {}

    /// Creates a chunk. Does nothing if another session has just created one there.
    /// \param rows the FROM item, with conditions, that reads the request's rows in the source.
    /// \returns why no chunk was created and the rows must be loaded through the hypertable; empty
    /// if the chunk exists.
    std::string make(const Request& request, const std::string& rows) const;

    /// Creates chunks of one hypertable together. On the Apache edition, it may create none, or not
    /// all of them.
    /// \throws SqlError, TaskError if the chunks must be created one by one.
    void make(const std::vector<Request>& requests) const;

  private:
    void create(const std::vector<Request>& requests) const;
    std::string insert(const std::vector<Request>& requests,
                       const std::vector<std::string>& rows) const;

    std::vector<std::int64_t> copy_first_rows(const CopyShape& shape,
                                              const std::vector<std::string>& rows,
                                              postgres::Connection& builder,
                                              const postgres::QualifiedName& to) const;

    Context context_;
};

} // namespace load
