#include "postgres/error.hpp"

#include "postgres/sqlstate.hpp"

#include <array>

namespace postgres {

Reaction reaction_for(std::string_view sqlstate) {
    struct Rule {
        std::string_view prefix; ///< the first match decides
        Reaction reaction;
    };
    static constexpr std::array rules{
        Rule{sqlstate::serialization_failure,
             Reaction::retry}, // or a conflict with a standby's recovery
        Rule{sqlstate::deadlock_detected, Reaction::retry},
        Rule{sqlstate::lock_not_available, Reaction::retry},
        Rule{sqlstate::query_canceled, Reaction::fail_task}, // someone cancelled this one statement
        Rule{sqlstate::database_dropped, Reaction::stop},
        Rule{sqlstate::invalid_catalog_name, Reaction::stop}, // there is no such database
        Rule{sqlstate_class::invalid_authorization_specification, Reaction::stop},
        Rule{sqlstate::undefined_file, Reaction::stop}, // the extension's library is gone
        Rule{sqlstate_class::connection_exception, Reaction::wait},
        Rule{sqlstate::read_only_sql_transaction, Reaction::wait}, // the server became a standby
        Rule{sqlstate_class::insufficient_resources,
             Reaction::wait}, // no space, no memory, too many connections
        Rule{sqlstate_class::operator_intervention, Reaction::wait}, // shutting down, starting up
        Rule{sqlstate_class::system_error, Reaction::wait},          // I/O
    };
    for (const auto& rule : rules)
        if (sqlstate.starts_with(rule.prefix))
            return rule.reaction;
    return Reaction::fail_task;
}

bool says_lock_table_full(std::string_view sqlstate, std::string_view message) {
    return sqlstate == sqlstate::out_of_memory &&
           message.find("max_locks_per_transaction") != std::string_view::npos;
}

const char* kind_of(const Error& error) {
    if (dynamic_cast<const ConnectionError*>(&error) != nullptr)
        return "connection";
    if (dynamic_cast<const ConcurrentChange*>(&error) != nullptr)
        return "change";
    const auto* refused = dynamic_cast<const SqlError*>(&error);
    struct Kind {
        std::string_view prefix; ///< of the SQLSTATE
        const char* name;
    };
    static constexpr std::array kinds{Kind{sqlstate::lock_not_available, "lock"},
                                      Kind{sqlstate::deadlock_detected, "deadlock"},
                                      Kind{sqlstate::serialization_failure, "serialization"},
                                      Kind{sqlstate_class::insufficient_resources, "resources"},
                                      Kind{sqlstate_class::operator_intervention, "server"},
                                      Kind{sqlstate_class::system_error, "server"}};
    for (const auto& kind : kinds)
        if (refused != nullptr && refused->sqlstate().starts_with(kind.prefix))
            return kind.name;
    return "other";
}

Reaction ConnectionError::reaction() const {
    return reaction_for(sqlstate_) == Reaction::stop || says_lock_table_full(sqlstate_, what())
               ? Reaction::stop
               : Reaction::wait;
}

} // namespace postgres
