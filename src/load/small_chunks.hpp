#pragma once

#include "load/context.hpp"
#include "load/survey.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace load {

/**
 * Loads small chunks of one hypertable in place, together: one transaction, one COPY through the
 * hypertable, a few round trips. What needs more than rows put into an uncompressed chunk is left
 * to the Loader.
 */
class SmallChunkLoader {
  public:
    SmallChunkLoader(Context context, const LoadOptions& options)
        : context_(std::move(context)),
          survey_(context_.source_server, context_.target, context_.target_server, options),
          progress_(context_.progress) {}

    /// Locks the target's chunks, makes missing ones, and deletes what will be replaced. As for
    /// Loader::prepare(), take the source's snapshot after this.
    /// \param requests of the same hypertable.
    /// \param places what stands where they will go, as was found just now.
    std::vector<Prepared> prepare(const std::vector<Request>& requests,
                                  const std::vector<timescale::Place>& places);

    /// True if load() will load it.
    static bool is_simple(const Request& request, const Prepared& prepared);

    /// What is sent to the source in the same round trip as what reads the rows.
    struct Reading {
        std::vector<std::string> begin{};
        std::function<void(const std::vector<postgres::Result>&)> check = [](const auto&) {
        };
        std::vector<std::string> end{};
    };

    /// Loads the rows, in the target's open transaction.
    /// \returns what was loaded for each; nothing for a request that is not done.
    /// \throws TaskError, TransactionError when one cannot be loaded, whereupon none is: they are
    /// then to be loaded one by one.
    std::vector<std::optional<queue::Loaded>> load(const std::vector<Request>& requests,
                                                   const std::vector<Prepared>& prepared,
                                                   const Reading& reading);

  private:
    std::vector<Prepared> lock(const std::vector<Request>& requests,
                               const std::vector<timescale::Place>& places);
    void create_chunks(const std::vector<Request>& requests) const;
    void empty(const std::vector<Request>& requests, const std::vector<Prepared>& prepared);

    Context context_;
    Survey survey_;
    ProgressListener& progress_;
    bool as_replica_ = false; ///< the rows are put in as in a replica
};

} // namespace load
