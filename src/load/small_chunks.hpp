#pragma once

#include "load/context.hpp"
#include "load/survey.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace load {

/**
 * Loads small chunks of one hypertable in place and together: in one transaction, with one COPY
 * into the hypertable, in few round trips. Chunks that need more than inserting rows into an
 * uncompressed chunk are left to the Loader.
 */
class SmallChunkLoader {
  public:
    SmallChunkLoader(Context context, const LoadOptions& options)
        : context_(std::move(context)),
          survey_(context_.source_server, context_.target, context_.target_server, options),
          progress_(context_.progress) {}

    /// Locks the target's chunks, creates missing ones, and deletes the rows that will be replaced.
    /// As for Loader::prepare(), take the source's snapshot after this.
    /// \param requests requests for chunks of the same hypertable.
    /// \param places their places in the target, which have just been found.
    std::vector<Prepared> prepare(const std::vector<Request>& requests,
                                  const std::vector<timescale::Place>& places);

    /// True if load() will load the chunk.
    static bool is_simple(const Request& request, const Prepared& prepared);

    /// Statements that are sent to the source in the same round trip as the COPYs.
    struct Reading {
        std::vector<std::string> begin{};
        std::function<void(const std::vector<postgres::Result>&)> check = [](const auto&) {
        };
        std::vector<std::string> end{};
    };

    /// Loads the rows, in the target's open transaction.
    /// \returns what was loaded for each request; nothing for requests that are not simple.
    /// \throws TaskError, TransactionError if one of the chunks cannot be loaded. Then none is
    /// loaded, and the caller must load them one by one.
    std::vector<std::optional<queue::Loaded>> load(const std::vector<Request>& requests,
                                                   const std::vector<Prepared>& prepared,
                                                   const Reading& reading);

  private:
    std::vector<Prepared> lock(const std::vector<Request>& requests,
                               const std::vector<timescale::Place>& places);
    void empty(const std::vector<Request>& requests, const std::vector<Prepared>& prepared);

    Context context_;
    Survey survey_;
    ProgressListener& progress_;
    bool as_replica_ = false; ///< session_replication_role is replica
};

} // namespace load
