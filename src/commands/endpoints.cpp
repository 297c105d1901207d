#include "commands/endpoints.hpp"

#include "postgres/quote.hpp"
#include "postgres/session.hpp"
#include "sql.hpp"

#include <fmt/format.h>

namespace commands {

Endpoint::Endpoint(const postgres::ConnectionString& connection_string, Role role,
                   const std::string& command)
    : connection(connection_string, role == Role::source ? "source" : "target",
                 "timescaledb-backfill " + command) {
    postgres::pin_session(connection, role == Role::source ? postgres::Access::read_only
                                                           : postgres::Access::read_write);
    server = timescale::read_server(connection);
}

void require_different(Endpoint& source, Endpoint& target) {
    const auto left = source.connection.query(sql::database_identity).string(0, "identity");
    const auto right = target.connection.query(sql::database_identity).string(0, "identity");
    if (left == right)
        throw UsageError(
            fmt::format("source and target are the same database ({})", target.connection.name()));
}

std::string begin_read_transaction(const std::optional<std::string>& snapshot) {
    std::string begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    if (snapshot)
        begin += "; SET TRANSACTION SNAPSHOT " + postgres::quote_literal(*snapshot);
    return begin;
}

} // namespace commands
