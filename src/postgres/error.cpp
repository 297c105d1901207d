#include "postgres/error.hpp"

#include "postgres/sqlstate.hpp"

#include <array>

namespace postgres {

Remedy remedy_for(std::string_view sqlstate) {
    struct Rule {
        std::string_view prefix; ///< the first match decides
        Remedy remedy;
    };
    static constexpr std::array rules{
        Rule{sqlstate::serialization_failure,
             Remedy::retry}, // or a conflict with a standby's recovery
        Rule{sqlstate::deadlock_detected, Remedy::retry},
        Rule{sqlstate::lock_not_available, Remedy::retry},
        Rule{sqlstate::query_canceled, Remedy::fail_task}, // someone cancelled this one statement
        Rule{sqlstate::database_dropped, Remedy::stop},
        Rule{sqlstate::invalid_catalog_name, Remedy::stop}, // there is no such database
        Rule{sqlstate_class::invalid_authorization_specification, Remedy::stop},
        Rule{sqlstate::undefined_file, Remedy::stop}, // the extension's library is gone
        Rule{sqlstate_class::connection_exception, Remedy::wait},
        Rule{sqlstate::read_only_sql_transaction, Remedy::wait}, // the server became a standby
        Rule{sqlstate_class::insufficient_resources,
             Remedy::wait}, // no space, no memory, too many connections
        Rule{sqlstate_class::operator_intervention, Remedy::wait}, // shutting down, starting up
        Rule{sqlstate_class::system_error, Remedy::wait},          // I/O
    };
    for (const auto& rule : rules)
        if (sqlstate.starts_with(rule.prefix))
            return rule.remedy;
    return Remedy::fail_task;
}

Remedy ConnectionError::remedy() const {
    return remedy_for(sqlstate_) == Remedy::stop ? Remedy::stop : Remedy::wait;
}

} // namespace postgres
