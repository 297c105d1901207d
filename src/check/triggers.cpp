#include "timescale/triggers.hpp"

#include "check/topics.hpp"
#include "output/units.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace check {

namespace {

using timescale::HypertableTriggers;

std::string count_of(const std::vector<std::string>& names) {
    return output::format_count(static_cast<std::int64_t>(names.size()), "trigger");
}

/// What the user can do so that no trigger fires and no writer waits.
std::string remedy_for(run::Endpoint& target, const HypertableTriggers& triggers) {
    if (triggers.may_be_replica)
        return "none is needed if the application's writes may wait while a chunk is loaded; "
               "otherwise, drop the triggers while copying";
    constexpr int grants_settings = 150000;
    const auto role = target.connection.execute("SELECT current_user AS name").string(0, "name");
    if (target.server.postgres_version < grants_settings)
        return "connect copy to the target as a superuser, or drop the triggers while copying";
    return fmt::format("in the target, as a superuser: GRANT SET ON PARAMETER "
                       "session_replication_role TO {}",
                       postgres::quote_identifier(role));
}

void report_triggers(Findings& findings, run::Endpoint& target, bool source_is_plain,
                     const HypertablePair& pair, const HypertableTriggers& triggers) {
    if (!triggers.has_any())
        return;
    const std::string subject = "triggers";
    auto names = triggers.of_rows;
    names.insert(names.end(), triggers.of_statements.begin(), triggers.of_statements.end());
    const auto what = fmt::format("{}: {} in the target ({})", pair.quoted(), count_of(names),
                                  postgres::quoted_list(names));
    if (triggers.can_be_replica() && !(source_is_plain && triggers.records_invalidations)) {
        findings.ok(subject,
                    fmt::format("{}: not fired for copied rows, because copy sets "
                                "session_replication_role; to fire them, use copy --fire-triggers",
                                what));
        return;
    }
    std::string why = "the role may not set session_replication_role";
    if (triggers.may_be_replica)
        why = triggers.replica_obstacle.empty() ? "a trigger must record invalidations"
                                                : triggers.replica_obstacle;
    findings.warn(subject,
                  fmt::format("{}: not fired for copied rows; because {}, writes to a chunk that "
                              "is loaded in place wait until it is loaded, and chunks whose rows "
                              "are inserted through the hypertable{} fail",
                              what, why,
                              target.server.community ? "" : ", or that the target lacks,"),
                  remedy_for(target, triggers));
}

void report_not_valid_constraints(Findings& findings, run::Endpoint& target,
                                  const HypertablePair& pair, const HypertableTriggers& triggers) {
    // PostgreSQL checks rows that are inserted into a chunk, but not those of attached tables and
    // batches.
    const auto what =
        target.server.community
            ? fmt::format("rows that violate it are copied as compressed batches, and into chunks "
                          "that are attached{} because the target's chunk is missing or empty; "
                          "other chunks with such rows fail",
                          target.server.adopts_indexes() ? "" : " (with --load-strategy attach)")
            : std::string("chunks with rows that violate it fail, because the Apache edition "
                          "attaches no chunks");
    auto names = triggers.unvalidated_checks;
    // With session_replication_role = replica, only this program checks foreign keys.
    if (!triggers.can_be_replica())
        names.insert(names.end(), triggers.unvalidated_foreign_keys.begin(),
                     triggers.unvalidated_foreign_keys.end());
    for (const auto& name : names) {
        const auto constraint = postgres::quote_identifier(name);
        findings.warn(
            "constraints that are not valid",
            fmt::format("{}: the constraint {} is NOT VALID; {}", pair.quoted(), constraint, what),
            fmt::format("if the source has such rows, in the target: ALTER TABLE {} DROP "
                        "CONSTRAINT {}, and add it again as NOT VALID after copying",
                        pair.target->name.quoted(), constraint));
    }
}

} // namespace

void triggers(Findings& findings, run::Endpoint& source, run::Endpoint& target,
              const Pairs& pairs) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& pair : pairs)
        if (pair.target != nullptr)
            names.push_back(pair.target->name);
    const auto triggers_of = timescale::read_triggers(target.connection, target.server, names);
    for (const auto& pair : pairs) {
        if (pair.target == nullptr)
            continue;
        const auto found = triggers_of.find(pair.target->name);
        if (found == triggers_of.end())
            continue; // dropped just now
        report_triggers(findings, target, !source.server.has_timescaledb, pair, found->second);
        report_not_valid_constraints(findings, target, pair, found->second);
    }
    if (!findings.has("triggers"))
        findings.ok("triggers",
                    "the target's hypertables have no triggers that copied rows would fire");
}

void event_triggers(Findings& findings, run::Endpoint& endpoint) {
    const auto subject = fmt::format("event triggers in the {}", name_of(endpoint.side));
    const auto triggers =
        timescale::read_event_triggers(endpoint.connection, endpoint.side == Side::target);
    for (const auto& trigger : triggers) {
        const auto what = fmt::format("{} ({}) calls {}", postgres::quote_identifier(trigger.name),
                                      trigger.event, trigger.function);
        const auto remedy =
            fmt::format("if it should not fire, or would fail, in the {} as a superuser: {}",
                        name_of(endpoint.side), timescale::disabling(trigger));
        if (trigger.event == "login") {
            findings.warn(
                subject,
                fmt::format(
                    "{} for each new connection; if it raises an error, the connection fails",
                    what),
                remedy);
            continue;
        }
        findings.warn(subject,
                      fmt::format("{} when stage, copy and clean run {}, on tables of the schema "
                                  "__backfill and on chunks, with search_path = pg_catalog; if it "
                                  "raises an error, the chunk or the command fails",
                                  what, fmt::join(trigger.commands, ", ")),
                      remedy);
    }
    if (triggers.empty())
        findings.ok(subject, "none that would fire");
}

} // namespace check
