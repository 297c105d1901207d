#pragma once

#include "output/board.hpp"
#include "output/display.hpp"
#include "output/output.hpp"
#include "queue/runs.hpp"
#include "run/endpoints.hpp"
#include "run/pause.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace run {

/**
 * Tells the queue once a second how far a run is, for `status`, and does what others have the queue
 * tell the run: pause, and have more or fewer workers. Looks besides which locks the workers'
 * server processes wait for.
 *
 * It has connections of its own, from when the run has lasted for a second. When they are lost, the
 * run goes on without it until they are back.
 */
class Publisher {
  public:
    /// What it does about what others want.
    struct Steering {
        Pause& pause;
        std::function<void(int)> resize; ///< how many workers there may be
        /// how much the queue has to do
        std::function<void(std::int64_t chunks, std::int64_t bytes)> note;
    };

    /// Begins with what is ordered already.
    /// \param source unless files are it.
    Publisher(queue::OwnRun run, std::optional<postgres::ConnectionString> source,
              postgres::ConnectionString target, output::Board& board, output::Output& output,
              Steering steering);

    /// Tells that the run has ended, unless that has been said.
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    /// The run has ended, and somebody else says so: by the statement that this returns.
    postgres::Statement end();

  private:
    void publish(const std::stop_token& stop);
    LeanSession& target();
    postgres::Statement statement(bool ended);
    void obey(const queue::Orders& orders);
    void obey_pause(bool paused);
    void look_at_locks(postgres::Connection& connection, Side side);

    const queue::OwnRun run_;
    const std::optional<postgres::ConnectionString> source_string_;
    const postgres::ConnectionString target_string_;
    output::Board& board_;
    output::Output& output_;
    const Steering steering_;
    output::Speed speed_;
    std::optional<LeanSession> source_;
    std::optional<LeanSession> target_;
    bool has_ended_ = false;
    std::mutex mutex_;
    std::condition_variable_any stopping_;
    std::jthread thread_; // last, for it uses the others
};

} // namespace run
