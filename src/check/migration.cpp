#include "check/migration.hpp"

#include "check/topics.hpp"
#include "postgres/encryption.hpp"
#include "timescale/plain_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>

namespace check {

namespace {

using timescale::Hypertable;

/// A read-only connection, or the reason why it failed.
struct Attempt {
    std::optional<run::Endpoint> endpoint{};
    std::string problem{};
    std::string remedy{};
};

Attempt attempt_to_connect(const postgres::ConnectionString& connection_string, Side side) {
    Attempt attempt;
    try {
        attempt.endpoint.emplace(connection_string, side, "check", run::Session::first,
                                 run::Endpoint::default_patience, postgres::Access::read_only);
        // Reading a catalog waits only for sessions that change it.
        attempt.endpoint->connection.execute("SET lock_timeout = '5s'");
    } catch (const postgres::ConnectionError& error) {
        attempt.endpoint.reset();
        attempt.problem = error.what();
        attempt.remedy = fmt::format(
            "check that the server runs and accepts connections from this machine, and that "
            "--{} is right",
            name_of(side));
    } catch (const Error& error) {
        attempt.endpoint.reset();
        attempt.problem = error.problem();
        attempt.remedy = error.remedy();
    }
    return attempt;
}

/// The chunks of one side's hypertables that are in the range.
Chunks read_chunks(run::Endpoint& endpoint, const Pairs& pairs,
                   const Hypertable* HypertablePair::*which) {
    std::vector<timescale::HypertableRange> wanted;
    for (const auto& pair : pairs)
        if (const auto* hypertable = pair.*which; hypertable != nullptr && pair.range)
            wanted.push_back({hypertable->id, hypertable->time_dimension_id, *pair.range});
    Chunks chunks;
    timescale::read_chunks_in_range(endpoint.connection, wanted,
                                    [&](auto chunk) { chunks.push_back(std::move(chunk)); });
    return chunks;
}

/// The slices of the source's plain tables, which are copied like chunks.
Chunks read_plain_chunks(Findings& findings, run::Endpoint& source, const Pairs& pairs) {
    Chunks chunks;
    for (const auto& pair : pairs) {
        if (!is_comparable(pair))
            continue;
        const auto& table = *pair.source;
        auto slices = with_timeout(source.connection, [&] {
            return timescale::find_slices(source.connection, table, pair.target->chunk_interval,
                                          *pair.range);
        });
        if (!slices) {
            findings.warn("size",
                          fmt::format("{}: could not determine within {} s which slices of time "
                                      "have rows; the table is counted as one chunk",
                                      pair.quoted(), timeout_in_seconds),
                          "none is needed; stage determines this without a time limit");
            slices = {timescale::all_of_time};
        }
        std::ranges::move(
            timescale::chunks_of_slices(source.connection, table, *slices, *pair.range),
            std::back_inserter(chunks));
    }
    return chunks;
}

} // namespace

bool is_comparable(const HypertablePair& pair) {
    return pair.source != nullptr && pair.target != nullptr && pair.range &&
           run::differences(*pair.source, *pair.target).empty();
}

void connect(Findings& findings, Migration& migration,
             const postgres::ConnectionString& source_string,
             const postgres::ConnectionString& target_string) {
    auto other = std::async(std::launch::async,
                            [&] { return attempt_to_connect(target_string, Side::target); });
    auto source = attempt_to_connect(source_string, Side::source);
    auto target = other.get();
    for (auto* attempt : {&source, &target}) {
        if (!attempt->endpoint) {
            findings.fail("connection", attempt->problem, attempt->remedy);
            continue;
        }
        findings.ok("connection", fmt::format("{}, {}", attempt->endpoint->connection.name(),
                                              attempt->endpoint->server.description()));
        encryption(findings, attempt->endpoint->side, attempt->endpoint->connection.name(),
                   postgres::encryption_of(attempt->endpoint->connection));
    }
    migration.source = std::move(source.endpoint);
    migration.target = std::move(target.endpoint);
}

void select_hypertables(Findings& findings, Migration& migration, const Scope& scope) {
    auto& endpoint = migration.source ? *migration.source : *migration.target;
    migration.bounds = run::read_bounds(endpoint.connection, scope.from, scope.until);
    if (migration.target)
        migration.targets = timescale::read_hypertables(migration.target->connection, std::nullopt);
    migration.sources =
        run::select_hypertables(endpoint, migration.targets, scope.filter, scope.cascade);
    if (migration.sources.empty()) {
        const auto error = run::nothing_selected(endpoint, migration.targets, scope.filter);
        if (scope.filter)
            throw error;
        findings.fail("hypertables", error.problem(), "connect to the database that has them");
    }
    for (const auto& hypertable : migration.sources) {
        HypertablePair pair;
        if (migration.source) {
            pair.source = &hypertable;
            pair.target = run::find_counterpart(migration.targets, hypertable);
        } else {
            pair.target = &hypertable;
        }
        if (run::incompatibility(hypertable, migration.bounds).empty())
            pair.range = run::range_of(hypertable, migration.bounds);
        migration.pairs.push_back(pair);
    }
}

void read_chunks(Findings& findings, Migration& migration) {
    if (migration.source && !migration.source->server.has_timescaledb)
        migration.source_chunks = read_plain_chunks(findings, *migration.source, migration.pairs);
    else if (migration.source)
        migration.source_chunks =
            read_chunks(*migration.source, migration.pairs, &HypertablePair::source);
    if (migration.target)
        migration.target_chunks =
            read_chunks(*migration.target, migration.pairs, &HypertablePair::target);
}

} // namespace check
