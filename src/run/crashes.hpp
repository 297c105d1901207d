#pragma once

#include "base/error.hpp"
#include "timescale/server.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace run {

/**
 * What the workers of a run know about tasks that may crash a server. Thread-safe.
 *
 * A crash ends the sessions of all workers, so each task in progress becomes a suspect. From then
 * on, each suspect is tried alone, with no other task in progress. If the server crashes again,
 * that suspect is the cause.
 */
class Crashes {
  public:
    struct Servers {
        timescale::Server source;
        timescale::Server target;
    };

    /// A worker begins a task. \param servers the servers of its connections.
    void begin(std::int64_t task, const Servers& servers);

    /// The worker has ended a task, with or without success. Do not call it if the connections were
    /// lost.
    void end(std::int64_t task);

    /// The worker's connections were lost during a task. \param error the reason, for messages.
    void note_loss(std::int64_t task, const std::string& error);

    /// True if a server has crashed while the task was in progress.
    /// \param servers their state now.
    bool is_suspect(std::int64_t task, const Servers& servers);

    /// Why a task is not tried again; nothing unless it has crashed a server twice.
    std::optional<TaskError> refusal(std::int64_t task, const Servers& servers);

    /// The right to try tasks for as long as the object lives: a suspect alone, other tasks side by
    /// side.
    class Turn {
      public:
        /// Waits for the turn. \param check called repeatedly while waiting; may throw.
        Turn(Crashes& crashes, bool alone, const std::function<void()>& check);
        ~Turn() { end(); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        /// Waits until no other worker has a turn. \param check as above.
        void become_alone(const std::function<void()>& check);

      private:
        void begin(const std::function<void()>& check);
        void end();

        Crashes& crashes_;
        bool alone_;
        bool has_begun_ = false;
    };

  private:
    struct Suspicion {
        std::optional<Servers> in_hand; ///< set while a worker has the task, or has lost it
        std::set<std::string> crashes;  ///< each crash: server and its Server::statistics_since
        std::string server;             ///< the server that crashed last
        std::string error;
    };

    const Suspicion* find_suspicion(std::int64_t task, const Servers& servers);

    std::mutex mutex_;
    std::map<std::int64_t, Suspicion> suspicions_;
    std::condition_variable changed_;
    int turns_ = 0;   ///< turns that have begun
    int waiting_ = 0; ///< turns that wait to be alone; other turns do not begin meanwhile
    bool alone_ = false;
};

} // namespace run
