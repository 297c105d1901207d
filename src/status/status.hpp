#pragma once

#include "postgres/connection.hpp"
#include "queue/counts.hpp"
#include "queue/imports.hpp"
#include "queue/passes.hpp"
#include "queue/runs.hpp"
#include "queue/synced_tables.hpp"

#include <vector>

/// The status of the queue, for `status`.
namespace status {

/// The queue and its runs at one moment.
struct QueueStatus {
    std::vector<queue::HypertableProgress> hypertables;
    std::vector<queue::RunStatus> runs;
    bool paused = false;
    std::vector<queue::Pass> passes;
    std::vector<queue::Failure> failures;
    std::vector<queue::ImportedFileStatus> files; ///< of `import`
    std::vector<queue::SyncedTable> tables;       ///< of `sync-tables`
};

QueueStatus read_status(postgres::Connection& target, bool with_failures);

/// The sums over all hypertables.
queue::HypertableProgress total_of(const std::vector<queue::HypertableProgress>& list);

/// True if a run has not ended.
bool is_running(const QueueStatus& status);

/// True if nothing is left to do, and no run is active.
bool is_over(const QueueStatus& status);

} // namespace status
