#pragma once

#include "output/output.hpp"
#include "run/endpoints.hpp"
#include "run/pause.hpp"
#include "run/server_load.hpp"
#include "run/stop.hpp"
#include "run/throttle_options.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace run {

/**
 * Pauses a run for as long as the servers feel too much of it, or it is not the time to work. Asks
 * once a second, on connections of its own: the user's query needs one with TimescaleDB, and the
 * publisher must not wait for it. What it cannot find out pauses the run as well; a query that
 * keeps failing stops it.
 *
 * The run continues when three answers in a row were at most three quarters of the limits, so that
 * it does not change between both all the time.
 */
class Throttle {
  public:
    /// The servers of a run, as they are reached.
    struct Servers {
        std::optional<postgres::ConnectionString> source; ///< none if files are the source
        postgres::ConnectionString target;
        std::string command; ///< such as "copy"
    };

    /// Asks everything once, before a run begins, and logs a warning about servers that --max-lag
    /// cannot protect. \param source none if files are the source.
    /// \throws UsageError if an option cannot be followed.
    static void require(const ThrottleOptions& options, Endpoint* source, Endpoint& target,
                        const std::string& command);

    /// Pauses the run until the first answers have come. \pre options.asks()
    /// \param query_timeout how long --throttle-query may fail before the run is stopped.
    Throttle(ThrottleOptions options, Servers servers, std::chrono::seconds query_timeout,
             Pause& pause, Stop& stop, output::Output& output);
    ~Throttle();
    Throttle(const Throttle&) = delete;
    Throttle& operator=(const Throttle&) = delete;

    /// Why this has stopped the run; nothing if it has not.
    std::optional<Error> failure();

  private:
    /// Why the run must wait.
    struct Cause {
        const char* option = ""; ///< such as "--max-lag", or "no answer"
        std::string text{};      ///< empty if it need not wait
        Pause::Extent extent = Pause::Extent::rows;
        std::optional<double> limit{}; ///< of the option, which is exceeded; in seconds for a lag
    };

    void watch(const std::stop_token& stop);
    void apply(const Cause& cause);
    Cause ask();
    void begin_to_ask(const postgres::Connection& server);
    int time_in(const std::string& zone);
    Cause ask(Side side);
    Cause cause_in(Side side, postgres::Connection& server);
    Cause cause_of_query(postgres::Connection& server);
    Cause ask_replica();
    bool asks_query(Side side) const;
    bool asks_lag() const;
    double share() const; ///< of the limits that values must not exceed
    std::string limit_text(double value, double limit, std::string (*format)(double)) const;
    postgres::Connection& connection(Side side);

    const ThrottleOptions options_;
    const Servers servers_;
    const std::chrono::seconds query_timeout_;
    Pause& pause_;
    Stop& stop_;
    output::Output& output_;
    std::optional<Endpoint> source_;
    std::optional<Endpoint> target_;
    std::optional<postgres::Connection> replica_;
    Standbys source_standbys_;
    Standbys target_standbys_;
    int calm_ = 0;                                  ///< answers in a row without a cause
    std::optional<Pause::Clock::time_point> since_; ///< when the run began to wait, if it waits
    std::optional<Pause::Clock::time_point> query_fails_since_;
    std::mutex mutex_;                                   ///< guards the next three
    std::optional<Error> failure_;                       ///< has stopped the run
    std::shared_ptr<postgres::ConnectionMonitor> asked_; ///< of the server that must answer now
    bool is_ending_ = false;                             ///< no server is asked any more
    std::jthread thread_;                                // last, because it uses the others
};

} // namespace run
