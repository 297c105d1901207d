#pragma once

#include "postgres/connection.hpp"
#include "tasks/task.hpp"
#include "timescale/chunk.hpp"

#include <optional>

namespace commands {

/// Waiting for a lock holds up whoever queues behind us: better to give way and come again. For
/// every transaction that copies or verifies a chunk.
constexpr auto set_lock_timeout = "SET LOCAL lock_timeout = '10s'";

/// Begins a transaction that reads the source, under the task's snapshot if it has one.
/// \throws Error, which ends the run, when the snapshot is gone: no other task can use it.
postgres::Transaction begin_reading(postgres::Connection& source, const tasks::Task& task);

/// Looks at a chunk that is to be read, under locks that keep it as it is.
///
/// The lock comes before the snapshot, which the first query takes: what compresses, decompresses
/// or drops the chunk has either committed before, or waits until we have read it. A snapshot from
/// before a compression would find the chunk empty.
/// \pre the transaction has run no query yet.
/// \returns nothing when there is no such chunk any more.
/// \throws SqlError with Remedy::retry when it changed in between; TaskError when the snapshot
/// cannot see it.
std::optional<timescale::Chunk> open_chunk(postgres::Connection& connection,
                                           const postgres::QualifiedName& name);

} // namespace commands
