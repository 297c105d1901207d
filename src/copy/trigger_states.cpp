#include "copy/trigger_states.hpp"

#include "load/locks.hpp"
#include "output/units.hpp"
#include "postgres/session.hpp"
#include "postgres/transaction.hpp"
#include "queue/queue.hpp"
#include "timescale/chunk.hpp"
#include "timescale/triggers.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace copy {

namespace {

using postgres::QualifiedName;

/// The target's chunks of copied tasks whose hypertables have row-level triggers.
std::vector<QualifiedName> chunks_with_triggers(run::Endpoint& target,
                                                const run::HypertableMap& targets) {
    if (std::ranges::none_of(targets,
                             [](const auto& item) { return item.second.triggers.are_on_chunks; }))
        return {};
    std::vector<timescale::Hypercube> hypercubes;
    for (const auto& copied : queue::copied_tasks(target.connection)) {
        const auto hypertable = targets.find(copied.task.target);
        if (hypertable != targets.end() && hypertable->second.triggers.are_on_chunks)
            hypercubes.push_back({copied.task.target, copied.task.slices});
    }
    std::vector<QualifiedName> chunks;
    if (!hypercubes.empty())
        for (auto& place : timescale::find_places(target.connection, hypercubes))
            std::ranges::move(place.overlapping, std::back_inserter(chunks));
    std::ranges::sort(chunks);
    chunks.erase(std::unique(chunks.begin(), chunks.end()), chunks.end());
    return chunks;
}

/// Runs a statement, and tries again if it does not get its lock soon.
/// \returns the reason for a failure; empty on success.
std::string change_trigger_state(postgres::Connection& connection, const std::string& statement) {
    constexpr int attempts = 10;
    for (int attempt = 1;; ++attempt) {
        try {
            postgres::Transaction transaction(connection,
                                              fmt::format("BEGIN; {}", load::lock_briefly));
            connection.execute(statement);
            transaction.commit();
            return {};
        } catch (const postgres::SqlError& error) {
            if (!load::may_succeed_later(error) || attempt == attempts)
                return error.says_gone() ? "" : error.what();
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

/// The same in a session of its own, without TimescaleDB.
std::string change_trigger_state(run::Endpoint& target, const std::string& statement) {
    try {
        const auto settings =
            postgres::session_settings(postgres::Access::read_write, postgres::Library::left_out);
        postgres::Connection plain(target.connection_string, name_of(Side::target),
                                   postgres::application_name("copy"), settings);
        postgres::pin_session(plain, settings);
        return change_trigger_state(plain, statement);
    } catch (const postgres::ConnectionError& error) {
        return error.what(); // a pooler may refuse such options
    }
}

void warn(std::size_t chunks, const std::string& reason, const std::string& example) {
    spdlog::warn(
        "cannot enable or disable triggers of {} like those of their hypertables: {}; run as the "
        "owner in a session with timescaledb.disable_load=on: {}",
        output::format_count(static_cast<std::int64_t>(chunks), "chunk"), reason, example);
}

} // namespace

void restore_trigger_states(run::Endpoint& target, const run::HypertableMap& targets) {
    const auto chunks = chunks_with_triggers(target, targets);
    if (chunks.empty())
        return;
    std::string problem;
    std::string example;
    std::size_t failed = 0;
    for (const auto& state : timescale::differing_trigger_states(target.connection, chunks)) {
        auto reason = change_trigger_state(target, state.statement);
        if (reason.empty())
            continue;
        ++failed;
        problem = std::move(reason);
        example = state.statement;
    }
    if (failed > 0)
        warn(failed, problem, example);
}

} // namespace copy
