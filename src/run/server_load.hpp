#pragma once

#include "postgres/connection.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

/// What a server feels of a run, for Throttle. All functions throw UsageError if the role may not
/// see it, and what Connection::query() throws.
namespace run {

/// The physical standbys of one server.
class Standbys {
  public:
    using Clock = std::chrono::steady_clock;

    struct Lag {
        std::string name; ///< of the standby that is furthest behind; empty if none is behind
        double seconds = 0;
        bool has_standbys = false;
    };

    /// pg_stat_replication.replay_lag stays as it is while a standby replays nothing. Therefore
    /// this also measures how long ago the server had written what the standby has replayed.
    Lag ask(postgres::Connection& server);

  private:
    /// Positions in the WAL at earlier times, the oldest first.
    std::deque<std::pair<Clock::time_point, std::int64_t>> written_;
};

/// How far a standby is behind its primary, in seconds. \throws Error if that is unknown, or if the
/// server is no standby.
double replica_lag(postgres::Connection& standby);

/// The number of sessions of others that run a statement.
std::int64_t active_sessions(postgres::Connection& server);

/// The value of a user's query, which runs in a read-only transaction with the role's own
/// search_path. \throws Error unless it is one number.
double value_of(postgres::Connection& server, const std::string& query);

/// The time of day in a time zone, in seconds after midnight.
int time_of_day(postgres::Connection& server, const std::string& zone);

} // namespace run
