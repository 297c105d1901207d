#pragma once

#include "load/late_rows.hpp"
#include "load/plan.hpp"
#include "postgres/connection.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/hypertable.hpp"
#include "timescale/server.hpp"

#include <optional>
#include <string>
#include <vector>

namespace load {

/// A chunk to load, and where to.
struct Request {
    const queue::Task& task;
    const timescale::Chunk& chunk; ///< in the source
    const timescale::Hypertable& source_hypertable;
    const timescale::Hypertable& target_hypertable;
    /// Keeps writers off the target's chunk from the beginning, because they and an earlier attempt
    /// got in each other's way.
    bool alone = false;

    /// " WHERE ..." for the rows to copy among those of the chunk, or nothing when those are all.
    std::string condition() const;

    /// " WHERE ..." for the rows in a hypertable whose chunks are cut elsewhere.
    std::string hypercube_condition() const;

    /// What stands behind FROM to read them in the source: where that has no chunks, out of the
    /// whole table.
    std::string rows() const;

    /// They belong into several chunks, and are not the rows of one.
    bool spans_chunks() const;
};

/// What to do, and to which of the target's chunks.
struct Prepared {
    Plan plan;
    std::optional<timescale::Chunk> target; ///< the chunk of the very same slices, if there is one
    LateRows late{}; ///< those that the application has just written, which stay (late_rows.hpp)
    bool has_late_rows = false; ///< there are some
    /// Chunks that were decompressed to go through the hypertable, and will be compressed again.
    std::vector<postgres::QualifiedName> decompressed{};

    /// For a compressed chunk whose batches cannot come as they are after all.
    void take_rows_instead(const char* reason);
};

/// Looks at what the target has where chunks will go, and chooses how to load them. Asks for
/// many chunks at once. Changes nothing.
class Survey {
  public:
    Survey(const timescale::Server& source_server, postgres::Connection& target,
           const timescale::Server& target_server, const LoadOptions& options)
        : source_server_(source_server), target_(target), target_server_(target_server),
          options_(options) {}

    /// As far as it is known without asking the target.
    /// \throws TaskError when the chunk is not the one that was staged.
    Situation situation(const Request& request) const;

    /// What is done to the target's chunks before they are looked at: nothing, or a writer's lock,
    /// so that they stay, and stay (un)compressed, until the transaction ends.
    enum class Locking { none, as_writer };

    /// Completes the situations of some requests, and chooses.
    /// \param places what stands where they will go, if it has just been found.
    std::vector<Prepared> look(const std::vector<Request>& requests,
                               std::vector<Situation>& situations, Locking locking = Locking::none,
                               const std::vector<timescale::Place>& places = {});

    std::vector<Prepared> look(const std::vector<Request>& requests);

  private:
    bool has_columns_in_place(const postgres::QualifiedName& chunk);
    std::vector<std::optional<timescale::Chunk>>
    read(const std::vector<postgres::QualifiedName>& names, std::vector<postgres::Statement> first);
    void see_targets(const std::vector<Request>& requests, std::vector<Situation>& situations,
                     Locking locking, std::vector<timescale::Place> places);

    const timescale::Server& source_server_;
    postgres::Connection& target_;
    const timescale::Server& target_server_;
    LoadOptions options_;
};

/// \throws TaskError when loading into the target's chunk may crash the server.
void require_heap(const timescale::Chunk& target);

/// Where text is converted into another encoding, what is not ASCII has another hash afterwards,
/// and belongs into another space partition. \throws TaskError when the chunk has a row with such a
/// value.
void check_partitions(postgres::Connection& source, const timescale::Server& source_server,
                      const timescale::Server& target_server, const Request& request);

} // namespace load
