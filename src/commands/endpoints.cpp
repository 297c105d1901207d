#include "commands/endpoints.hpp"

#include "postgres/quote.hpp"
#include "postgres/session.hpp"

#include <fmt/format.h>

namespace commands {

Endpoint::Endpoint(const postgres::ConnectionString& connection_string, Role role,
                   const std::string& command)
    : connection(connection_string, role == Role::source ? "source" : "target",
                 "timescaledb-backfill " + command) {
    auto statements = postgres::pin_session_statements(
        role == Role::source ? postgres::Access::read_only : postgres::Access::read_write);
    statements.push_back(timescale::server_statement());
    server = timescale::server_from(connection.pipeline(statements).back(), connection);
}

void require_different(const Endpoint& source, const Endpoint& target) {
    if (source.server.identity == target.server.identity)
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
