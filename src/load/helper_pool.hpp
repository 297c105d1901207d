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

/// What a worker works with.
struct HelperConnections {
    postgres::Connection& source;
    postgres::Connection& target; ///< in no transaction
    /// The source is already in the transaction in which the work is done; otherwise it is in none.
    bool is_owner = false;
    ProgressListener& progress;
};

/// A part of a chunk's load that any worker may do, on its own connections.
using WorkItem = std::function<void(HelperConnections&)>;

/**
 * The workers of a run, as far as they help each other: one that finds no chunk left to claim does
 * pieces of the chunks that others are loading.
 *
 * Thread-safe. A worker joins as a Helper. The pool must outlive its helpers.
 */
class HelperPool {
  public:
    /// The number of helpers.
    int size();

    /// Announces one more helper, before the others could finish without it.
    void expect_another();

    /// Has pieces done, by the caller and by all who have nothing else to do. Returns when all are
    /// done.
    /// \throws what the first piece that failed threw, when none is being done any more.
    void share(std::vector<WorkItem> pieces, HelperConnections& own);

    /// A worker's place in the pool. It takes the place before anything that can fail, because the
    /// others wait for it.
    class Helper {
      public:
        explicit Helper(HelperPool& helpers) : helpers_(helpers) {}
        ~Helper();
        Helper(const Helper&) = delete;
        Helper& operator=(const Helper&) = delete;

        /// Does one piece of somebody's work, waiting for it.
        /// \returns false when there will be none: nobody has a chunk in hand any more.
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

    /// Does the next piece of a work.
    /// \pre locked, and there is one.
    void do_next(std::unique_lock<std::mutex>& lock, SharedWork& work, HelperConnections& own);
    SharedWork* find_work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<SharedWork*> works_;
    int helpers_ = 0; ///< who have not left
    int idle_ = 0;
};

} // namespace load
