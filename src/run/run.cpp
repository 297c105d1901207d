#include "run/run.hpp"

#include "output/display.hpp"
#include "queue/queue.hpp"
#include "run/publisher.hpp"
#include "run/throttle.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace run {

Run::Run(RunOptions given, output::Output& output)
    : options(std::move(given)), output_(output), signals_(stop, pause, connections) {}

Endpoints Run::connect(StatementList& in_target, const StatementList& in_source) const {
    const auto queue = in_target.add(queue::check_statement());
    auto ends =
        connect_both(options.source.value(), options.target, options.command, Session::first,
                     Endpoint::default_patience, in_target.statements(), in_source.statements());
    require_different(ends);
    auto& answers = ends.target.answers;
    if (answers.empty()) { // a statement failed; run them one by one to find the error
        queue::require(ends.target.connection);
        answers = ends.target.connection.pipeline(in_target.statements());
    }
    queue::require(answers[queue], ends.target.connection);
    return ends;
}

void Run::begin(const Workload& workload, queue::OwnRun own, std::optional<Endpoint> source,
                Endpoint target, std::vector<postgres::Statement> settings) {
    own_ = std::move(own);
    own_.command = options.command;
    own_.chunks = workload.count;
    own_.bytes = workload.bytes;
    board_.emplace(1, workload.count, workload.bytes, workload.noun);
    pause.show_on(*board_);
    demand_.emplace(workload.data_bytes);
    is_in_queue_ = workload.is_in_queue;
    settings_ = std::move(settings);
    if (source)
        source_server_ = source->server;
    target_server_ = target.server;
    idle_.emplace(Connections{std::move(source), std::move(target)});
}

void Run::work(const Work& work) {
    watchdog_.emplace(connections, options.retry.stall_timeout);
    // Its threads end with it, because they use what the caller of work() owns.
    Pool pool(stop, work.worker, work.joins);
    pool_ = &pool;
    rate_limiter.set(options.throttle.max_rate);
    std::optional<Throttle> throttle;
    if (options.throttle.asks())
        throttle.emplace(options.throttle,
                         Throttle::Servers{.source = options.source,
                                           .target = options.target,
                                           .command = options.command},
                         options.retry.retry_timeout, pause, stop, output_);
    std::optional<Publisher> publisher;
    if (own_.id != 0)
        publisher.emplace(own_, options.source, options.target, *board_, output_,
                          Publisher::Steering{.pause = pause,
                                              .resize = [&](int most) { pool.resize(most); },
                                              .note =
                                                  [&](std::int64_t chunks, std::int64_t bytes) {
                                                      if (!is_in_queue_)
                                                          return;
                                                      board_->note_left(chunks);
                                                      demand_->note(bytes);
                                                  }});
    std::exception_ptr problem;
    try {
        const output::Display display(output_, *board_);
        pool.run(options.parallelism,
                 [&](int working) { return demand_->wanted(working, work.unclaimed(working)); });
    } catch (const Interrupted&) {
        is_interrupted_ = true;
    } catch (...) { // rethrown below
        problem = std::current_exception();
    }
    if (const auto failure = throttle ? throttle->failure() : std::nullopt) {
        is_interrupted_ = false;
        problem = std::make_exception_ptr(*failure);
    }
    signals_.stop_cancelling();
    work.summary(); // before the publisher ends, which may wait for a server that hangs
    if (problem)
        std::rethrow_exception(problem);
    if (publisher)
        end_statements_.push_back(publisher->end());
}

void Run::conclude(
    const std::function<void(Endpoint& target, std::vector<postgres::Statement> ended)>& last) {
    // After a second signal, a cancel request may be on its way to idle connections.
    if (auto left = std::exchange(idle_, std::nullopt); left && !stop.is_immediate()) {
        source_ = std::move(left->source);
        target_.emplace(std::move(left->target));
    }
    bool is_done = false;
    const auto attempt = [&] {
        const bool is_new = !target_ || target_->connection.is_broken();
        auto& target = endpoint(Side::target);
        if (is_new)
            connections.add(target.entry());
        last(target, end_statements_);
        is_done = true;
    };
    Recovery(options.retry, stop, outage).run_with_retries(attempt, [](const Error&) {
        return true;
    });
    if (!is_done)
        throw postgres::ConnectionError("lost the connection to the target");
    if (!outage.has_happened())
        return;
    if (options.source)
        end_leftovers(source_, *options.source, Side::source, options.command);
    end_leftovers(target_, options.target, Side::target, options.command);
}

Endpoint& Run::endpoint(Side side) {
    auto& endpoint = side == Side::source ? source_ : target_;
    if (!endpoint || endpoint->connection.is_broken())
        endpoint.emplace(side == Side::source ? options.source.value() : options.target, side,
                         options.command);
    return *endpoint;
}

Run::Connections Run::take_connections() {
    {
        const std::lock_guard lock(mutex_);
        if (auto idle = std::exchange(idle_, std::nullopt))
            return std::move(*idle);
    }
    if (!options.source)
        return {std::nullopt, connect_to_target()};
    auto ends = connect_both(*options.source, options.target, options.command, Session::further,
                             options.retry.stall_timeout, settings_);
    return {std::move(ends.source), std::move(ends.target)};
}

void Run::give_back(Connections connections_given) {
    const std::lock_guard lock(mutex_);
    if (!idle_)
        idle_.emplace(std::move(connections_given));
}

Endpoint Run::connect_to_target() const {
    return Endpoint(options.target, Side::target, options.command, Session::further,
                    options.retry.stall_timeout, std::nullopt, settings_);
}

LeanSession Run::connect_to_queue() const {
    return LeanSession(options.target, Side::target, options.command, options.retry.stall_timeout);
}

} // namespace run
