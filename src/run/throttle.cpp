#include "run/throttle.hpp"

#include "base/wait.hpp"
#include "output/log.hpp"
#include "output/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

namespace run {

namespace {

using namespace std::chrono_literals;

/// How long a server may take to answer.
constexpr auto patience = 10s;

/// The number of answers in a row without a cause after which the run continues.
constexpr int calm_answers = 3;

/// Waits for a server's answer, but not for long. \throws Error if there is none in time.
template <typename Ask>
auto in_time(postgres::Connection& server, const Ask& ask) {
    const auto begun = Pause::Clock::now();
    const postgres::Deadline deadline(server.monitor(), patience);
    try {
        return ask();
    } catch (const postgres::ConnectionError&) {
        if (Pause::Clock::now() - begun < patience)
            throw;
        throw Error(fmt::format("the {} has not answered within {}", server.name(),
                                output::format_duration(patience)));
    }
}

postgres::Connection connect_to_replica(const postgres::ConnectionString& string,
                                        const std::string& command) {
    const auto settings =
        postgres::session_settings(postgres::Access::read_only, postgres::Library::left_out);
    postgres::Connection connection(string, "replica", postgres::application_name(command),
                                    settings);
    const postgres::Deadline deadline(connection.monitor(), patience);
    postgres::pin_session(connection, settings);
    return connection;
}

/// The user's query is about the production database: the source, or the target of files.
Side side_of_query(bool has_source) {
    return has_source ? Side::source : Side::target;
}

std::string time_text(int seconds) {
    return fmt::format("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
}

std::string seconds_text(double seconds) {
    return output::format_duration(output::Seconds(seconds));
}

/// Of sessions: the run continues at whole numbers only.
std::string number_text(double number) {
    return output::format_count(static_cast<std::int64_t>(number));
}

/// Asks a server something that an option needs. \throws UsageError if that fails, unless the
/// connection is lost.
void require_answer(const std::string& option, postgres::Connection& server,
                    const std::function<void()>& ask) {
    try {
        in_time(server, ask);
    } catch (const postgres::ConnectionError&) {
        throw;
    } catch (const Error& error) {
        throw UsageError(fmt::format("{}: {}", option, error.problem()), error.remedy());
    }
}

/// Warns of servers without standbys, which --max-lag does not protect.
/// \param without their names. \param with the name of the other one; empty if there is none.
void warn_of_missing_standbys(const std::vector<std::string>& without, const std::string& with) {
    constexpr auto* remedy = "if there are standbys that get their WAL in another way, name one by "
                             "--lag-of";
    if (without.empty())
        return;
    if (with.empty())
        output::warn(fmt::format("--max-lag does nothing: no standby is connected to the {}",
                                 fmt::join(without, " or the ")),
                     remedy);
    else
        output::warn(
            fmt::format("--max-lag is only about the {}: no standby is connected to the {}", with,
                        without.front()),
            remedy);
}

} // namespace

void Throttle::require(const ThrottleOptions& options, Endpoint* source, Endpoint& target,
                       const std::string& command) {
    std::vector<std::string> without_standby;
    std::string with_standby;
    for (auto* end : {source, &target}) {
        if (end == nullptr)
            continue;
        auto& server = end->connection;
        if (options.max_lag && !options.lag_of)
            require_answer("--max-lag", server, [&] {
                const auto* name = name_of(end == source ? Side::source : Side::target);
                if (Standbys().ask(server).has_standbys)
                    with_standby = name;
                else
                    without_standby.emplace_back(name);
            });
        if (options.max_active)
            require_answer("--max-load", server, [&] { active_sessions(server); });
    }
    if (options.lag_of) {
        auto replica = connect_to_replica(*options.lag_of, command);
        require_answer("--lag-of", replica, [&] { replica_lag(replica); });
    }
    if (options.query) {
        auto& server =
            (side_of_query(source != nullptr) == Side::source ? *source : target).connection;
        require_answer("--throttle-query", server, [&] { value_of(server, *options.query); });
    }
    if (options.window && !options.window->zone.empty())
        require_answer("--window", target.connection,
                       [&] { time_of_day(target.connection, options.window->zone); });
    warn_of_missing_standbys(without_standby, with_standby);
}

Throttle::Throttle(ThrottleOptions options, Servers servers, std::chrono::seconds query_timeout,
                   Pause& pause, Stop& run_stop, output::Output& output)
    : options_(std::move(options)), servers_(std::move(servers)), query_timeout_(query_timeout),
      pause_(pause), stop_(run_stop), output_(output) {
    pause_.throttle(Pause::Extent::new_work, "first answers", "the servers are asked first");
    thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

Throttle::~Throttle() {
    thread_.request_stop();
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
        if (asked_)
            asked_->hang_up();
    }
    thread_.join();
}

std::optional<Error> Throttle::failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
}

void Throttle::watch(const std::stop_token& stop) {
    calm_ = calm_answers; // the first answer decides
    do {
        const auto cause = ask();
        if (stop.stop_requested())
            return;
        apply(cause);
        if (failure())
            return stop_.now();
    } while (wait_unless_stopped(stop, 1s));
}

/// Notes which server is asked, so that the end of the run need not wait for its answer.
/// \throws Interrupted if the run is at its end.
void Throttle::begin_to_ask(const postgres::Connection& server) {
    const std::lock_guard lock(mutex_);
    if (is_ending_)
        throw Interrupted();
    asked_ = server.monitor();
}

void Throttle::apply(const Cause& cause) {
    if (!cause.text.empty()) {
        calm_ = 0;
        pause_.throttle(cause.extent, cause.option, cause.text, cause.limit);
        if (!since_) {
            since_ = Pause::Clock::now();
            output_.event("throttled", {{"command", servers_.command}, {"reason", cause.text}},
                          output::Importance::detail,
                          output_.sentence({fmt::format("Waiting: {}.", cause.text)}));
        }
        return;
    }
    if (++calm_ < calm_answers)
        return;
    pause_.throttle(Pause::Extent::nothing, {}, {});
    if (const auto since = std::exchange(since_, std::nullopt)) {
        const output::Seconds waited = Pause::Clock::now() - *since;
        output_.event("unthrottled", {{"command", servers_.command}, {"seconds", waited.count()}},
                      output::Importance::detail,
                      fmt::format("Continuing after {}.", output::format_duration(waited)));
    }
}

Throttle::Cause Throttle::ask() {
    if (const auto& window = options_.window) {
        try {
            if (const auto now = time_in(window->zone); !window->contains(now)) {
                query_fails_since_.reset(); // it is not asked
                return {.option = "--window",
                        .text = fmt::format("it is {}{}{}, and --window begins at {}",
                                            time_text(now), window->zone.empty() ? "" : " in ",
                                            window->zone, time_text(window->begin)),
                        .extent = Pause::Extent::new_work};
            }
        } catch (const Error& error) {
            target_.reset();
            return {.option = "--window",
                    .text = fmt::format("cannot read the time: {}", error.what()),
                    .extent = Pause::Extent::new_work};
        }
    }
    // Ask both in any case: their standbys' lag is measured from one answer to the next.
    const auto in_source = servers_.source ? ask(Side::source) : Cause();
    const auto in_target = ask(Side::target);
    const auto in_replica = options_.lag_of ? ask_replica() : Cause();
    return !in_source.text.empty() ? in_source : !in_target.text.empty() ? in_target : in_replica;
}

/// The time of day in a time zone, or in this machine's own if it is empty.
int Throttle::time_in(const std::string& zone) {
    if (zone.empty())
        return local_time_of_day();
    auto& server = connection(Side::target);
    begin_to_ask(server);
    return in_time(server, [&] { return time_of_day(server, zone); });
}

/// Asks one of the servers for what it feels itself.
Throttle::Cause Throttle::ask(Side side) {
    if (!asks_query(side) && !asks_lag() && !options_.max_active)
        return {};
    try {
        auto& server = connection(side);
        begin_to_ask(server);
        return in_time(server, [&] { return cause_in(side, server); });
    } catch (const Error& error) {
        (side == Side::source ? source_ : target_).reset();
        return {.option = "no answer",
                .text = fmt::format("cannot ask the {}: {}", name_of(side), error.what())};
    }
}

Throttle::Cause Throttle::cause_in(Side side, postgres::Connection& server) {
    if (asks_lag()) {
        const auto limit = static_cast<double>(options_.max_lag->count());
        auto& standbys = side == Side::source ? source_standbys_ : target_standbys_;
        const auto lag = standbys.ask(server);
        if (!lag.name.empty())
            output_.note_lag(name_of(side), lag.seconds);
        if (lag.seconds > share() * limit)
            return {.option = "--max-lag",
                    .text = fmt::format("standby {} of the {} is {} behind{}", lag.name,
                                        name_of(side), seconds_text(lag.seconds),
                                        limit_text(lag.seconds, limit, seconds_text)),
                    .limit = limit};
    }
    if (options_.max_active) {
        const auto active = active_sessions(server);
        const auto limit = static_cast<double>(*options_.max_active);
        if (static_cast<double>(active) > share() * limit)
            return {.option = "--max-load",
                    .text = fmt::format(
                        "{} of others {} active in the {}{}",
                        output::format_count(active, "session"), active == 1 ? "is" : "are",
                        name_of(side), limit_text(static_cast<double>(active), limit, number_text)),
                    .limit = limit};
    }
    return asks_query(side) ? cause_of_query(server) : Cause();
}

/// A query that fails, other than by a lost connection, needs the user.
Throttle::Cause Throttle::cause_of_query(postgres::Connection& server) {
    try {
        const auto value = value_of(server, *options_.query);
        query_fails_since_.reset();
        return value > 0 ? Cause{.option = "--throttle-query",
                                 .text = fmt::format("--throttle-query returns {}", value),
                                 .limit = 0}
                         : Cause();
    } catch (const postgres::ConnectionError&) {
        throw;
    } catch (const Error& error) {
        const auto now = Pause::Clock::now();
        if (!query_fails_since_)
            query_fails_since_ = now;
        const auto most = query_timeout_.count();
        if (now - *query_fails_since_ >= query_timeout_) {
            const std::lock_guard lock(mutex_);
            failure_ = Error(fmt::format("giving up after {} s: --throttle-query fails: {}", most,
                                         error.problem()),
                             "correct the query or what it reads, and run the same command again");
        }
        return {.option = "--throttle-query",
                .text =
                    fmt::format("--throttle-query fails: {}; the run gives up after {} s of this",
                                error.problem(), most)};
    }
}

Throttle::Cause Throttle::ask_replica() {
    try {
        if (!replica_)
            replica_.emplace(connect_to_replica(*options_.lag_of, servers_.command));
        begin_to_ask(*replica_);
        const auto seconds = in_time(*replica_, [&] { return replica_lag(*replica_); });
        output_.note_lag("replica", seconds);
        const auto limit = static_cast<double>(options_.max_lag->count());
        if (seconds > share() * limit)
            return {.option = "--max-lag",
                    .text =
                        fmt::format("{} is {} behind{}", replica_->name(), seconds_text(seconds),
                                    limit_text(seconds, limit, seconds_text)),
                    .limit = limit};
        return {};
    } catch (const Error& error) {
        replica_.reset();
        return {.option = "no answer",
                .text = fmt::format("cannot ask the replica of --lag-of: {}", error.what())};
    }
}

bool Throttle::asks_query(Side side) const {
    return options_.query && side == side_of_query(servers_.source.has_value());
}

bool Throttle::asks_lag() const {
    return options_.max_lag && !options_.lag_of;
}

/// The limit that was exceeded, and what lets the run continue if that is less.
std::string Throttle::limit_text(double value, double limit, std::string (*format)(double)) const {
    return fmt::format(", limit {}{}", format(limit),
                       value > limit ? "" : ", continues at " + format(share() * limit));
}

double Throttle::share() const {
    return since_ ? 0.75 : 1;
}

postgres::Connection& Throttle::connection(Side side) {
    auto& end = side == Side::source ? source_ : target_;
    if (!end)
        end.emplace(side == Side::source ? servers_.source.value() : servers_.target, side,
                    servers_.command, Session::further, patience);
    return end->connection;
}

} // namespace run
