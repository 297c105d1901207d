#pragma once

#include "postgres/connection.hpp"
#include "queue/task.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace queue {

/// Chunks in the form that sql/queue/add_tasks.sql takes.
std::string to_json(const std::vector<NewTask>& tasks);

/// The chunks of a hypertable that were added to the queue, or whose tasks were extended.
struct Added {
    postgres::QualifiedName hypertable; ///< in the source
    std::int64_t added = 0;             ///< chunks that were not in the queue
    std::int64_t grown = 0;             ///< chunks whose range to copy was extended
    std::int64_t changed = 0;           ///< chunks that may have changed since they were copied
    std::int64_t bytes = 0;             ///< of all of these, on disk

    std::int64_t chunks() const { return added + grown + changed; }
};

/// The sums over all hypertables.
Added total_of(const std::vector<Added>& list);

/// The slices of time of tables without chunks, by table, that the queue has tasks for. There may
/// be no queue yet.
std::map<postgres::QualifiedName, std::vector<timescale::TimeRange>>
slices_of_plain_tables(postgres::Connection& target);

/**
 * Adds chunks to the queue (sql/queue/add_tasks.sql). Skips chunks that are already in it, but
 * updates names that have changed since (sql/queue/rename_tasks.sql). Sends some at a time, so that
 * they are never all in memory.
 */
class Additions {
  public:
    /// \param changed queue chunks that were copied to be mended, too, if they have changed since
    /// in the source, or may have (NewTask::state).
    Additions(postgres::Connection& target, bool changed) : target_(target), changed_(changed) {}

    void add(NewTask task);

    /// Call it after the last one. \throws Error if a table without chunks was staged before with
    /// other boundaries. \returns an entry for each hypertable with chunks that were added or grew.
    std::vector<Added> finish();

  private:
    void send();

    postgres::Connection& target_;
    bool changed_;
    std::vector<NewTask> waiting_;
    std::map<postgres::QualifiedName, Added> added_; ///< by hypertable
};

} // namespace queue
