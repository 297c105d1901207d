#include "load/triggers.hpp"

#include "load/locks.hpp"
#include "postgres/session.hpp"
#include "postgres/sqlstate.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace load {

namespace {

using timescale::Chunk;

/// A statement that replaces a trigger by one that does not fire for inserts, updates or deletes.
/// Replacing a trigger locks out writers only. TimescaleDB does not allow disabling triggers of
/// chunks.
std::string replacement(const Chunk::Trigger& trigger, const postgres::QualifiedName& chunk) {
    const auto name = postgres::quote_identifier(trigger.name);
    if (trigger.is_constraint)
        return fmt::format("DROP TRIGGER {} ON {}", name, chunk.quoted());
    return fmt::format("CREATE OR REPLACE TRIGGER {} BEFORE TRUNCATE ON {} FOR EACH STATEMENT "
                       "EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
                       name, chunk.quoted());
}

} // namespace

std::vector<Chunk::Trigger> to_suspend(const Request& request, const Prepared& prepared) {
    const auto& plan = prepared.plan;
    std::vector<Chunk::Trigger> result;
    if (plan.into != Plan::Into::existing_chunk || plan.triggers == Plan::Triggers::replica)
        return result;
    std::ranges::copy_if(
        prepared.target->triggers, std::back_inserter(result), [&](const auto& trigger) {
            if (trigger.updates_only && !plan.only_differences)
                return false;
            if (trigger.invalidates)
                return !request.source_hypertable.is_plain_table;
            return plan.triggers == Plan::Triggers::suspended || !trigger.enabled_above;
        });
    return result;
}

void suspend_triggers(postgres::Connection& target, const Request& request,
                      const Prepared& prepared, ProgressListener& progress) {
    if (prepared.plan.triggers == Plan::Triggers::replica)
        be_replica(target);
    const auto triggers = to_suspend(request, prepared);
    if (triggers.empty())
        return;
    const auto& chunk = prepared.target->name;
    const bool drops = std::ranges::any_of(triggers, &Chunk::Trigger::is_constraint);
    lock_against_writers(target, {chunk}, drops ? "ACCESS EXCLUSIVE" : "SHARE ROW EXCLUSIVE",
                         progress);
    std::string statements;
    for (const auto& trigger : triggers)
        statements += replacement(trigger, chunk) + "; ";
    target.execute(statements);
}

void resume_triggers(postgres::Connection& target, const Request& request,
                     const Prepared& prepared) {
    if (prepared.plan.triggers == Plan::Triggers::replica)
        be_origin(target);
    std::string statements;
    for (const auto& trigger : to_suspend(request, prepared))
        statements += trigger.definition + "; ";
    if (!statements.empty())
        target.execute(statements);
}

void be_replica(postgres::Connection& target) {
    target.execute("SET LOCAL session_replication_role = replica");
}

void be_origin(postgres::Connection& target) {
    target.execute("SET LOCAL session_replication_role = origin");
}

void check_foreign_keys(postgres::Connection& target, const timescale::Hypertable& hypertable,
                        const postgres::QualifiedName& table, const std::string& where) {
    for (const auto& key : hypertable.triggers.foreign_keys) {
        const auto rows = fmt::format("FROM ONLY {} AS row{}", table.quoted(),
                                      where.empty() ? " WHERE" : where + " AND");
        // The server's trigger locks each referenced row, too. This waits for transactions that are
        // deleting one, and the next statement sees the result.
        target.execute(fmt::format("SELECT count(*) FROM (SELECT FROM {} AS key WHERE EXISTS "
                                   "(SELECT {} {}) FOR KEY SHARE OF key) AS locked",
                                   key.referenced, rows, key.match));
        const auto missing = target.execute(
            fmt::format("SELECT concat_ws(', ', {}) AS values {} ({}) AND NOT EXISTS "
                        "(SELECT FROM {} AS key WHERE {}) LIMIT 1",
                        key.columns, rows, key.not_null, key.referenced, key.match));
        if (!missing.empty())
            throw postgres::SqlError(
                postgres::sqlstate::foreign_key_violation,
                fmt::format("insert or update on table {} violates foreign key constraint "
                            "{}: the key ({}) is not present in {}",
                            table.quoted(), postgres::quote_identifier(key.name),
                            missing.string(0, "values"), key.referenced));
    }
}

void throw_if_unvalidated(const postgres::SqlError& error, const Request& request) {
    if (const auto* name = request.target_hypertable.triggers.find_unvalidated(error))
        throw TaskError(
            fmt::format("{} (the constraint is NOT VALID in the target, but applies to new rows)",
                        error.what()),
            fmt::format("run ALTER TABLE {} DROP CONSTRAINT {} in the target, and add it again as "
                        "NOT VALID after everything is copied",
                        request.task.target.quoted(), postgres::quote_identifier(*name)));
}

RoleSearchPath::RoleSearchPath(postgres::Connection& target, bool wanted)
    : target_(target), wanted_(wanted) {
    if (wanted_)
        target_.execute(postgres::own_search_path);
}

void RoleSearchPath::end() {
    if (wanted_)
        target_.execute(
            fmt::format("SET CONSTRAINTS ALL IMMEDIATE; {}", postgres::pinned_search_path));
}

} // namespace load
