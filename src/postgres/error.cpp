#include "postgres/error.hpp"

#include <array>

namespace postgres {

Remedy remedy_for(std::string_view sqlstate) {
    struct Rule {
        std::string_view prefix; ///< the first that fits decides
        Remedy remedy;
    };
    static constexpr std::array rules{
        Rule{"40001", Remedy::retry}, // serialization_failure, conflict with a standby's recovery
        Rule{"40P01", Remedy::retry}, // deadlock_detected
        Rule{"55P03", Remedy::retry}, // lock_not_available
        Rule{"57014", Remedy::fail_task}, // query_canceled: someone cancelled this one statement
        Rule{"57P04", Remedy::stop},      // database_dropped
        Rule{"3D000", Remedy::stop},      // invalid_catalog_name: there is no such database
        Rule{"28", Remedy::stop},         // invalid authorization
        Rule{"58P01", Remedy::stop},      // undefined_file: the extension's library is gone
        Rule{"08", Remedy::wait},         // connection exception
        Rule{"25006", Remedy::wait},      // read_only_sql_transaction: the server became a standby
        Rule{"53", Remedy::wait},         // no space, no memory, too many connections
        Rule{"57", Remedy::wait},         // operator intervention: shutting down, starting up
        Rule{"58", Remedy::wait},         // system error: I/O
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
