#pragma once

#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "timescale/server.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace timescale {

/// The triggers and constraints that apply to rows inserted into or deleted from a hypertable
/// (sql/timescale/triggers.sql).
struct HypertableTriggers {
    /// Names of the user's row triggers, which the chunks have, too.
    std::vector<std::string> of_rows;
    /// Names of the statement triggers, which fire only for statements that name the hypertable.
    std::vector<std::string> of_statements;
    bool of_updates = false;            ///< some row triggers are for UPDATE only
    bool are_on_chunks = false;         ///< the chunks have triggers, perhaps for other events
    bool records_invalidations = false; ///< with a trigger, before TimescaleDB 2.23

    /// Why `session_replication_role = replica` cannot be used to suppress the triggers; empty if
    /// it can.
    std::string replica_obstacle;
    bool may_be_replica = false; ///< the role has the privilege to set it

    /// A foreign key that new rows must satisfy. This program checks it when its triggers do not
    /// fire. In the SQL, `row` is a row of the hypertable, and `key` a referenced row.
    struct CheckedForeignKey {
        std::string name;
        std::string referenced; ///< the referenced table, with ONLY
        std::string match;      ///< condition
        std::string columns;    ///< of the row
        std::string not_null;   ///< condition: the row references a key
    };
    std::vector<CheckedForeignKey> foreign_keys;

    /// Names of NOT VALID constraints. Existing rows need not satisfy them, but new rows must.
    std::vector<std::string> unvalidated_checks;
    std::vector<std::string> unvalidated_foreign_keys;

    /// The name of the NOT VALID constraint that an error is about; null for other errors.
    const std::string* find_unvalidated(const postgres::SqlError& error) const;

    bool has_any() const { return !of_rows.empty() || !of_statements.empty(); }
    bool can_be_replica() const { return may_be_replica && replica_obstacle.empty(); }
};

/// The query returns, as column "may", whether the role may set session_replication_role:
/// superusers may, and from PostgreSQL 15 on, roles with the privilege.
postgres::Statement may_be_replica_statement(const Server& server);

/// The triggers of hypertables, keyed by the hypertable's name.
std::map<postgres::QualifiedName, HypertableTriggers>
read_triggers(postgres::Connection& connection, const Server& server,
              const std::vector<postgres::QualifiedName>& hypertables);

/// An event trigger that fires for this program's commands or logins. TimescaleDB's own event
/// triggers are not included.
struct EventTrigger {
    std::string name;
    std::string event;
    std::string function;              ///< quoted and qualified
    std::vector<std::string> commands; ///< the commands that it fires for
};

/// \param is_target this program runs DDL only in the target; in the source it only reads.
std::vector<EventTrigger> read_event_triggers(postgres::Connection& connection, bool is_target);

/// The command for a superuser to disable an event trigger.
std::string disabling(const EventTrigger& trigger);

/// The error to report instead of a server's error if event triggers' functions raised it,
/// according to its context: it also names the event triggers, and its remedy disables them.
/// \returns nothing if no event trigger raised the error, or if the function's language does not
/// report a context.
/// \pre the connection is to the target and not in a failed transaction.
std::optional<Error> event_trigger_error(postgres::Connection& target,
                                         const postgres::SqlError& error);

/// A chunk, and the statement that enables or disables its triggers like those of its hypertable.
/// TimescaleDB refuses this statement. Run it in a session without TimescaleDB
/// (`timescaledb.disable_load`), and only one in each session, because TimescaleDB's event trigger
/// loads the extension.
struct TriggerState {
    postgres::QualifiedName chunk;
    std::string statement;
};

std::vector<TriggerState>
differing_trigger_states(postgres::Connection& connection,
                         const std::vector<postgres::QualifiedName>& chunks);

} // namespace timescale
