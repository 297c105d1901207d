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
#include "run/retry.hpp"
#include "run/stop.hpp"
#include "run/stop_on_signal.hpp"
#include "run/throttle.hpp"
#include "run/watchdog.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace run {

/// What the command line says of any run.
struct RunOptions {
    std::string command; ///< "copy": the name for the servers and for the queue
    std::optional<postgres::ConnectionString> source; ///< none if files are the source
    postgres::ConnectionString target;
    int parallelism = 8; ///< workers, at most
    RetryOptions retry;
};

/// What a run has to do, as it begins.
struct Workload {
    std::int64_t count = 0;      ///< of chunks, or of files
    std::int64_t bytes = 0;      ///< of those, on disk; 0 if it is unknown
    std::int64_t data_bytes = 0; ///< that the number of workers depends on (Demand)
    std::string noun = "chunk";  ///< what is counted
    bool is_of_the_queue = true; ///< the queue says how much is left
};

/**
 * A run of `copy`, `verify` or `import`: what its workers share, from its first connection to its
 * last.
 *
 * The main thread constructs it before there are other threads, connects, finds out what there is
 * to do, and calls begin(), work() and conclude(), in this order. Workers use the rest, which is
 * thread-safe.
 */
class Run {
  public:
    Run(RunOptions options, output::Output& output);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// Connects to both servers, for the first sessions of a command that works on the queue. The
    /// questions are asked in the same round trip; the target's are answered afterwards.
    /// \throws UsageError if both are the same database, or if there is no queue; Error if it is of
    /// another format; what connect_both() throws.
    Endpoints connect(Questions& in_target, const Questions& in_source) const;

    /// \param own what queue::number_statement() returned.
    /// \param target, and source if there is one: the first worker's connections.
    /// \param settings that each further session in the target begins with.
    void begin(const Workload& workload, queue::OwnRun own, std::optional<Endpoint> source,
               Endpoint target, std::vector<postgres::Statement> settings = {});

    /// What the threads of work() do.
    struct Work {
        std::function<void(int number)> worker;
        /// How many work items no worker has in hand, as far as it is known.
        /// \param working how many workers there are: none as it begins.
        std::function<std::int64_t(int working)> unclaimed;
        std::function<void()> joins = [] {
        }; ///< as in Pool
        /// Tells what was done, when all workers are through, whatever ended them.
        std::function<void()> summary;
    };

    /// Has workers work, while the display and the queue tell how far they are. Returns when there
    /// is nothing left to do or the run is to stop.
    /// \throws what a worker throws, but for Interrupted.
    void work(const Work& work);

    /// Does what is left to do in the target when all workers are through, on a connection that
    /// they have left, or else on a new one, for as long as RetryOptions allow. Then ends the
    /// backends of sessions that were lost. \param last gets the statements that mark the run as
    /// ended, to be run with its own. \throws what Recovery::lead throws; ConnectionError if the
    /// run is to stop.
    void conclude(
        const std::function<void(Endpoint& target, std::vector<postgres::Statement> ended)>& last);

    /// True if a user has stopped it.
    bool is_interrupted() const { return is_interrupted_ || signals_.has_come(); }

    /// A connection for what comes after conclude(), made if there is none.
    Endpoint& endpoint(Side side);

    // ------------------------------------------------ what workers use

    const RunOptions options;
    Stop stop;
    OpenConnections connections;
    Outage outage;
    AbandonedBackends abandoned;
    Throttle throttle;
    Pause pause;
    Crashes crashes;

    std::int64_t id() const { return own_.id; } ///< OwnRun::id
    output::Board& board() { return *board_; }
    Pool& pool() { return *pool_; }
    const timescale::Server& server(Side side) const {
        return side == Side::source ? source_server_.value() : target_server_.value();
    }

    /// A worker's connections.
    struct Connections {
        std::optional<Endpoint> source; ///< none if files are the source
        Endpoint target;
    };

    /// Takes those that the run began with, or that a worker has given back; or else connects.
    Connections take_connections();

    /// Gives them back. Those of one worker are enough: others are closed.
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
    bool is_of_the_queue_ = true;
    std::optional<timescale::Server> source_server_; ///< as the run began
    std::optional<timescale::Server> target_server_;
    std::vector<postgres::Statement> settings_;
    std::mutex mutex_;
    std::optional<Connections> idle_; ///< connections that no worker uses
    std::optional<Endpoint> source_;  ///< those that were left
    std::optional<Endpoint> target_;
    std::optional<Pool> pool_;
    std::vector<postgres::Statement> ended_;
    bool is_interrupted_ = false;
    std::optional<Watchdog> watchdog_; // last: its thread uses the connections
};

} // namespace run
