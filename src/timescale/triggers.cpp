#include "timescale/triggers.hpp"

#include "json/value.hpp"
#include "sql.hpp"

namespace timescale {

namespace {

/// Asks whether the role may set session_replication_role: a superuser, or who was granted it,
/// which PostgreSQL has from 15 on.
postgres::Statement may_be_replica(const Server& server) {
    constexpr int grants_settings = 150000;
    return {server.postgres_version >= grants_settings
                ? "SELECT has_parameter_privilege('session_replication_role', 'SET') AS may"
                : "SELECT current_setting('is_superuser') = 'on' AS may"};
}

} // namespace

std::map<postgres::QualifiedName, Triggers>
read_triggers(postgres::Connection& connection, const Server& server,
              const std::vector<postgres::QualifiedName>& hypertables) {
    const auto results = connection.pipeline(
        {may_be_replica(server), {std::string(sql::triggers), postgres::name_arrays(hypertables)}});
    const bool may = results.front().boolean(0, "may");
    const auto& rows = results.back();
    std::map<postgres::QualifiedName, Triggers> result;
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
