#include "postgres/connection.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <exception>

namespace postgres {

namespace {

std::string without_newline(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

/// libpq's messages run over several lines; ours are one.
std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : without_newline(std::string(text))) {
        if (c != '\n')
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += "; ";
    }
    std::string folded;
    for (const char c : line)
        if (c != '\t')
            folded += c;
    return folded;
}

std::vector<const char*> values_of(const std::vector<Parameter>& parameters) {
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const auto& parameter : parameters)
        values.push_back(parameter ? parameter->c_str() : nullptr);
    return values;
}

void log_notice(void* /*argument*/, const PGresult* result) {
    spdlog::debug("{}", one_line(PQresultErrorMessage(result)));
}

} // namespace

Connection::Connection(const ConnectionString& connection_string, const std::string& role,
                       const std::string& application_name)
    : role_(role) {
    const std::array keywords{"dbname", "fallback_application_name", "client_encoding",
                              static_cast<const char*>(nullptr)};
    const std::array values{connection_string.text().c_str(), application_name.c_str(), "UTF8",
                            static_cast<const char*>(nullptr)};
    connection_.reset(PQconnectdbParams(keywords.data(), values.data(), /*expand_dbname=*/1));
    if (!connection_)
        throw ConnectionError("out of memory");
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw ConnectionError(fmt::format("cannot connect to the {}: {}", role,
                                          one_line(PQerrorMessage(connection_.get()))));
    cancel_.reset(PQgetCancel(connection_.get()));
    name_ = fmt::format("{} {}:{}/{}", role, PQhost(connection_.get()), PQport(connection_.get()),
                        PQdb(connection_.get()));
    PQsetNoticeReceiver(connection_.get(), log_notice, nullptr);
}

Result Connection::checked(PGresult* raw) const {
    Result result(raw);
    switch (PQresultStatus(raw)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
        return result;
    default:
        fail(raw);
    }
}

Result Connection::execute(const std::string& sql) {
    return checked(PQexec(connection_.get(), sql.c_str()));
}

Result Connection::query(std::string_view sql, const std::vector<Parameter>& parameters) {
    const auto values = values_of(parameters);
    return checked(PQexecParams(connection_.get(), std::string(sql).c_str(),
                                static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                                nullptr, /*resultFormat=*/0));
}

std::vector<Result> Connection::pipeline(const std::vector<Statement>& statements) {
    if (PQenterPipelineMode(connection_.get()) != 1)
        fail(nullptr);
    const auto preparing = send_all(statements);
    std::vector<Result> results;
    results.reserve(statements.size());
    std::optional<Result> failed;
    const auto succeeded = [&](Result& result) {
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
            return true;
        if (!failed)
            failed = std::move(result);
        return false;
    };
    for (std::size_t i = 0; i < statements.size(); ++i) {
        if (const auto prepared = preparing.find(i); prepared != preparing.end()) {
            auto result = next_of_pipeline();
            if (succeeded(result))
                prepared_.emplace(statements[i].sql, prepared->second);
        }
        auto result = next_of_pipeline();
        if (succeeded(result))
            results.push_back(std::move(result));
    }
    const Result sync(PQgetResult(connection_.get()));
    if (PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC ||
        PQexitPipelineMode(connection_.get()) != 1)
        fail(nullptr);
    if (failed)
        fail(failed->get());
    return results;
}

/// Sends a pipeline's statements, and what has to be prepared for them, each before the first that
/// needs it.
/// \returns the names of what is being prepared, by the index of that statement.
std::map<std::size_t, std::string> Connection::send_all(const std::vector<Statement>& statements) {
    std::map<std::size_t, std::string> preparing;
    for (std::size_t i = 0; i < statements.size(); ++i) {
        const auto& [sql, parameters, repeated] = statements[i];
        if (!repeated) {
            send_with_parameters(sql, parameters);
            continue;
        }
        const auto known = prepared_.find(sql);
        if (known != prepared_.end()) {
            send_prepared(known->second, parameters);
            continue;
        }
        const auto name = fmt::format("s{}", prepared_.size() + preparing.size());
        if (PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr) != 1)
            fail(nullptr);
        preparing.emplace(i, name);
        send_prepared(name, parameters);
    }
    if (PQpipelineSync(connection_.get()) != 1)
        fail(nullptr);
    return preparing;
}

/// \throws ConnectionError when the connection is gone.
Result Connection::next_of_pipeline() {
    Result result(PQgetResult(connection_.get()));
    if (PQstatus(connection_.get()) == CONNECTION_BAD)
        fail(result.get());
    PQgetResult(connection_.get()); // the null that ends each statement's results
    return result;
}

void Connection::send_with_parameters(const std::string& sql,
                                      const std::vector<Parameter>& parameters) {
    const auto values = values_of(parameters);
    if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                          values.data(), nullptr, nullptr, /*resultFormat=*/0) != 1)
        fail(nullptr);
}

void Connection::send_prepared(const std::string& name, const std::vector<Parameter>& parameters) {
    const auto values = values_of(parameters);
    if (PQsendQueryPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()),
                            values.data(), nullptr, nullptr, /*resultFormat=*/0) != 1)
        fail(nullptr);
}

void Connection::send(const std::string& sql) {
    send_with_parameters(sql, {});
}

Result Connection::receive() {
    Result result(PQgetResult(connection_.get()));
    // A statement has one result, and an end.
    while (PGresult* rest = PQgetResult(connection_.get()))
        PQclear(rest);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail(result.get());
    return result;
}

TwoResults query_both(Connection& first, const std::string& first_sql, Connection& second,
                      const std::string& second_sql) {
    first.send(first_sql);
    std::optional<Result> result;
    std::exception_ptr problem;
    try {
        second.send(second_sql);
        // Whatever becomes of the first, the second's result has to be taken off its connection.
        try {
            result = first.receive();
        } catch (const Error&) {
            problem = std::current_exception();
        }
        auto other = second.receive();
        if (!problem)
            return {std::move(*result), std::move(other)};
    } catch (const Error&) {
        if (!problem)
            throw;
    }
    std::rethrow_exception(problem);
}

void Connection::cancel() noexcept {
    std::array<char, 256> message{};
    if (cancel_)
        PQcancel(cancel_.get(), message.data(), static_cast<int>(message.size()));
}

void Connection::fail(const PGresult* result) const {
    const char* sqlstate =
        result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    // A FATAL error, such as a terminated backend's, ends the connection: nothing more will come.
    if (sqlstate == nullptr || PQstatus(connection_.get()) == CONNECTION_BAD) {
        const auto message = one_line(result != nullptr ? PQresultErrorMessage(result)
                                                        : PQerrorMessage(connection_.get()));
        throw ConnectionError(fmt::format("lost the connection to the {}: {}", name_, message));
    }
    auto message = one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    for (const char field : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT})
        if (const char* text = PQresultErrorField(result, field))
            message += "; " + one_line(text);
    throw SqlError(sqlstate, fmt::format("{} (on the {}, SQLSTATE {})", message, role_, sqlstate));
}

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
        // The exception that brought us here says what went wrong; the server rolls back by
        // itself when the connection is gone.
        spdlog::debug("cannot roll back: {}", error.what());
    }
}

void Transaction::commit() {
    connection_.execute("COMMIT");
    open_ = false;
}

void Transaction::commit_with(std::vector<Statement> statements) {
    statements.push_back({"COMMIT"});
    connection_.pipeline(statements);
    open_ = false;
}

void Transaction::rollback() {
    open_ = false;
    // A COPY that was cut short is still in its COPY state; PQexec ends it before the ROLLBACK.
    connection_.execute("ROLLBACK");
}

} // namespace postgres
