#pragma once

#include "commands/endpoints.hpp"
#include "report/board.hpp"
#include "report/display.hpp"
#include "report/output.hpp"
#include "tasks/runs.hpp"
#include "workers/pause.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace commands {

/**
 * Tells the queue once a second how far a run is, for `status`, and does what others have the queue
 * tell the run: pause, and have more or fewer workers. Looks besides which locks the workers'
 * server processes wait for.
 *
 * It has connections of its own. When they are lost, the run goes on without it until they are
 * back.
 */
class Publisher {
  public:
    struct Run {
        std::string command;
        std::int64_t chunks = 0; ///< that there are to do
        std::int64_t bytes = 0;
        std::optional<postgres::ConnectionString> source; ///< unless files are
        postgres::ConnectionString target;
    };

    /// Begins with what is ordered already.
    /// \param target a connection, used here only.
    /// \param resize called with the number of workers that is wanted.
    Publisher(Run run, postgres::Connection& target, report::Board& board, workers::Pause& pause,
              report::Output& output, std::function<void(int)> resize);

    /// Tells that the run has ended.
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    std::int64_t id() const { return id_; }

  private:
    void publish(const std::stop_token& stop);
    void tick();
    void obey(const tasks::Orders& orders);
    void look_at_locks(postgres::Connection& connection, bool in_source);

    const Run run_;
    report::Board& board_;
    workers::Pause& pause_;
    report::Output& output_;
    const std::function<void(int)> resize_;
    std::int64_t id_;
    report::Speed speed_;
    std::optional<Endpoint> source_;
    std::optional<Endpoint> target_;
    std::mutex mutex_;
    std::condition_variable_any stopping_;
    std::jthread thread_; // last, for it uses the others
};

} // namespace commands
