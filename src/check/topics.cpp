#include "check/topics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace check {

namespace {

/// Checks one topic. An error becomes a finding, and the other topics are still checked.
/// \throws ConnectionError, after adding it to the findings; UsageError.
void check_topic(Findings& findings, const std::string& topic, const std::function<void()>& work) {
    try {
        work();
    } catch (const UsageError&) {
        throw;
    } catch (const postgres::ConnectionError& error) {
        findings.fail("connection", fmt::format("lost while checking {}: {}", topic, error.what()),
                      "find out why the connection was lost, and run check again");
        throw;
    } catch (const Error& error) {
        findings.fail(topic, fmt::format("could not be checked: {}", error.problem()),
                      error.remedy().empty() ? "fix that, and run check again" : error.remedy());
    }
}

/// Checks the topics that need both sides.
void check_both(Findings& findings, Migration& migration, const Scope& scope) {
    auto& source = *migration.source;
    auto& target = *migration.target;
    const auto& pairs = migration.pairs;
    if (!source.server.has_timescaledb) {
        check_topic(findings, "tables of the source",
                    [&] { plain_tables(findings, migration, scope); });
    } else {
        check_topic(findings, "versions", [&] { versions(findings, source, target, pairs); });
        extension_schemas(findings, source, target);
    }
    encodings(findings, source, target, pairs);
    check_topic(findings, "search path", [&] { search_paths(findings, source, target); });
    check_topic(findings, "lock tables", [&] { lock_tables(findings, source, target); });
    hypertables(findings, pairs);
    access_methods(findings, pairs);
    check_topic(findings, "definitions", [&] { definitions(findings, source, target, pairs); });
    check_topic(findings, "triggers", [&] { triggers(findings, source, target, pairs); });
    check_topic(findings, "foreign keys", [&] { foreign_keys(findings, source, target, pairs); });
    check_topic(findings, "foreign keys",
                [&] { replaced_rows(findings, target, pairs, migration.target_chunks); });
    check_topic(findings, "sequences", [&] { sequences(findings, source, target); });
    if (!scope.filter)
        check_topic(findings, "plain tables", [&] { synced_tables(findings, source, target); });
    check_topic(findings, "rows in the target", [&] {
        target_rows(findings, target, pairs, migration.source_chunks, migration.target_chunks);
    });
}

void check_source(Findings& findings, Migration& migration, int workers) {
    auto& source = *migration.source;
    check_topic(findings, "standby", [&] { server_state(findings, source); });
    check_topic(findings, "event triggers in the source",
                [&] { event_triggers(findings, source); });
    check_topic(findings, "privileges in the source",
                [&] { privileges(findings, source, migration.pairs); });
    tiered_data(findings, migration.pairs);
    if (source.server.has_timescaledb)
        check_topic(findings, "jobs in the source", [&] {
            source_jobs(findings, source, migration.pairs, migration.source_chunks);
        });
    check_topic(findings, "connections to the source",
                [&] { connections(findings, source, workers); });
    auto pairs = migration.pairs;
    if (!source.server.has_timescaledb) // the slices of the others were not read
        std::erase_if(pairs, [](const HypertablePair& pair) { return !is_comparable(pair); });
    if (pairs.empty())
        return;
    check_topic(findings, "size", [&] {
        sizes(findings, source, migration.target ? &*migration.target : nullptr, pairs,
              migration.source_chunks);
    });
}

void check_target(Findings& findings, Migration& migration, int workers) {
    auto& target = *migration.target;
    check_topic(findings, "standby", [&] { server_state(findings, target); });
    check_topic(findings, "event triggers in the target",
                [&] { event_triggers(findings, target); });
    check_topic(findings, "privileges in the target",
                [&] { privileges(findings, target, migration.pairs); });
    check_topic(findings, "chunk skipping",
                [&] { chunk_skipping(findings, target, migration.pairs); });
    check_topic(findings, "slices of time", [&] {
        overlapping_slices(findings, target, migration.pairs, migration.target_chunks);
    });
    check_topic(findings, "jobs in the target", [&] {
        target_jobs(findings, target, migration.pairs, migration.source_chunks,
                    migration.target_chunks);
    });
    check_topic(findings, "owners of policies", [&] { owners_of_policies(findings, target); });
    check_topic(findings, "connections to the target",
                [&] { connections(findings, target, workers); });
    check_topic(findings, "queue", [&] { earlier_queue(findings, target); });
    check_topic(findings, "schema", [&] { unfinished_clone(findings, target); });
    check_topic(findings, "compressed chunks", [&] { misplaced_batches(findings, target); });
    check_topic(findings, "attached chunks", [&] { stand_ins(findings, target); });
}

} // namespace

void check_all_topics(Findings& findings, Migration& migration, const Scope& scope) {
    check_topic(findings, "hypertables", [&] { select_hypertables(findings, migration, scope); });
    check_topic(findings, "range", [&] { range(findings, migration, scope); });
    check_topic(findings, "size", [&] { read_chunks(findings, migration); });
    if (migration.source && migration.target)
        check_both(findings, migration, scope);
    if (migration.source)
        check_source(findings, migration, scope.workers);
    if (migration.target)
        check_target(findings, migration, scope.workers);
}

} // namespace check
