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

std::string list_of(const std::vector<std::string>& names) {
    std::vector<std::string> quoted;
    for (const auto& name : names)
        quoted.push_back(postgres::quote_identifier(name));
    return fmt::format("{}", fmt::join(quoted, ", "));
}

/// What the user can do so that no trigger fires and no writer waits.
std::string remedy_for(run::Endpoint& target, const HypertableTriggers& triggers) {
    if (triggers.may_be_replica)
        return "nothing, if writers of the chunks that are being loaded may wait; otherwise drop "
               "them while copying";
    constexpr int grants_settings = 150000;
    const auto role = target.connection.execute("SELECT current_user AS name").string(0, "name");
    if (target.server.postgres_version < grants_settings)
        return "have copy connect to the target as a superuser, or drop them while copying";
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
    const auto what =
        fmt::format("{}: {} in the target ({})", pair.quoted(), count_of(names), list_of(names));
    if (triggers.can_be_replica() && !(source_is_plain && triggers.records_invalidations)) {
        findings.ok(subject,
                    fmt::format("{}: not fired for rows that are copied, by "
                                "session_replication_role; --fire-triggers of copy has them fire",
                                what));
        return;
    }
    std::string why = "the role may not set session_replication_role";
    if (triggers.may_be_replica)
        why = triggers.replica_obstacle.empty() ? "a trigger has to record invalidations"
                                                : triggers.replica_obstacle;
    findings.warn(
        subject,
        fmt::format("{}: not fired for rows that are copied, for which, as {}, writers of a chunk "
                    "that is loaded in place wait until it is loaded; chunks whose rows go through "
                    "the hypertable{} fail",
                    what, why,
                    target.server.community ? "" : ", or that the target does not have yet,"),
        remedy_for(target, triggers));
}

void report_not_valid_constraints(Findings& findings, run::Endpoint& target,
                                  const HypertablePair& pair, const HypertableTriggers& triggers) {
    // PostgreSQL checks rows that are inserted into a chunk, but not those of attached tables and
    // batches.
    const auto what =
        target.server.community
            ? fmt::format("rows that violate it are copied where the target's chunk is absent or "
                          "empty and one is attached{}, or as compressed batches; they fail a "
                          "chunk that holds rows in the target, and any other that is loaded in "
                          "place or through the hypertable",
                          target.server.adopts_indexes() ? "" : ", with --load-strategy attach")
            : std::string("rows that violate it fail their chunks, for the Apache edition attaches "
                          "none");
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
            fmt::format("if there are such rows, in the target: ALTER TABLE {} DROP CONSTRAINT {}, "
                        "and add it again, NOT VALID, when all is copied",
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
        findings.ok("triggers", "the target's hypertables have none that rows which are copied "
                                "would fire");
}

void event_triggers(Findings& findings, run::Endpoint& endpoint) {
    const auto subject = fmt::format("event triggers in the {}", name_of(endpoint.side));
    const auto triggers =
        timescale::read_event_triggers(endpoint.connection, endpoint.side == Side::target);
    for (const auto& trigger : triggers) {
        const auto what = fmt::format("{} ({}) calls {}", postgres::quote_identifier(trigger.name),
                                      trigger.event, trigger.function);
        const auto remedy =
            fmt::format("in the {}, as a superuser, if it is not to fire or would fail: {}",
                        name_of(endpoint.side), timescale::disabling(trigger));
        if (trigger.event == "login") {
            findings.warn(subject,
                          fmt::format("{} for each connection that is made; what it raises fails "
                                      "the connection",
                                      what),
                          remedy);
            continue;
        }
        findings.warn(
            subject,
            fmt::format("{} when stage, copy and clean run {}, on tables of the schema __backfill "
                        "and on chunks, with search_path = pg_catalog; what it raises fails the "
                        "chunk, or the command",
                        what, fmt::join(trigger.commands, ", ")),
            remedy);
    }
    if (triggers.empty())
        findings.ok(subject, "none that would fire");
}

} // namespace check
