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

Reaction ConnectionError::reaction() const {
    return reaction_for(sqlstate_) == Reaction::stop || says_lock_table_full(sqlstate_, what())
               ? Reaction::stop
               : Reaction::wait;
}

} // namespace postgres
