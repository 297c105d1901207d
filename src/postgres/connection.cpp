#include "postgres/connection.hpp"

#include "postgres/error.hpp"
#include "postgres/lock_table.hpp"
#include "postgres/message.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace postgres {

namespace {

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
                       const std::string& application_name, const Settings& settings)
    : string_(connection_string), role_(role) {
    const auto& own = string_.options();
    sent_settings_ = !settings.empty() && own && !string_.refuses_options();
    try {
        connect(application_name,
                sent_settings_ ? std::optional(*own + as_options(settings)) : std::nullopt);
    } catch (const ConnectionError& error) {
        if (!sent_settings_ || !may_concern_settings(error.sqlstate()))
            throw;
        sent_settings_ = false;
        connect(application_name, std::nullopt);
        string_.note_refusal_of_options();
    }
    own_options_ = sent_settings_ ? *own : PQoptions(get());
}

void Connection::connect(const std::string& application_name,
                         const std::optional<std::string>& options) {
    const ConnectionParameters parameters(string_, application_name.c_str(),
                                          options ? options->c_str() : nullptr);
    connection_.reset(PQconnectdbParams(parameters.keywords(), parameters.values(), expand_dbname));
    if (!connection_)
        throw ConnectionError("out of memory");
    if (is_broken())
        throw ConnectionError(
            fmt::format("cannot connect to the {}: {}", role_, one_line(PQerrorMessage(get()))),
            refusal(parameters));
    connection_.get_deleter().monitor = std::make_shared<ConnectionMonitor>(get());
    name_ = fmt::format("{} {}:{}/{}", role_, PQhost(get()), PQport(get()), PQdb(get()));
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
    const ConnectionMonitor::Waiting waiting(*monitor());
    return checked(PQexec(connection_.get(), sql.c_str()));
}

Result Connection::query(std::string_view sql, const std::vector<Parameter>& parameters) {
    const auto values = values_of(parameters);
    const ConnectionMonitor::Waiting waiting(*monitor());
    return checked(PQexecParams(connection_.get(), std::string(sql).c_str(),
                                static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                                nullptr, /*resultFormat=*/0));
}

void Connection::stream(std::string_view sql, const std::vector<Parameter>& parameters,
                        const std::function<void(const Result&)>& take) {
    // Outside of a pipeline, libpq would leave the mode on for the first statement of the next one
    // (PQsendQueryStart in PostgreSQL's src/interfaces/libpq/fe-exec.c).
    begin_pipeline({{std::string(sql), parameters}});
    if (PQsetSingleRowMode(connection_.get()) != 1)
        fail(nullptr);
    const auto next = [this] {
        const ConnectionMonitor::Waiting waiting(*monitor());
        return Result(PQgetResult(connection_.get()));
    };
    std::optional<Result> failed;
    std::exception_ptr thrown;
    // The last result has no rows, and tells whether the statement has succeeded.
    for (auto result = next(); result.get() != nullptr; result = next()) {
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_SINGLE_TUPLE && !thrown) {
            try {
                take(result);
            } catch (...) {
                thrown = std::current_exception(); // rethrown after the last result
            }
        } else if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
            failed = std::move(result);
            if (is_broken())
                fail(failed->get());
        }
    }
    end_pipeline();
    if (thrown)
        std::rethrow_exception(thrown);
    if (failed)
        fail(failed->get());
}

void Connection::read_pages(std::string_view sql, int rows,
                            const std::function<void(const Result&)>& take) {
    // WITH HOLD, because there may be no transaction block.
    execute(fmt::format("DECLARE pages NO SCROLL CURSOR WITH HOLD FOR {}", sql));
    const auto fetch = fmt::format("FETCH {} FROM pages", rows);
    for (auto page = execute(fetch); !page.empty(); page = execute(fetch))
        take(page);
    execute("CLOSE pages");
}

std::vector<Result> Connection::pipeline(const std::vector<Statement>& statements) {
    begin_pipeline(statements);
    return finish_pipeline();
}

void Connection::begin_pipeline(const std::vector<Statement>& statements) {
    if (PQenterPipelineMode(connection_.get()) != 1)
        fail(nullptr);
    const ConnectionMonitor::Waiting waiting(*monitor());
    sent_.clear();
    send_all(statements);
}

std::vector<Result> Connection::finish_pipeline() {
    const ConnectionMonitor::Waiting waiting(*monitor());
    std::vector<Result> results;
    results.reserve(sent_.size());
    std::optional<Result> failed;
    const auto succeeded = [&](Result& result) {
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
            return true;
        if (!failed)
            failed = std::move(result);
        return false;
    };
    for (auto& sent : sent_) {
        if (!sent.name.empty()) {
            auto result = next_of_pipeline();
            if (succeeded(result))
                prepared_.emplace(std::move(sent.sql), std::move(sent.name));
        }
        auto result = next_of_pipeline();
        if (succeeded(result))
            results.push_back(std::move(result));
    }
    end_pipeline();
    if (failed)
        fail(failed->get());
    return results;
}

void Connection::end_pipeline() {
    const Result sync(PQgetResult(connection_.get()));
    if (PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC ||
        PQexitPipelineMode(connection_.get()) != 1)
        fail(nullptr);
}

/// Sends a pipeline's statements. Prepares repeated ones before their first use.
void Connection::send_all(const std::vector<Statement>& statements) {
    std::map<std::string_view, std::string> preparing;
    for (const auto& [sql, parameters, repeated] : statements) {
        auto& sent = sent_.emplace_back();
        if (!repeated) {
            send_with_parameters(sql, parameters);
            continue;
        }
        if (const auto known = prepared_.find(sql); known != prepared_.end()) {
            send_prepared(known->second, parameters);
            continue;
        }
        auto& name = preparing[sql];
        if (name.empty()) {
            name = fmt::format("s{}", prepared_.size() + preparing.size() - 1);
            if (PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr) != 1)
                fail(nullptr);
            sent = {.sql = sql, .name = name};
        }
        send_prepared(name, parameters);
    }
    if (PQpipelineSync(connection_.get()) != 1)
        fail(nullptr);
}

std::string Connection::text_of(const Statement& statement) const {
    std::string values;
    for (const auto& parameter : statement.parameters)
        values += fmt::format("{}{}", values.empty() ? "" : ", ",
                              parameter ? quote_literal(*parameter) : "NULL");
    return fmt::format("EXECUTE {} ({})", prepared_.at(statement.sql), values);
}

/// \throws ConnectionError if the connection is lost.
Result Connection::next_of_pipeline() {
    Result result(PQgetResult(connection_.get()));
    if (PQstatus(connection_.get()) == CONNECTION_BAD)
        fail(result.get());
    PQgetResult(connection_.get()); // the nullptr that ends each statement's results
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
    const ConnectionMonitor::Waiting waiting(*monitor());
    send_with_parameters(sql, {});
}

Result Connection::receive() {
    const ConnectionMonitor::Waiting waiting(*monitor());
    Result result(PQgetResult(connection_.get()));
    // The result is followed by a nullptr.
    while (PGresult* rest = PQgetResult(connection_.get()))
        PQclear(rest);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail(result.get());
    return result;
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
    const auto error = sql_error(result, role_);
    if (says_lock_table_full(error.sqlstate(), error.reason()))
        throw lock_table_full(error, string_, name_);
    throw SqlError(error);
}

} // namespace postgres
