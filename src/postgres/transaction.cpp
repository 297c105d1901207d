#include "postgres/transaction.hpp"

#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <spdlog/spdlog.h>

namespace postgres {

Transaction::Transaction(Connection& connection, const std::string& begin)
    : connection_(connection) {
    try {
        connection_.execute(begin);
    } catch (const SqlError&) {
        rollback();
        throw;
    }
}

Transaction::Transaction(Connection& connection, const std::vector<Statement>& statements)
    : connection_(connection) {
    try {
        results_ = connection_.pipeline(statements);
    } catch (const SqlError&) {
        rollback();
        throw;
    }
}

Transaction::~Transaction() {
    if (!open_)
        return;
    try {
        rollback();
    } catch (const Error& error) {
        // The exception that led here reports the cause. The server rolls back by itself if the
        // connection is lost.
        spdlog::debug("cannot roll back: {}", error.what());
    }
}

void Transaction::commit() {
    connection_.execute("COMMIT");
    open_ = false;
}

std::vector<Result> Transaction::commit_with(std::vector<Statement> statements) {
    statements.push_back({"COMMIT"});
    auto results = connection_.pipeline(statements);
    open_ = false;
    return results;
}

void Transaction::rollback() {
    open_ = false;
    // A COPY that was cut short is still in its COPY state; PQexec ends it before the ROLLBACK.
    connection_.execute("ROLLBACK");
}

std::string begin_read_transaction(const std::optional<std::string>& snapshot) {
    std::string begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    if (snapshot)
        begin += "; SET TRANSACTION SNAPSHOT " + quote_literal(*snapshot);
    return begin;
}

std::string export_snapshot(Connection& connection) {
    return connection.query("SELECT pg_export_snapshot() AS snapshot").string(0, "snapshot");
}

} // namespace postgres
