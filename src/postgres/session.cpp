#include "postgres/session.hpp"

#include "sql.hpp"

namespace postgres {

std::vector<Statement> pin_session_statements(Access access) {
    // By itself and first: the statement after it is one that a short timeout could end.
    return {{"SET statement_timeout = 0"},
            {std::string(sql::pin_session), {access == Access::read_only ? "on" : "off"}}};
}

void pin_session(Connection& connection, Access access) {
    connection.pipeline(pin_session_statements(access));
}

} // namespace postgres
