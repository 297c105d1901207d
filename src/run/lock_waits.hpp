#pragma once

#include "base/side.hpp"
#include "output/output.hpp"
#include "postgres/connection.hpp"
#include "run/endpoints.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace run {

/// What backends of a server wait for, as clauses, by their process IDs: those that wait for a
/// lock.
std::map<std::int64_t, std::string> read_lock_waits(postgres::Connection& connection, Side side,
                                                    const std::vector<std::int64_t>& pids);

/**
 * Says which locks the sessions of a command wait for, for as long as the object lives. For what a
 * command does before its run has a board.
 *
 * It looks once a second, on connections of its own.
 */
class LockWatch {
  public:
    /// \param command the program's command, for application_name.
    LockWatch(const Endpoints& ends, std::string command, output::Output& output);

  private:
    struct Watched {
        Side side;
        postgres::ConnectionString connection_string;
        std::int64_t pid;
        std::optional<LeanSession> session{};
        std::string said{}; ///< what it waits for, if it does
    };

    void watch(const std::stop_token& stop);
    void look(Watched& watched);

    const std::string command_;
    output::Output& output_;
    std::vector<Watched> watched_;
    std::jthread thread_; // last, because it uses the others
};

} // namespace run
