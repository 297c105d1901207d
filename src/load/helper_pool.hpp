#pragma once

#include "load/progress_listener.hpp"
#include "postgres/connection.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace load {

/// A worker's connections for work items.
struct HelperConnections {
    postgres::Connection& source;
    postgres::Connection& target; ///< in no transaction
    /// True for the worker that shares its chunk: the source is in the transaction that reads the
    /// chunk. Otherwise it is in no transaction.
    bool is_owner = false;
    ProgressListener& progress;
};

/// A part of a chunk's load that any worker may do, on its own connections.
using WorkItem = std::function<void(HelperConnections&)>;

/**
 * Lets the workers of a run help each other: a worker that finds no chunk to claim loads pieces of
 * the chunks of other workers.
 *
 * Thread-safe. A worker joins as a Helper. The pool must outlive its helpers.
 */
class HelperPool {
  public:
    /// The number of helpers.
    int size();

    /// Counts one more helper before it exists, so that the others do not finish without it.
    void expect_another();

    /// Runs work items on this thread and on those of idle helpers. Returns when all are done.
    /// \throws what the first item that failed has thrown, after all running items have ended.
    void share(std::vector<WorkItem> pieces, HelperConnections& own);

    /// A worker's membership in the pool. Construct it before anything that can fail, because the
    /// other helpers wait for all that were announced by expect_another().
    class Helper {
      public:
        explicit Helper(HelperPool& helpers) : helpers_(helpers) {}
        ~Helper();
        Helper(const Helper&) = delete;
        Helper& operator=(const Helper&) = delete;

        /// Waits for a work item of another worker, and runs it.
        /// \returns false if there will be none, because all helpers are idle.
        bool help(HelperConnections& own);

      private:
        HelperPool& helpers_;
        bool idle_ = false;
    };

  private:
    struct SharedWork {
        std::deque<WorkItem> pieces;
        int running = 0;
        std::exception_ptr problem;
    };

    /// Runs the next item.
    /// \pre locked; there is an item
    void do_next(std::unique_lock<std::mutex>& lock, SharedWork& work, HelperConnections& own);
    SharedWork* find_work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<SharedWork*> works_;
    int helpers_ = 0;
    int idle_ = 0;
};

} // namespace load
