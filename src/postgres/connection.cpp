#include "postgres/connection.hpp"

#include "postgres/quote.hpp"
#include "postgres/sqlstate.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <poll.h>
#include <utility>

namespace postgres {

namespace {

std::string without_newline(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

/// How many bytes a character of UTF-8 has that begins with this one; 0 if none does.
std::size_t bytes_of_character(unsigned char lead) {
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/// With "?" for bytes that are no UTF-8, which no server would take back. TimescaleDB cuts the
/// names of chunks' foreign keys within a character (chunk_constraint_choose_name in its
/// src/chunk_constraint.c), and messages have those.
std::string valid_utf8(std::string_view text) {
    std::string valid;
    while (!text.empty()) {
        const auto size = bytes_of_character(static_cast<unsigned char>(text.front()));
        const auto character = text.substr(0, size);
        const bool is_whole =
            size > 0 && character.size() == size &&
            std::ranges::all_of(character.substr(1), [](char c) { return (c & 0xc0) == 0x80; });
        valid += is_whole ? character : "?";
        text.remove_prefix(is_whole ? size : 1);
    }
    return valid;
}

/// libpq's messages run over several lines; ours are one.
std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : valid_utf8(without_newline(std::string(text)))) {
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
    Parameters(const ConnectionString& connection_string, const char* application_name,
               const char* options) {
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
        if (options != nullptr)
            add("options", options);
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
    // It refused a moment ago, and does not now: as a server that is starting (cannot_connect_now).
    if (wish == PGRES_POLLING_OK)
        return sqlstate::cannot_connect_now;
    return sqlstate_in(PQerrorMessage(connection.get()));
}

/// As the server's command line takes them (pg_split_opts in PostgreSQL's
/// src/backend/utils/init/postinit.c).
std::string as_options(const Settings& settings) {
    std::string options;
    for (const auto& [name, value] : settings) {
        options += fmt::format(" -c {}=", name);
        for (const char c : value) {
            if (c == '\\' || std::isspace(static_cast<unsigned char>(c)) != 0)
                options += '\\';
            options += c;
        }
    }
    return options;
}

/// Whether a server that refused a session may take it without settings: not when it takes none at
/// all now, not this user, or not for this database.
bool may_be_for_its_settings(std::string_view sqlstate) {
    constexpr std::array others{
        sqlstate_class::operator_intervention, sqlstate_class::insufficient_resources,
        sqlstate_class::invalid_authorization_specification, sqlstate_class::invalid_catalog_name};
    return !sqlstate.empty() &&
           std::ranges::none_of(others, [&](const auto* one) { return sqlstate.starts_with(one); });
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
        if (!sent_settings_ || !may_be_for_its_settings(error.sqlstate()))
            throw;
        sent_settings_ = false;
        connect(application_name, std::nullopt);
        string_.note_refusal_of_options();
    }
    own_options_ = sent_settings_ ? *own : PQoptions(get());
}

void Connection::connect(const std::string& application_name,
                         const std::optional<std::string>& options) {
    const Parameters parameters(string_, application_name.c_str(),
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
    const ConnectionMonitor::Waiting waiting(*monitor());
    send_with_parameters(sql, {});
}

Result Connection::receive() {
    const ConnectionMonitor::Waiting waiting(*monitor());
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

ResultsOfBoth pipeline_both(Connection& first, const std::vector<Statement>& first_statements,
                            Connection& second, const std::vector<Statement>& second_statements) {
    first.begin_pipeline(first_statements);
    ResultsOfBoth results;
    std::exception_ptr problem;
    const auto attempt = [&](const auto& action) {
        try {
            action();
        } catch (const Error&) {
            if (!problem)
                problem = std::current_exception();
        }
    };
    // Whatever becomes of one, the other's results have to be taken off its connection.
    bool begun = false;
    attempt([&] {
        second.begin_pipeline(second_statements);
        begun = true;
    });
    auto second_problem = std::exchange(problem, nullptr);
    attempt([&] { results.first = first.finish_pipeline(); });
    if (!problem)
        problem = second_problem;
    if (begun)
        attempt([&] { results.second = second.finish_pipeline(); });
    if (problem)
        std::rethrow_exception(problem);
    return results;
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
    const char* constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    throw SqlError(sqlstate, fmt::format("{} (on the {}, SQLSTATE {})", message, role_, sqlstate),
                   reason, context, constraint == nullptr ? "" : constraint);
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

} // namespace postgres
