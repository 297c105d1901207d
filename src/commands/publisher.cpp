#include "commands/publisher.hpp"

#include "sql.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <map>
#include <vector>

namespace commands {

namespace {

using namespace std::chrono_literals;

/// How long a server may take to answer.
constexpr auto patience = 10s;

std::string workers_json(const std::vector<report::Board::Entry>& entries) {
    auto list = json::Array();
    const auto now = report::Board::Clock::now();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& entry = entries[i];
        if (entry.activity == report::Activity::idle)
            continue;
        list.push_back(
            json::Object{{"worker", i + 1},
                         {"activity", report::name_of(entry.activity)},
                         {"remark", entry.remark},
                         {"chunk", entry.chunk},
                         {"tasks", entry.tasks},
                         {"bytes", entry.bytes},
                         {"moved", entry.moved},
                         {"seconds", std::chrono::duration<double>(now - entry.since).count()}});
    }
    return json::dump(list, json::BadBytes::replace);
}

} // namespace

Publisher::Publisher(Run run, postgres::Connection& target, report::Board& board,
                     workers::Pause& pause, report::Output& output, std::function<void(int)> resize)
    : run_(std::move(run)), board_(board), pause_(pause), output_(output),
      resize_(std::move(resize)),
      id_(tasks::begin_run(target, run_.command, run_.chunks, run_.bytes)) {
    obey(tasks::publish(target, id_, {}));
    thread_ = std::jthread([this](const std::stop_token& stop) { publish(stop); });
}

Publisher::~Publisher() {
    thread_.request_stop();
    thread_.join();
    if (target_ && target_->connection.is_broken())
        target_.reset();
    try {
        if (!target_)
            target_.emplace(run_.target, Role::target, run_.command, Session::further, patience);
        const postgres::Deadline deadline(target_->connection.line(), patience);
        tick();
        tasks::end_run(target_->connection, id_);
    } catch (const Error& error) {
        spdlog::debug("cannot tell the queue that the run has ended: {}", error.what());
    }
}

void Publisher::publish(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex_);
            stopping_.wait_for(lock, stop, 1s, [] { return false; });
        }
        if (stop.stop_requested())
            return;
        try {
            if (!target_)
                target_.emplace(run_.target, Role::target, run_.command, Session::further,
                                patience);
            const postgres::Deadline deadline(target_->connection.line(), patience);
            tick();
            look_at_locks(target_->connection, false);
        } catch (const Error& error) {
            spdlog::debug("cannot tell the queue how far the run is: {}", error.what());
            target_.reset();
        }
        if (!run_.source)
            continue;
        try {
            if (!source_)
                source_.emplace(*run_.source, Role::source, run_.command, Session::further,
                                patience);
            const postgres::Deadline deadline(source_->connection.line(), patience);
            look_at_locks(source_->connection, true);
        } catch (const Error& error) {
            spdlog::debug("cannot look at the source's locks: {}", error.what());
            source_.reset();
        }
    }
}

void Publisher::tick() {
    const auto totals = board_.totals();
    const auto entries = board_.entries();
    const auto rate = speed_.add(report::Board::Clock::now(), bytes_done(totals, entries));
    obey(tasks::publish(target_->connection, id_,
                        {.chunks_done = totals.chunks_done,
                         .bytes_done = totals.bytes_done,
                         .rate = rate,
                         .workers = workers_json(entries)}));
}

void Publisher::obey(const tasks::Orders& orders) {
    if (orders.paused != pause_.is_on()) {
        pause_.set(orders.paused);
        output_.event(orders.paused ? "paused" : "resumed", {{"command", run_.command}},
                      report::Weight::result,
                      orders.paused ? "Paused: chunks in hand are finished, and no further ones "
                                      "begun until: timescaledb-backfill resume"
                                    : "Resumed.");
    }
    if (orders.parallelism)
        resize_(*orders.parallelism);
}

void Publisher::look_at_locks(postgres::Connection& connection, bool in_source) {
    std::vector<std::string> pids;
    for (const auto& backend : board_.backends())
        if (backend.is_source == in_source)
            pids.push_back(std::to_string(backend.pid));
    std::map<std::int64_t, std::string> waits;
    if (!pids.empty()) {
        const auto results = connection.pipeline({{std::string(sql::lock_waits),
                                                   {postgres::array_literal(pids)},
                                                   /*repeated=*/true}});
        const auto& rows = results.front();
        for (int row = 0; row < rows.size(); ++row)
            waits.emplace(rows.integer(row, "pid"),
                          fmt::format("waiting for a lock on {} in the {}, held by {}",
                                      rows.string(row, "object"), in_source ? "source" : "target",
                                      rows.optional_string(row, "holders").value_or("somebody")));
    }
    board_.set_lock_waits(in_source, std::move(waits));
}

} // namespace commands
