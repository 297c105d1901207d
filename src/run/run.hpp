#pragma once

#include "output/board.hpp"
#include "output/output.hpp"
#include "queue/runs.hpp"
#include "run/abandoned_backends.hpp"
#include "run/crashes.hpp"
#include "run/demand.hpp"
#include "run/endpoints.hpp"
#include "run/open_connections.hpp"
#include "run/pause.hpp"
#include "run/pool.hpp"
#include "run/rate_limiter.hpp"
#include "run/retry.hpp"
#include "run/stop.hpp"
#include "run/stop_on_signal.hpp"
#include "run/throttle_options.hpp"
#include "run/watchdog.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace run {

/// Options of any run.
struct RunOptions {
    std::string command; ///< such as "copy": its name for the servers and the queue
    std::optional<postgres::ConnectionString> source; ///< none if files are the source
    postgres::ConnectionString target;
    int parallelism = 8; ///< workers, at most
    RetryOptions retry;
    ThrottleOptions throttle{};
};

/// The work of a run when it begins.
struct Workload {
    std::int64_t count = 0;      ///< of chunks, or of files
    std::int64_t bytes = 0;      ///< of those, on disk; 0 if it is unknown
    std::int64_t data_bytes = 0; ///< determines the number of workers (Demand)
    std::string noun = "chunk";  ///< what is counted
    bool is_in_queue = true;     ///< the queue knows how much of it is left
};

/**
 * A run of `copy`, `verify`, `import` or `sync-tables`: what its workers share, from its first
 * connection to its last.
 *
 * The main thread constructs it before there are other threads, connects, determines the work, and
 * calls begin(), work() and conclude(), in this order. Workers use the rest, which is thread-safe.
 */
class Run {
  public:
    Run(RunOptions options, output::Output& output);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// Connects to both servers, for the first sessions of a command that works on the queue. The
    /// statements are sent in the same round trip. The target's results are certain to be there;
    /// the source's may be missing (Endpoint::answers). \throws UsageError if both are the same
    /// database, or if there is no queue; Error if it is of another format; what connect_both()
    /// throws.
    Endpoints connect(StatementList& in_target, const StatementList& in_source) const;

    /// \param own what queue::number_statement() returned; without an id if there is no queue.
    /// \param target, and source if there is one: the first worker's connections.
    /// \param settings statements that each further session in the target begins with.
    void begin(const Workload& workload, queue::OwnRun own, std::optional<Endpoint> source,
               Endpoint target, std::vector<postgres::Statement> settings = {});

    /// What the threads of work() do.
    struct Work {
        std::function<void(int number)> worker;
        /// Returns the number of unclaimed work items, as far as it is known.
        /// \param working the number of workers, initially 0.
        std::function<std::int64_t(int working)> unclaimed;
        std::function<void()> joins = [] {
        }; ///< as in Pool
        /// Reports what was done, after all workers have ended for whatever reason.
        std::function<void()> summary;
    };

    /// Runs the workers, while the display and the queue show their progress. Returns when there is
    /// nothing left to do or the run must stop.
    /// \throws what a worker throws, except Interrupted.
    void work(const Work& work);

    /// Does the last work in the target, after all workers have ended: on an idle connection, or
    /// else on a new one, for as long as RetryOptions allow. Then terminates the backends of lost
    /// sessions. \param last gets the statements that mark the run as ended, and runs them with its
    /// own. \throws what Recovery::run_with_retries throws; ConnectionError if the run must stop.
    void conclude(
        const std::function<void(Endpoint& target, std::vector<postgres::Statement> ended)>& last);

    /// True if a user has stopped it.
    bool is_interrupted() const { return is_interrupted_ || signals_.has_come(); }

    /// A connection for work after conclude(), made if there is none.
    Endpoint& endpoint(Side side);

    // ------------------------------------------------ what workers use

    const RunOptions options;
    Stop stop;
    OpenConnections connections;
    Outage outage;
    AbandonedBackends abandoned;
    RateLimiter rate_limiter;
    Pause pause;
    Crashes crashes;

    std::int64_t id() const { return own_.id; } ///< OwnRun::id
    output::Board& board() { return *board_; }
    Pool& pool() { return *pool_; } ///< \pre work() has begun
    const timescale::Server& server(Side side) const {
        return side == Side::source ? source_server_.value() : target_server_.value();
    }

    /// A worker's connections.
    struct Connections {
        std::optional<Endpoint> source; ///< none if files are the source
        Endpoint target;
    };

    /// Takes idle connections, those that the run began with or that a worker has given back, or
    /// else connects.
    Connections take_connections();

    /// Gives connections back. The run keeps those of one worker, and closes others.
    void give_back(Connections connections);

    /// A further session with TimescaleDB in the target.
    Endpoint connect_to_target() const;

    /// A further session without TimescaleDB in the target.
    LeanSession connect_to_queue() const;

  private:
    void keep(std::optional<Endpoint> source, Endpoint target);

    output::Output& output_;
    StopOnSignal signals_; // before there are other threads
    queue::OwnRun own_;
    std::optional<output::Board> board_;
    std::optional<Demand> demand_;
    bool is_in_queue_ = true;
    std::optional<timescale::Server> source_server_; ///< as the run began
    std::optional<timescale::Server> target_server_;
    std::vector<postgres::Statement> settings_;
    std::mutex mutex_;
    std::optional<Connections> idle_; ///< connections that no worker uses
    std::optional<Endpoint> source_;  ///< connections for conclude() and afterwards
    std::optional<Endpoint> target_;
    Pool* pool_ = nullptr;                            ///< of work()
    std::vector<postgres::Statement> end_statements_; ///< mark the run as ended
    bool is_interrupted_ = false;
    std::optional<Watchdog> watchdog_; // last: its thread uses the connections
};

} // namespace run
