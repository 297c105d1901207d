#pragma once

#include "output/board.hpp"
#include "output/display.hpp"
#include "output/output.hpp"
#include "queue/runs.hpp"
#include "run/endpoints.hpp"
#include "run/pause.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace run {

/**
 * Publishes the progress of a run in the queue once a second, for `status`, and applies the
 * settings in the queue: pause, resume, and the number of workers. It also finds the locks that the
 * workers' backends wait for.
 *
 * It uses connections of its own, which it makes when the run has lasted for a second. If they are
 * lost, the run continues, and the publisher connects again.
 */
class Publisher {
  public:
    /// How settings take effect.
    struct Steering {
        Pause& pause;
        std::function<void(int)> resize; ///< sets the maximum number of workers
        /// takes the work that the queue has left
        std::function<void(std::int64_t chunks, std::int64_t bytes)> note;
    };

    /// Starts the thread. Applies OwnRun::paused first.
    /// \param source none if files are the source.
    Publisher(queue::OwnRun run, std::optional<postgres::ConnectionString> source,
              postgres::ConnectionString target, output::Board& board, output::Output& output,
              Steering steering);

    /// Marks the run as ended in the queue, unless end() was called.
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    /// Stops the thread.
    /// \returns the statement that marks the run as ended, for the caller to run.
    postgres::Statement end();

  private:
    void publish(const std::stop_token& stop);
    LeanSession& target();
    postgres::Statement statement(bool ended);
    void apply(const queue::RunControl& control);
    void apply_pause(bool paused);
    void publish_lock_waits(postgres::Connection& connection, Side side);

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
    std::jthread thread_; // last, because it uses the others
};

} // namespace run
