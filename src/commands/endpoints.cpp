#include "commands/endpoints.hpp"

#include "postgres/pooler.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>

namespace commands {

const char* name_of(Role role) {
    return role == Role::source ? "source" : "target";
}

Endpoint::Endpoint(const postgres::ConnectionString& string, Role role, const std::string& command,
                   Session session, std::chrono::milliseconds patience,
                   std::optional<postgres::Access> given_access)
    : connection_string(string),
      connection(string, name_of(role), postgres::application_name(command)) {
    const auto access = given_access.value_or(role == Role::source ? postgres::Access::read_only
                                                                   : postgres::Access::read_write);
    const std::vector<postgres::Statement> statements{postgres::backend_statement(),
                                                      timescale::server_statement()};
    const postgres::Deadline deadline(connection.line(), patience);
    const auto results = session == Session::first
                             ? postgres::pin_first_session(connection, access, statements)
                             : postgres::pin_session(connection, access, statements);
    backend = postgres::backend_from(results.front());
    server = timescale::server_from(results.back(), connection, role == Role::source);
}

void Endpoint::look_again() {
    server = timescale::server_from(connection.pipeline({timescale::server_statement()}).front(),
                                    connection, server.plain);
}

workers::OpenConnections::Entry Endpoint::entry() const {
    return {.line = connection.line(),
            .name = connection.name(),
            .backend = backend,
            .connection_string = connection_string};
}

Endpoints connect_both(const postgres::ConnectionString& source,
                       const postgres::ConnectionString& target, const std::string& command,
                       Session session, std::chrono::milliseconds patience) {
    auto other = std::async(std::launch::async, [&] {
        return Endpoint(target, Role::target, command, session, patience);
    });
    Endpoint first(source, Role::source, command, session, patience);
    return {std::move(first), other.get()};
}

void Orphans::add(Role role, const postgres::Backend& backend) {
    const std::lock_guard lock(mutex_);
    of(role).push_back(backend);
}

void Orphans::terminate(Role role, postgres::Connection& connection) {
    std::unique_lock lock(mutex_);
    const auto backends = of(role);
    lock.unlock();
    postgres::terminate(connection, backends);
    lock.lock();
    std::erase_if(of(role), [&](const auto& one) {
        return std::ranges::find(backends, one) != backends.end();
    });
}

void Orphans::terminate(Endpoints& endpoints) {
    terminate(Role::source, endpoints.source.connection);
    terminate(Role::target, endpoints.target.connection);
}

void end_leftovers(Endpoints& endpoints, const std::string& command) {
    end_leftovers(endpoints.source, Role::source, command);
    end_leftovers(endpoints.target, Role::target, command);
}

void end_leftovers(Endpoint& endpoint, Role role, const std::string& command) {
    // The run's first connection may be gone as well, and not know it before it is used.
    for (int attempts = 0; attempts < 2; ++attempts) {
        try {
            if (endpoint.connection.is_broken())
                endpoint = Endpoint(endpoint.connection_string, role, command);
            postgres::terminate_others(endpoint.connection);
            break;
        } catch (const Error& error) {
            spdlog::debug("cannot end what is left: {}", error.what());
        }
    }
}

void conclude(Endpoint& endpoint, Role role, const std::string& command,
              workers::OpenConnections& connections, workers::Recovery recovery,
              const std::function<void(Endpoint&)>& work) {
    bool done = false;
    const auto attempt = [&] {
        if (endpoint.connection.is_broken())
            endpoint = Endpoint(endpoint.connection_string, role, command);
        connections.add(endpoint.entry());
        work(endpoint);
        done = true;
    };
    recovery.lead(attempt, [](const Error&) { return true; });
    if (!done)
        throw postgres::ConnectionError("lost the connection to the " + endpoint.connection.name());
}

void require_different(const Endpoints& endpoints) {
    if (endpoints.source.server.identity == endpoints.target.server.identity)
        throw UsageError(fmt::format("source and target are the same database ({})",
                                     endpoints.target.connection.name()));
}

void require_unchanged(const Endpoint& endpoint, const timescale::Server& before) {
    const auto& now = endpoint.server;
    if (now.timescaledb_text != before.timescaledb_text || now.community != before.community)
        throw Error(fmt::format("the {} has {} now, and had {} when this run began; run it again",
                                endpoint.connection.name(), now.description(),
                                before.description()));
}

std::string begin_read_transaction(const std::optional<std::string>& snapshot) {
    std::string begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    if (snapshot)
        begin += "; SET TRANSACTION SNAPSHOT " + postgres::quote_literal(*snapshot);
    return begin;
}

} // namespace commands
