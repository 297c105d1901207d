#pragma once

#include "postgres/connection.hpp"
#include "postgres/transaction.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"

#include <optional>
#include <string>
#include <vector>

namespace run {

/**
 * A transaction that reads chunks, under locks that keep them as they are.
 *
 * The transaction takes its locks before its snapshot, which the first query takes. So a
 * transaction that compresses, decompresses or drops a chunk has either committed before, or waits
 * until we have read the chunk. With a snapshot from before a compression, the chunk would seem
 * empty.
 */
class ChunkReading {
  public:
    /// Begins the transaction in one round trip. Locking the chunks' compressed tables takes
    /// another one.
    /// \param server the connection's. Without TimescaleDB, the names are those of tables
    /// (Hypertable::is_plain_table), which are locked with their partitions.
    /// \param snapshot an exported snapshot to use.
    /// \param compressed as for ChunkQuery.
    /// \throws ConcurrentChange if a chunk changed in between; SqlError (42P01) if one of several
    /// no longer exists; Error, which ends the run, if the snapshot no longer exists.
    ChunkReading(postgres::Connection& connection, const timescale::Server& server,
                 const std::optional<std::string>& snapshot,
                 const std::vector<postgres::QualifiedName>& names, bool compressed = false);

    /// In the order of the names; none in the place of a chunk that no longer exists.
    const std::vector<std::optional<timescale::Chunk>>& chunks() const { return chunks_; }

    /// The chunk. \pre there is only one name.
    const std::optional<timescale::Chunk>& chunk() const { return chunks_.front(); }

  private:
    void lock_compressed(postgres::Connection& connection);

    std::optional<postgres::Transaction> transaction_;
    std::vector<std::optional<timescale::Chunk>> chunks_;
};

/// \throws TaskError if a task's row in the queue is invalid (Task::defect).
void require_sound(const std::vector<queue::Task>& tasks);

/// \throws TaskError if the transaction's snapshot cannot see the chunk's rows.
void check_visible(const timescale::Chunk& chunk);

} // namespace run
