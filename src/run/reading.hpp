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
 * The locks come before the snapshot, which the first query takes: what compresses, decompresses
 * or drops a chunk has either committed before, or waits until we have read it. A snapshot from
 * before a compression would find the chunk empty.
 */
class ChunkReading {
  public:
    /// Begins it, in one round trip; another one is needed to lock what chunks are compressed in.
    /// \param server the connection's. Where it is without TimescaleDB, they are tables
    /// (Hypertable::is_plain_table), and locked with their partitions.
    /// \param snapshot an exported one to read under.
    /// \param compressed as for ChunkQuery.
    /// \throws ConcurrentChange if a chunk changed in between, and SqlError undefined_table if one
    /// of several is gone; Error, which ends the run, when the snapshot is gone.
    ChunkReading(postgres::Connection& connection, const timescale::Server& server,
                 const std::optional<std::string>& snapshot,
                 const std::vector<postgres::QualifiedName>& names, bool compressed = false);

    /// In the order of the names; nothing in the place of one that is gone.
    const std::vector<std::optional<timescale::Chunk>>& chunks() const { return chunks_; }

    /// The only one.
    const std::optional<timescale::Chunk>& chunk() const { return chunks_.front(); }

  private:
    void lock_compressed(postgres::Connection& connection);

    std::optional<postgres::Transaction> transaction_;
    std::vector<std::optional<timescale::Chunk>> chunks_;
};

/// \throws TaskError when a task cannot be worked on as its row in the queue is.
void require_sound(const std::vector<queue::Task>& tasks);

/// \throws TaskError when the transaction's snapshot cannot see the chunk's rows.
void check_visible(const timescale::Chunk& chunk);

} // namespace run
