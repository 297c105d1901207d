#pragma once

#include "load/progress_listener.hpp"
#include "output/board.hpp"
#include "postgres/error.hpp"
#include "queue/task.hpp"
#include "run/pause.hpp"
#include "run/pool.hpp"
#include "run/rate_limiter.hpp"
#include "run/stop.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace run {

/// The progress of one worker of a run: shows it on the board, and stops the worker or slows it
/// down as the user wants.
class WorkerProgress : public load::ProgressListener {
  public:
    WorkerProgress(output::Board& board, int worker, const Stop& stop, const Pause& pause,
                   RateLimiter& rate_limiter)
        : board_(board), worker_(worker), stop_(stop), pause_(pause), rate_limiter_(rate_limiter) {}

    int worker() const { return worker_; }

    /// Sets the backends that work for this worker from now on.
    void set_backends(std::vector<output::Board::WorkerBackend> backends) {
        board_.set_backends(worker_, std::move(backends));
    }

    /// Worker::may_begin()
    bool may_begin(Pool& pool, bool has_own_work);

    /// The worker begins tasks.
    void begin(const std::vector<queue::Task>& tasks);

    /// The worker has no tasks in progress any more.
    /// \param done the tasks that are done.
    void end(const std::vector<queue::Task>& done = {});

    /// The worker begins something else, of so many bytes.
    void begin(output::Subject what, std::int64_t bytes);

    /// The worker has finished it. \param done how many of Workload::count are done.
    void end(std::int64_t done, std::int64_t bytes) { board_.end(worker_, done, bytes); }

    /// Counts an attempt that is repeated after an error.
    void note_retry(const Error& error) { board_.note_retry(postgres::kind_of(error)); }

    void now(output::Activity activity, const std::string& remark = {});

    /// Waits until so many bytes may be moved, because of --max-rate and of throttles. For work
    /// whose transaction holds locks that others need: it waits before, and then moves all of them.
    /// \throws Interrupted
    void wait_to_move(std::int64_t bytes);

    /// Counts bytes of wait_to_move() that were moved.
    void count(std::int64_t bytes) { board_.moved(worker_, bytes); }

    void check() override { stop_.check(); }
    void moved(std::int64_t bytes) override;
    void now(load::Step step) override;
    void begin_part() override;

  private:
    void be_paused();
    void wait_for_throttle();

    output::Board& board_;
    const int worker_;
    const Stop& stop_;
    const Pause& pause_;
    RateLimiter& rate_limiter_;
    output::Activity activity_ = output::Activity::idle; ///< as last set
};

} // namespace run
