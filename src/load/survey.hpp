#pragma once

#include "load/late_rows.hpp"
#include "load/plan.hpp"
#include "load/rows.hpp"
#include "postgres/connection.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"

#include <optional>
#include <string>
#include <vector>

namespace load {

/// A chunk to load.
struct Request {
    const queue::Task& task;
    const timescale::Chunk& chunk; ///< in the source
    const timescale::Hypertable& source_hypertable;
    const timescale::Hypertable& target_hypertable;
    /// Lock out writers of the target's chunk from the beginning, because an earlier attempt
    /// conflicted with them.
    bool alone = false;

    /// " WHERE ..." for the chunk's rows in the range, or empty if all are.
    std::string condition() const;

    /// " WHERE ..." for these rows in a hypertable whose chunks have other slices.
    std::string hypercube_condition() const;

    /// The FROM item, with conditions, that reads the rows in the source. It is the whole table if
    /// the source has no chunks.
    std::string rows() const;

    /// True if the rows belong to several chunks of the target.
    bool spans_chunks() const;
};

/// The request's task for one slice of time.
queue::Task task_of_slice(const Request& request, const timescale::TimeRange& slice);

/// The shape of a COPY of the request's rows into its hypertable, or into a table like it.
/// \param encoding, errors as for the columns.
CopyShape copy_shape(const Request& request, const std::string& encoding);

/// The shape of requests for one hypertable.
/// \throws TaskError if their chunks have different columns.
CopyShape common_copy_shape(const std::vector<Request>& requests, const std::string& encoding);

/// The plan for a request, and the state of the target's chunk.
struct Prepared {
    Plan plan;
    std::optional<timescale::Chunk> target; ///< the target's chunk with the same slices, if any
    LateRows late{};                        ///< rows that must not be deleted
    bool has_late_rows = false;             ///< the chunk has late rows
    /// Chunks that were decompressed for loading through the hypertable. They are compressed again.
    std::vector<postgres::QualifiedName> decompressed{};

    /// Changes the plan of a compressed chunk whose batches cannot be copied unchanged after all.
    void take_rows_instead(const char* reason);
};

/// Reads the target's chunks in whose place chunks will be loaded, many in one round trip, and
/// chooses the plans. Changes nothing.
class Survey {
  public:
    Survey(const timescale::Server& source_server, postgres::Connection& target,
           const timescale::Server& target_server, const LoadOptions& options)
        : source_server_(source_server), target_(target), target_server_(target_server),
          options_(options) {}

    /// The part of the situation that is known without querying the target.
    /// \throws TaskError if the chunk differs from the one that was staged.
    Situation situation(const Request& request) const;

    /// How the target's chunks are locked before they are read: not at all, or as a writer does, so
    /// that they are not dropped, compressed or decompressed until the transaction ends.
    enum class Locking { none, as_writer };

    /// Completes the situations, and chooses the plans.
    /// \param places the places of the requests in the target, if they have just been found.
    std::vector<Prepared> look(const std::vector<Request>& requests,
                               std::vector<Situation>& situations, Locking locking = Locking::none,
                               const std::vector<timescale::Place>& places = {});

    std::vector<Prepared> look(const std::vector<Request>& requests);

  private:
    bool has_columns_in_place(const postgres::QualifiedName& chunk);
    std::vector<std::optional<timescale::Chunk>>
    read(const std::vector<postgres::QualifiedName>& names, std::vector<postgres::Statement> first);
    void read_targets(const std::vector<Request>& requests, std::vector<Situation>& situations,
                      Locking locking, std::vector<timescale::Place> places);

    const timescale::Server& source_server_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    LoadOptions options_;
};

/// Clears Plan::gathers if the chunks would be small, by a sample of the table's rows.
void reconsider_gathering(Plan& plan, const Request& request, postgres::Connection& source,
                          Strategy strategy);

/// \throws TaskError if loading into the target's chunk may crash the server.
void require_heap(const timescale::Chunk& target);

/// Checks that rows stay in their space partitions. If text is converted to another encoding, the
/// hashes of values with non-ASCII characters change.
/// \throws TaskError if the chunk has a row with such a value.
void check_partitions(postgres::Connection& source, const timescale::Server& source_server,
                      const timescale::Server& target_server, const Request& request);

} // namespace load
