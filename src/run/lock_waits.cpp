#include "run/lock_waits.hpp"

#include "base/wait.hpp"
#include "postgres/quote.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace run {

namespace {

using namespace std::chrono_literals;

/// How long a server may take to answer.
constexpr auto patience = 10s;

} // namespace

std::map<std::int64_t, std::string> read_lock_waits(postgres::Connection& connection, Side side,
                                                    const std::vector<std::int64_t>& pids) {
    std::vector<std::string> texts;
    for (const auto pid : pids)
        texts.push_back(std::to_string(pid));
    const auto results = connection.pipeline({{std::string(sql::lock_waits),
                                               {postgres::array_literal(texts)},
                                               /*repeated=*/true}});
    const auto& rows = results.front();
    std::map<std::int64_t, std::string> waits;
    for (int row = 0; row < rows.size(); ++row)
        waits.emplace(
            rows.integer(row, "pid"),
            fmt::format("waiting for {} to release a lock on {} in the {}",
                        rows.optional_string(row, "holders").value_or("an unknown session"),
                        rows.string(row, "object"), name_of(side)));
    return waits;
}

LockWatch::LockWatch(const Endpoints& ends, std::string command, output::Output& output)
    : command_(std::move(command)), output_(output) {
    for (const auto* end : {&ends.source, &ends.target})
        watched_.push_back({.side = end->side,
                            .connection_string = end->connection_string,
                            .pid = end->backend.pid});
    thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void LockWatch::watch(const std::stop_token& stop) {
    while (wait_unless_stopped(stop, 1s))
        for (auto& watched : watched_)
            try {
                look(watched);
            } catch (const Error& error) {
                spdlog::debug("cannot read the {}'s locks: {}", name_of(watched.side),
                              error.what());
                watched.session.reset();
            }
}

/// Says what a session waits for when that changes.
void LockWatch::look(Watched& watched) {
    if (!watched.session)
        watched.session.emplace(watched.connection_string, watched.side, command_, patience);
    auto& connection = watched.session->connection;
    const postgres::Deadline deadline(connection.monitor(), patience);
    auto waits = read_lock_waits(connection, watched.side, {watched.pid});
    auto wait = waits.empty() ? std::string() : std::move(waits.begin()->second);
    if (!wait.empty() && wait != watched.said)
        output_.say(output::Importance::detail, output_.sentence({"Not yet begun: " + wait}));
    watched.said = std::move(wait);
}

} // namespace run
