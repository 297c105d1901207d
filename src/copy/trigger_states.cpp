#include "copy/trigger_states.hpp"

#include "output/log.hpp"
#include "output/units.hpp"
#include "queue/task.hpp"
#include "timescale/chunk.hpp"
#include "timescale/triggers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace copy {

namespace {

using postgres::QualifiedName;

/// The target's chunks of copied tasks whose hypertables have row-level triggers.
std::vector<QualifiedName> chunks_with_triggers(run::Endpoint& target,
                                                const run::HypertableMap& targets) {
    if (std::ranges::none_of(targets,
                             [](const auto& item) { return item.second.triggers.are_on_chunks; }))
        return {};
    std::vector<QualifiedName> chunks;
    queue::read_copied(target.connection, [&](const auto& copied) {
        std::vector<timescale::Hypercube> hypercubes;
        for (const auto& one : copied) {
            const auto hypertable = targets.find(one.task.target);
            if (hypertable != targets.end() && hypertable->second.triggers.are_on_chunks)
                hypercubes.push_back({one.task.target, one.task.slices});
        }
        if (!hypercubes.empty())
            for (auto& place : timescale::find_places(target.connection, hypercubes))
                std::ranges::move(place.overlapping, std::back_inserter(chunks));
    });
    std::ranges::sort(chunks);
    chunks.erase(std::unique(chunks.begin(), chunks.end()), chunks.end());
    return chunks;
}

} // namespace

void restore_trigger_states(run::Endpoint& target, const run::HypertableMap& targets,
                            const load::ConnectLean& connect) {
    const auto chunks = chunks_with_triggers(target, targets);
    if (chunks.empty())
        return;
    constexpr int attempts = 10;
    std::string problem;
    std::string example;
    std::int64_t failed = 0;
    for (const auto& state : timescale::differing_trigger_states(target.connection, chunks)) {
        auto reason =
            load::change_without_timescaledb(connect, attempts, [&](postgres::Connection& lean) {
                lean.execute(state.statement);
                return false;
            });
        if (reason.empty())
            continue;
        ++failed;
        problem = std::move(reason);
        example = state.statement;
    }
    if (failed > 0)
        output::warn(
            fmt::format("cannot enable or disable triggers of {} like those of their hypertables: "
                        "{}",
                        output::format_count(failed, "chunk"), problem),
            "run as the owner in a session with timescaledb.disable_load=on: " + example);
}

} // namespace copy
