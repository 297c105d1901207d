#include "postgres/connection_parameters.hpp"

#include "postgres/sqlstate.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <poll.h>

namespace postgres {

namespace {

/// Waits until the socket is ready for libpq's next step.
/// \returns false if it is not ready at the deadline.
bool wait_for(PGconn* connection, PostgresPollingStatusType wish,
              std::chrono::steady_clock::time_point deadline) {
    pollfd socket{PQsocket(connection),
                  static_cast<short>(wish == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    return poll(&socket, 1, std::max(static_cast<int>(left.count()), 0)) > 0;
}

/// Extracts the SQLSTATE from a verbose message of the server, "FATAL:  53300: sorry, ...".
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

} // namespace

ConnectionParameters::ConnectionParameters(const ConnectionString& connection_string,
                                           const char* application_name, const char* options) {
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

std::string refusal(const ConnectionParameters& parameters) {
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
    // The server refused a moment ago, and accepts now. Treat it like a starting server
    // (cannot_connect_now).
    if (wish == PGRES_POLLING_OK)
        return sqlstate::cannot_connect_now;
    return sqlstate_in(PQerrorMessage(connection.get()));
}

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

bool may_concern_settings(std::string_view sqlstate) {
    constexpr std::array others{
        sqlstate_class::operator_intervention, sqlstate_class::insufficient_resources,
        sqlstate_class::invalid_authorization_specification, sqlstate_class::invalid_catalog_name};
    return !sqlstate.empty() &&
           std::ranges::none_of(others, [&](const auto* one) { return sqlstate.starts_with(one); });
}

} // namespace postgres
