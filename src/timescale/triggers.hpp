#pragma once

#include "postgres/connection.hpp"
#include "postgres/error.hpp"
#include "postgres/quote.hpp"
#include "timescale/server.hpp"

#include <map>
#include <string>
#include <vector>

namespace timescale {

/// What rows that are put into a hypertable, or deleted from it, set off there
/// (sql/timescale/triggers.sql).
struct Triggers {
    /// Names of its users' triggers that its chunks have.
    std::vector<std::string> of_rows;
    /// Of those that statements fire which name the hypertable.
    std::vector<std::string> of_statements;
    bool of_updates = false;            ///< some for rows that are updated, and nothing else
    bool are_on_chunks = false;         ///< its chunks have some, maybe for other events
    bool records_invalidations = false; ///< by a trigger, before TimescaleDB 2.23

    /// Why `session_replication_role = replica` is not the way to have none of them fire; empty
    /// when it is.
    std::string replica_obstacle;
    bool may_be_replica = false; ///< whether the role may set that at all

    /// One that new rows have to satisfy, to be checked where its triggers do not. In the SQL,
    /// `row` is a row of the hypertable's, `key` a referenced one.
    struct ForeignKey {
        std::string name;
        std::string referenced; ///< the table, with ONLY
        std::string match;      ///< condition
        std::string columns;    ///< of the row
        std::string not_null;   ///< condition: the row references one
    };
    std::vector<ForeignKey> foreign_keys;

    /// Names of constraints that are NOT VALID: rows need not satisfy them, but new ones do.
    std::vector<std::string> unvalidated_checks;
    std::vector<std::string> unvalidated_foreign_keys;

    /// Which of these an error is about: its name, or null when it is about something else.
    const std::string* find_unvalidated(const postgres::SqlError& error) const;

    bool has_any() const { return !of_rows.empty() || !of_statements.empty(); }
    bool can_be_replica() const { return may_be_replica && replica_obstacle.empty(); }
};

/// The triggers of hypertables by their names.
std::map<postgres::QualifiedName, Triggers>
read_triggers(postgres::Connection& connection, const Server& server,
              const std::vector<postgres::QualifiedName>& hypertables);

/// One that fires for what this program runs, or when it connects; TimescaleDB's own are none.
struct EventTrigger {
    std::string name;
    std::string event;
    std::string function;              ///< quoted and qualified
    std::vector<std::string> commands; ///< that it fires for
};

/// \param is_target whether commands are run there; in the source nothing is but reading.
std::vector<EventTrigger> read_event_triggers(postgres::Connection& connection, bool is_target);

/// What to run so that an event trigger does not fire, as a superuser.
std::string disabling(const EventTrigger& trigger);

/// Which event triggers' function has raised an error, by the error's context, and the remedy, to
/// be put behind the message; empty when none has, or its language does not say.
/// \pre the connection is to the target, and not in a transaction that has failed.
std::string event_triggers_behind(postgres::Connection& target, const postgres::SqlError& error);

/// A chunk, and what makes its triggers enabled as its hypertable's are. TimescaleDB refuses it:
/// for a session without it (`timescaledb.disable_load`), and as the first such statement there,
/// for it has TimescaleDB loaded, by its event trigger.
struct TriggerState {
    postgres::QualifiedName chunk;
    std::string statement;
};

std::vector<TriggerState>
differing_trigger_states(postgres::Connection& connection,
                         const std::vector<postgres::QualifiedName>& chunks);

} // namespace timescale
