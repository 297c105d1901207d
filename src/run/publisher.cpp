#include "run/publisher.hpp"

#include "base/wait.hpp"
#include "run/lock_waits.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <map>
#include <vector>

namespace run {

namespace {

using namespace std::chrono_literals;

/// How long a server may take to answer.
constexpr auto patience = 10s;

/// \param waits of the run: each worker's object has them, because the table has no column for
/// them.
std::string workers_json(const std::vector<output::Board::Entry>& entries,
                         const std::vector<output::Board::Wait>& waits) {
    auto list = json::Array();
    const auto now = output::Board::Clock::now();
    json::Array waits_now;
    for (const auto& wait : waits)
        waits_now.push_back(
            json::Object{{"option", wait.option},
                         {"reason", wait.reason},
                         {"limit", wait.limit},
                         {"seconds", std::chrono::duration<double>(now - wait.since).count()}});
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& entry = entries[i];
        if (entry.activity == output::Activity::idle)
            continue;
        list.push_back(
            json::Object{{"worker", i + 1},
                         {"activity", output::name_of(entry.activity)},
                         {"remark", entry.remark},
                         {"name", entry.subject.name},
                         {"part", entry.subject.part},
                         {"chunk", entry.chunk},
                         {"tasks", entry.tasks},
                         {"bytes", entry.bytes},
                         {"moved", entry.moved},
                         {"seconds", std::chrono::duration<double>(now - entry.since).count()},
                         {"waits", waits_now}});
    }
    return json::dump(list, json::BadBytes::replace);
}

std::string waits_json(const std::map<std::string, double>& waits) {
    json::Object object;
    for (const auto& [option, seconds] : waits)
        object[option] = seconds;
    return json::dump(object);
}

} // namespace

Publisher::Publisher(queue::OwnRun run, std::optional<postgres::ConnectionString> source,
                     postgres::ConnectionString target, output::Board& board,
                     output::Output& output, Steering steering)
    : run_(std::move(run)), source_string_(std::move(source)), target_string_(std::move(target)),
      board_(board), output_(output), steering_(std::move(steering)) {
    apply_pause(run_.paused);
    thread_ = std::jthread([this](const std::stop_token& stop) { publish(stop); });
}

Publisher::~Publisher() {
    if (has_ended_)
        return;
    const auto last_words = end();
    if (target_ && target_->connection.is_broken())
        target_.reset();
    try {
        const postgres::Deadline deadline(target().connection.monitor(), patience);
        target_->connection.pipeline({last_words});
    } catch (const Error& error) {
        spdlog::debug("cannot mark the run as ended in the queue: {}", error.what());
    }
}

postgres::Statement Publisher::end() {
    if (thread_.joinable()) {
        thread_.request_stop();
        thread_.join();
    }
    has_ended_ = true;
    return statement(/*ended=*/true);
}

LeanSession& Publisher::target() {
    if (!target_)
        target_.emplace(target_string_, Side::target, run_.command, patience);
    return *target_;
}

void Publisher::publish(const std::stop_token& stop) {
    while (wait_unless_stopped(stop, 1s)) {
        try {
            auto& connection = target().connection;
            const postgres::Deadline deadline(connection.monitor(), patience);
            apply(
                queue::run_control_from(connection.pipeline({statement(/*ended=*/false)}).front()));
            publish_lock_waits(connection, Side::target);
        } catch (const Error& error) {
            spdlog::debug("cannot publish the run's progress: {}", error.what());
            target_.reset();
        }
        if (!source_string_)
            continue;
        try {
            if (!source_)
                source_.emplace(*source_string_, Side::source, run_.command, patience);
            const postgres::Deadline deadline(source_->connection.monitor(), patience);
            publish_lock_waits(source_->connection, Side::source);
        } catch (const Error& error) {
            spdlog::debug("cannot read the source's locks: {}", error.what());
            source_.reset();
        }
    }
}

postgres::Statement Publisher::statement(bool ended) {
    const auto totals = board_.totals();
    const auto entries = board_.entries();
    const auto rate = speed_.add(output::Board::Clock::now(), bytes_done(totals, entries));
    return queue::publish_statement(run_,
                                    {.chunks_done = totals.chunks_done,
                                     .bytes_done = totals.bytes_done,
                                     .rate = rate,
                                     .workers = ended ? "[]" : workers_json(entries, totals.waits),
                                     .waits = waits_json(steering_.pause.waits()),
                                     .ended = ended});
}

void Publisher::apply(const queue::RunControl& control) {
    apply_pause(control.paused);
    if (control.parallelism)
        steering_.resize(*control.parallelism);
    steering_.note(control.chunks, control.bytes);
}

void Publisher::apply_pause(bool paused) {
    if (paused == steering_.pause.is_set())
        return;
    steering_.pause.set(paused);
    output_.event(paused ? "paused" : "resumed", {{"command", run_.command}},
                  output::Importance::result,
                  paused ? "Paused: workers finish their current chunks and begin no others until: "
                           "timescaledb-backfill resume"
                         : "Resumed.");
}

void Publisher::publish_lock_waits(postgres::Connection& connection, Side side) {
    std::vector<std::int64_t> pids;
    for (const auto& backend : board_.backends())
        if (backend.side == side)
            pids.push_back(backend.pid);
    board_.set_lock_waits(side, pids.empty() ? std::map<std::int64_t, std::string>()
                                             : read_lock_waits(connection, side, pids));
}

} // namespace run
