#include "timescale/triggers.hpp"

#include "json/value.hpp"
#include "postgres/quote.hpp"
#include "postgres/sqlstate.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace timescale {

namespace {

/// True if a chunk's constraint belongs to the hypertable's constraint of the given name. Foreign
/// keys of chunks have their own, truncated names, "12_34_name" (chunk_constraint_choose_name in
/// TimescaleDB's src/chunk_constraint.c).
bool is_of_hypertable(const std::string& constraint, const std::string& name, bool is_key) {
    if (!is_key || constraint == name)
        return constraint == name;
    const auto begin = constraint.find('_', constraint.find('_') + 1) + 1;
    return constraint.size() > begin && name.starts_with(constraint.substr(begin));
}

} // namespace

postgres::Statement may_be_replica_statement(const Server& server) {
    constexpr int grants_settings = 150000;
    return {server.postgres_version >= grants_settings
                ? "SELECT has_parameter_privilege('session_replication_role', 'SET') AS may"
                : "SELECT current_setting('is_superuser') = 'on' AS may"};
}

const std::string* HypertableTriggers::find_unvalidated(const postgres::SqlError& error) const {
    const bool is_key = error.sqlstate() == postgres::sqlstate::foreign_key_violation;
    if (!is_key && error.sqlstate() != postgres::sqlstate::check_violation)
        return nullptr;
    const auto& names = is_key ? unvalidated_foreign_keys : unvalidated_checks;
    const auto found = std::ranges::find_if(names, [&](const auto& name) {
        return is_of_hypertable(error.constraint(), name, is_key);
    });
    return found == names.end() ? nullptr : &*found;
}

std::map<postgres::QualifiedName, HypertableTriggers>
read_triggers(postgres::Connection& connection, const Server& server,
              const std::vector<postgres::QualifiedName>& hypertables) {
    const auto results =
        connection.pipeline({may_be_replica_statement(server),
                             {std::string(sql::triggers), postgres::name_arrays(hypertables)}});
    const bool may = results.front().boolean(0, "may");
    const auto& rows = results.back();
    std::map<postgres::QualifiedName, HypertableTriggers> result;
    for (int row = 0; row < rows.size(); ++row) {
        const auto names = [&](const char* column) {
            return json::parse(rows.text(row, column)).texts();
        };
        auto& triggers = result[{rows.string(row, "schema_name"), rows.string(row, "table_name")}];
        triggers.of_rows = names("of_rows");
        triggers.of_statements = names("of_statements");
        triggers.of_updates = rows.boolean(row, "of_updates");
        triggers.are_on_chunks = rows.boolean(row, "are_on_chunks");
        triggers.records_invalidations = rows.boolean(row, "records_invalidations");
        triggers.replica_obstacle = rows.string(row, "replica_obstacle");
        triggers.may_be_replica = may;
        for (const auto& key : json::parse(rows.text(row, "foreign_keys")).array())
            triggers.foreign_keys.push_back({.name = key.at("name").text(),
                                             .referenced = key.at("referenced").text(),
                                             .match = key.at("match").text(),
                                             .columns = key.at("columns").text(),
                                             .not_null = key.at("not_null").text()});
        triggers.unvalidated_checks = names("unvalidated_checks");
        triggers.unvalidated_foreign_keys = names("unvalidated_foreign_keys");
    }
    return result;
}

std::vector<EventTrigger> read_event_triggers(postgres::Connection& connection, bool is_target) {
    // The commands of stage, copy and clean. Creating and dropping chunks fires no event trigger.
    const std::vector<std::string> tags{"ALTER INDEX",  "ALTER TABLE",    "COMMENT",
                                        "CREATE INDEX", "CREATE SCHEMA",  "CREATE TABLE",
                                        "DROP SCHEMA",  "CREATE TRIGGER", "DROP TABLE",
                                        "GRANT",        "REVOKE"};
    const auto rows = connection.query(
        sql::event_triggers, {is_target ? postgres::array_literal(tags) : std::string("{}")});
    std::vector<EventTrigger> triggers;
    for (int row = 0; row < rows.size(); ++row)
        triggers.push_back({.name = rows.string(row, "name"),
                            .event = rows.string(row, "event"),
                            .function = rows.string(row, "function"),
                            .commands = json::parse(rows.text(row, "tags")).texts()});
    return triggers;
}

std::string disabling(const EventTrigger& trigger) {
    return fmt::format("ALTER EVENT TRIGGER {} DISABLE, and ENABLE when all is copied",
                       postgres::quote_identifier(trigger.name));
}

std::optional<Error> event_trigger_error(postgres::Connection& target,
                                         const postgres::SqlError& error) {
    std::vector<std::string> names;
    std::vector<std::string> remedies;
    if (!error.context().empty())
        for (const auto& trigger : read_event_triggers(target, true))
            // plpgsql_exec_error_callback in PostgreSQL's src/pl/plpgsql/src/pl_exec.c
            if (error.context().find(fmt::format("function {}()", trigger.function)) !=
                std::string::npos) {
                names.push_back(fmt::format("{} ({})", postgres::quote_identifier(trigger.name),
                                            trigger.event));
                remedies.push_back(disabling(trigger));
            }
    if (names.empty())
        return std::nullopt;
    return Error(fmt::format("{}; the function of the event trigger{} {} raised this error",
                             error.what(), names.size() == 1 ? "" : "s", fmt::join(names, ", ")),
                 fmt::format("in the target, as a superuser: {}", fmt::join(remedies, "; ")));
}

std::vector<TriggerState>
differing_trigger_states(postgres::Connection& connection,
                         const std::vector<postgres::QualifiedName>& chunks) {
    const auto rows = connection.query(sql::trigger_states, postgres::name_arrays(chunks));
    std::vector<TriggerState> states;
    for (int row = 0; row < rows.size(); ++row)
        states.push_back(
            {.chunk = {rows.string(row, "schema_name"), rows.string(row, "table_name")},
             .statement = rows.string(row, "statement")});
    return states;
}

} // namespace timescale
