#include "postgres/lock_table.hpp"

#include "postgres/connection_parameters.hpp"
#include "sql.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>

namespace postgres {

LockTableFull lock_table_full(const SqlError& error, const ConnectionString& server,
                              const std::string& name) {
    // By libpq alone, because a Connection would ask here again if this failed for the same reason.
    const ConnectionParameters parameters(server, "timescaledb-backfill", nullptr);
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
        PQconnectdbParams(parameters.keywords(), parameters.values(), expand_dbname), PQfinish);
    const std::unique_ptr<PGresult, decltype(&PQclear)> row(
        PQexec(connection.get(), std::string(sql::lock_table).c_str()), PQclear);
    const bool is_known = PQresultStatus(row.get()) == PGRES_TUPLES_OK;
    const auto value = [&](int column) {
        return std::string(PQgetvalue(row.get(), 0, column));
    };
    return {error,
            fmt::format("the lock table of the {} is full (out of shared memory, SQLSTATE {}), "
                        "because max_locks_per_transaction is {}",
                        name, error.sqlstate(), is_known ? value(0) : "too small"),
            is_known ? lock_table_remedy(value(1)) : "increase it there, and restart that server"};
}

std::string lock_table_remedy(const std::string& enough) {
    return fmt::format("run there: ALTER SYSTEM SET max_locks_per_transaction = {}, and restart "
                       "that server",
                       enough);
}

} // namespace postgres
