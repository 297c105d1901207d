#include "check/topics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace check {

namespace {

/// Looks at one topic. What keeps it from that is a finding, and the others go on.
/// \throws ConnectionError, which is among the findings then; UsageError.
void look(Findings& findings, const std::string& topic, const std::function<void()>& work) {
    try {
        work();
    } catch (const UsageError&) {
        throw;
    } catch (const postgres::ConnectionError& error) {
        findings.fail("connection",
                      fmt::format("lost while looking at {}: {}", topic, error.what()),
                      "see why, and check again");
        throw;
    } catch (const Error& error) {
        findings.fail(topic, fmt::format("could not be looked at: {}", error.problem()),
                      error.remedy().empty() ? "see to that, and check again" : error.remedy());
    }
}

/// What takes both sides.
void look_at_both(Findings& findings, Migration& migration, const Scope& scope) {
    auto& source = *migration.source;
    auto& target = *migration.target;
    const auto& pairs = migration.pairs;
    if (!source.server.has_timescaledb) {
        look(findings, "tables of the source", [&] { plain_tables(findings, migration, scope); });
    } else {
        look(findings, "versions", [&] { versions(findings, source, target, pairs); });
        extension_schemas(findings, source, target);
    }
    encodings(findings, source, target, pairs);
    look(findings, "search path", [&] { search_paths(findings, source, target); });
    hypertables(findings, pairs);
    access_methods(findings, pairs);
    look(findings, "definitions", [&] { definitions(findings, source, target, pairs); });
    look(findings, "triggers", [&] { triggers(findings, source, target, pairs); });
    look(findings, "foreign keys", [&] { foreign_keys(findings, source, target, pairs); });
    look(findings, "foreign keys",
         [&] { replaced_rows(findings, target, pairs, migration.target_chunks); });
    look(findings, "sequences", [&] { sequences(findings, source, target); });
    look(findings, "rows in the target", [&] {
        target_rows(findings, target, pairs, migration.source_chunks, migration.target_chunks);
    });
}

void look_at_source(Findings& findings, Migration& migration, int workers) {
    auto& source = *migration.source;
    look(findings, "standby", [&] { server_state(findings, source); });
    look(findings, "event triggers in the source", [&] { event_triggers(findings, source); });
    look(findings, "privileges in the source",
         [&] { privileges(findings, source, migration.pairs); });
    tiered_data(findings, migration.pairs);
    if (source.server.has_timescaledb)
        look(findings, "jobs in the source",
             [&] { source_jobs(findings, source, migration.pairs, migration.source_chunks); });
    look(findings, "connections to the source", [&] { connections(findings, source, workers); });
    auto pairs = migration.pairs;
    if (!source.server.has_timescaledb) // no others were asked for slices
        std::erase_if(pairs, [](const HypertablePair& pair) { return !is_comparable(pair); });
    if (pairs.empty())
        return;
    look(findings, "size", [&] {
        sizes(findings, source, migration.target ? &*migration.target : nullptr, pairs,
              migration.source_chunks);
    });
}

void look_at_target(Findings& findings, Migration& migration, int workers) {
    auto& target = *migration.target;
    look(findings, "standby", [&] { server_state(findings, target); });
    look(findings, "event triggers in the target", [&] { event_triggers(findings, target); });
    look(findings, "privileges in the target",
         [&] { privileges(findings, target, migration.pairs); });
    look(findings, "chunk skipping", [&] { chunk_skipping(findings, target, migration.pairs); });
    look(findings, "slices of time",
         [&] { overlapping_slices(findings, target, migration.pairs, migration.target_chunks); });
    look(findings, "jobs in the target", [&] {
        target_jobs(findings, target, migration.pairs, migration.source_chunks,
                    migration.target_chunks);
    });
    look(findings, "owners of policies", [&] { owners_of_policies(findings, target); });
    look(findings, "connections to the target", [&] { connections(findings, target, workers); });
    look(findings, "queue", [&] { earlier_queue(findings, target); });
    look(findings, "compressed chunks", [&] { misplaced_batches(findings, target); });
    look(findings, "attached chunks", [&] { stand_ins(findings, target); });
}

} // namespace

void look_at_all_topics(Findings& findings, Migration& migration, const Scope& scope) {
    look(findings, "hypertables", [&] { select_hypertables(findings, migration, scope); });
    look(findings, "range", [&] { range(findings, migration, scope); });
    look(findings, "size", [&] { read_chunks(findings, migration); });
    if (migration.source && migration.target)
        look_at_both(findings, migration, scope);
    if (migration.source)
        look_at_source(findings, migration, scope.workers);
    if (migration.target)
        look_at_target(findings, migration, scope.workers);
}

} // namespace check
