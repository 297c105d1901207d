#include "postgres/connection.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <poll.h>

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

/// Whether nothing more will come from the server that said this, such as a terminated backend.
bool ends_connection(const PGresult* result) {
    const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity != nullptr &&
           (std::string_view(severity) == "FATAL" || std::string_view(severity) == "PANIC");
}

/// libpq's parameters, as two arrays that nullptr ends.
class Parameters {
  public:
    /// What stands before dbname is our wish, which the user's string overrules; what stands
    /// behind it is a must.
    Parameters(const ConnectionString& connection_string, const char* application_name) {
        if (!connection_string.names_service()) {
            if (std::getenv("PGCONNECT_TIMEOUT") == nullptr)
                add("connect_timeout", "30");
            add("keepalives_idle", "30");
            add("keepalives_interval", "10");
            add("keepalives_count", "3");
            add("tcp_user_timeout", "60000");
        }
        add("dbname", connection_string.text().c_str());
        add("fallback_application_name", application_name);
        add("client_encoding", "UTF8");
        add(nullptr, nullptr);
    }

    const char* const* keywords() const { return keywords_.data(); }
    const char* const* values() const { return values_.data(); }

  private:
    void add(const char* keyword, const char* value) {
        keywords_.push_back(keyword);
        values_.push_back(value);
    }

    std::vector<const char*> keywords_;
    std::vector<const char*> values_;
};

constexpr int expand_dbname = 1;

/// Waits until the socket is ready for what libpq wants to do.
/// \returns false when that takes longer than until the deadline.
bool wait_for(PGconn* connection, PostgresPollingStatusType wish,
              std::chrono::steady_clock::time_point deadline) {
    pollfd socket{PQsocket(connection),
                  static_cast<short>(wish == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    return poll(&socket, 1, std::max(static_cast<int>(left.count()), 0)) > 0;
}

/// The SQLSTATE that stands in a verbose message of the server's: "FATAL:  53300: sorry, ...".
std::string sqlstate_in(std::string_view message) {
    constexpr std::size_t length = 5;
    for (auto at = message.rfind(":  "); at != std::string_view::npos && at > 0;
         at = message.rfind(":  ", at - 1)) {
        const auto code = message.substr(at + 3, length);
        if (code.size() == length && message.substr(at + 3 + length).starts_with(": ") &&
            std::ranges::all_of(
                code, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }))
            return std::string(code);
    }
    return {};
}

/// Why the server refuses a connection. libpq tells the SQLSTATE only in verbose messages, and
/// takes the wish for these only in between, when it connects step by step; there, it does not go
/// on to the next host after a timeout. So this is another attempt, after one that failed.
/// \returns nothing when it does not say.
std::string refusal(const Parameters& parameters) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
        PQconnectStartParams(parameters.keywords(), parameters.values(), expand_dbname), PQfinish);
    if (!connection)
        return {};
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    auto wish = PGRES_POLLING_WRITING;
    while (PQstatus(connection.get()) != CONNECTION_BAD && wish != PGRES_POLLING_OK &&
           wish != PGRES_POLLING_FAILED) {
        if (!wait_for(connection.get(), wish, deadline))
            return {};
        wish = PQconnectPoll(connection.get());
    }
    return sqlstate_in(PQerrorMessage(connection.get()));
}

} // namespace

Connection::Connection(const ConnectionString& connection_string, const std::string& role,
                       const std::string& application_name)
    : role_(role) {
    const Parameters parameters(connection_string, application_name.c_str());
    connection_.reset(PQconnectdbParams(parameters.keywords(), parameters.values(), expand_dbname));
    if (!connection_)
        throw ConnectionError("out of memory");
    if (is_broken())
        throw ConnectionError(
            fmt::format("cannot connect to the {}: {}", role, one_line(PQerrorMessage(get()))),
            refusal(parameters));
    connection_.get_deleter().line = std::make_shared<Line>(get());
    name_ = fmt::format("{} {}:{}/{}", role, PQhost(get()), PQport(get()), PQdb(get()));
    PQsetNoticeReceiver(get(), log_notice, nullptr);
}

Result Connection::checked(PGresult* raw) {
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
    const Line::Waiting waiting(*line());
    return checked(PQexec(connection_.get(), sql.c_str()));
}

Result Connection::query(std::string_view sql, const std::vector<Parameter>& parameters) {
    const auto values = values_of(parameters);
    const Line::Waiting waiting(*line());
    return checked(PQexecParams(connection_.get(), std::string(sql).c_str(),
                                static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                                nullptr, /*resultFormat=*/0));
}

std::vector<Result> Connection::pipeline(const std::vector<Statement>& statements) {
    if (PQenterPipelineMode(connection_.get()) != 1)
        fail(nullptr);
    const Line::Waiting waiting(*line());
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
    const Line::Waiting waiting(*line());
    send_with_parameters(sql, {});
}

Result Connection::receive() {
    const Line::Waiting waiting(*line());
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

void Connection::fail(const PGresult* result) {
    const char* sqlstate =
        result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (sqlstate == nullptr || is_broken() || ends_connection(result)) {
        broken_ = true;
        const std::string_view message = sqlstate != nullptr
                                             ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                                         : result != nullptr ? PQresultErrorMessage(result)
                                                             : PQerrorMessage(connection_.get());
        throw ConnectionError(fmt::format("lost the connection to the {}: {}", name_,
                                          message.substr(0, message.find('\n'))),
                              sqlstate == nullptr ? "" : sqlstate);
    }
    auto message = one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    for (const char field : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT})
        if (const char* text = PQresultErrorField(result, field))
            message += "; " + one_line(text);
    const auto reason = message;
    std::string context;
    if (const char* text = PQresultErrorField(result, PG_DIAG_CONTEXT)) {
        context = one_line(text);
        message += "; " + context;
    }
    throw SqlError(sqlstate, fmt::format("{} (on the {}, SQLSTATE {})", message, role_, sqlstate),
                   reason, context);
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
