#include "postgres/session.hpp"

#include "sql.hpp"

namespace postgres {

void pin_session(Connection& connection, Access access) {
    // By itself and first: the statement below is one that a short timeout could end.
    connection.execute("SET statement_timeout = 0");
    connection.query(sql::pin_session, {access == Access::read_only ? "on" : "off"});
}

} // namespace postgres
