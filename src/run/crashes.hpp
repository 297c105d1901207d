#pragma once

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
 * What the workers of a run know together of tasks that may crash a server. Thread-safe.
 *
 * A crash ends the sessions of all workers, so that each task in hand is a suspect. From then on
 * suspects are tried one at a time, with nothing else in hand: the one that is when the server
 * crashes again is the one to blame.
 */
class Crashes {
  public:
    struct Servers {
        timescale::Server source;
        timescale::Server target;
    };

    /// A worker begins with a task, on connections to these.
    void begin(std::int64_t task, const Servers& servers);

    /// It has done with it, whatever came of it. Not to be called when its connections were lost.
    void end(std::int64_t task);

    /// They were. \param error for people.
    void note_loss(std::int64_t task, const std::string& error);

    /// A server has crashed while it was in hand. \param servers that can be reached now.
    bool is_suspect(std::int64_t task, const Servers& servers);

    /// Why a task is not to be tried again, for people; nothing unless it has crashed a server
    /// twice.
    std::optional<std::string> verdict(std::int64_t task, const Servers& servers);

    /// The right to try tasks, until it is destroyed: with others that are no suspects, or alone.
    class Turn {
      public:
        /// Waits for it. \param check called meanwhile, and may throw.
        Turn(Crashes& crashes, bool alone, const std::function<void()>& check);
        ~Turn() { end(); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

        /// Waits until nobody else has one. \param check as above.
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
        std::optional<Servers> in_hand; ///< while somebody has it, or has lost it in the middle
        std::set<std::string> crashes;  ///< Server::statistics_since of those that have crashed
        std::string server;             ///< that has crashed last
        std::string error;
    };

    const Suspicion* look(std::int64_t task, const Servers& servers);

    std::mutex mutex_;
    std::map<std::int64_t, Suspicion> suspicions_;
    std::condition_variable changed_;
    int turns_ = 0;   ///< that have begun
    int waiting_ = 0; ///< that are to be alone, and wait: none of the others begins meanwhile
    bool alone_ = false;
};

} // namespace run
