#include "run/endpoints.hpp"

#include "postgres/pooler.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>

namespace run {

namespace {

postgres::Access access_of(Side side, std::optional<postgres::Access> given = std::nullopt) {
    return given.value_or(side == Side::source ? postgres::Access::read_only
                                               : postgres::Access::read_write);
}

} // namespace

Endpoint::Endpoint(const postgres::ConnectionString& string, Side which, const std::string& command,
                   Session session, std::chrono::milliseconds patience,
                   std::optional<postgres::Access> access,
                   const std::vector<postgres::Statement>& further, Extension extension)
    : side(which), connection_string(string),
      connection(string, name_of(which), postgres::application_name(command),
                 postgres::session_settings(access_of(which, access))) {
    const auto settings = postgres::session_settings(access_of(which, access));
    std::vector<postgres::Statement> statements{postgres::backend_statement(),
                                                timescale::server_statement()};
    const postgres::Deadline deadline(connection.monitor(), patience);
    if (session == Session::first) {
        answers = postgres::pin_first_session(connection, settings, statements, further);
    } else {
        statements.insert(statements.end(), further.begin(), further.end());
        answers = postgres::pin_session(connection, settings, statements);
    }
    backend = postgres::backend_from(answers[0]);
    server = timescale::server_from(answers[1], connection,
                                    which == Side::source || extension == Extension::optional);
    if (server.hides_bloom_hash())
        server.bloom_hash = timescale::read_bloom_hash(connection);
    answers.erase(answers.begin(), answers.begin() + 2);
}

LeanSession::LeanSession(const postgres::ConnectionString& string, Side side,
                         const std::string& command, std::chrono::milliseconds patience)
    : connection_string(string),
      connection(string, name_of(side), postgres::application_name(command),
                 postgres::session_settings(access_of(side), postgres::Library::left_out)) {
    const postgres::Deadline deadline(connection.monitor(), patience);
    const auto results = postgres::pin_session(
        connection, postgres::session_settings(access_of(side), postgres::Library::left_out),
        {postgres::backend_statement()});
    backend = postgres::backend_from(results.front());
}

std::function<postgres::Connection()> lean_connector(const postgres::ConnectionString& target,
                                                     const std::string& command) {
    return [target, command] {
        LeanSession session(target, Side::target, command, Endpoint::default_patience);
        return std::move(session.connection);
    };
}

OpenConnection LeanSession::entry() const {
    return {.monitor = connection.monitor(),
            .name = connection.name(),
            .backend = backend,
            .connection_string = connection_string};
}

void Endpoint::look_again() {
    auto bloom_hash = std::move(server.bloom_hash); // does not change
    server = timescale::server_from(connection.pipeline({timescale::server_statement()}).front(),
                                    connection, !server.has_timescaledb);
    server.bloom_hash = std::move(bloom_hash);
}

OpenConnection Endpoint::entry() const {
    return {.monitor = connection.monitor(),
            .name = connection.name(),
            .backend = backend,
            .connection_string = connection_string};
}

Endpoints connect_both(const postgres::ConnectionString& source,
                       const postgres::ConnectionString& target, const std::string& command,
                       Session session, std::chrono::milliseconds patience,
                       const std::vector<postgres::Statement>& in_target,
                       const std::vector<postgres::Statement>& in_source) {
    auto other = std::async(std::launch::async, [&] {
        return Endpoint(target, Side::target, command, session, patience, std::nullopt, in_target);
    });
    Endpoint first(source, Side::source, command, session, patience, std::nullopt, in_source);
    return {std::move(first), other.get()};
}

void end_leftovers(std::optional<Endpoint>& endpoint,
                   const postgres::ConnectionString& connection_string, Side side,
                   const std::string& command) {
    // The remaining connection may be lost, too, which shows only when it is used.
    for (int attempts = 0; attempts < 2; ++attempts) {
        try {
            if (!endpoint || endpoint->connection.is_broken())
                endpoint.emplace(connection_string, side, command);
            postgres::terminate_others(endpoint->connection);
            break;
        } catch (const Error& error) {
            spdlog::debug("cannot terminate abandoned backends: {}", error.what());
        }
    }
}

void require_different(const Endpoints& endpoints) {
    if (endpoints.source.server.identity == endpoints.target.server.identity)
        throw UsageError(fmt::format("source and target are the same database ({})",
                                     endpoints.target.connection.name()));
}

bool has_unfinished_clone(postgres::Connection& target) {
    // sql/cloning/create_clone_record.sql. Unlike to_regclass(), this needs no privileges.
    return !target
                .query("SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
                       "WHERE nspname = '__backfill_clone' AND relname = 'clone'")
                .empty();
}

void require_finished_clone(postgres::Connection& target, const std::string& command) {
    if (has_unfinished_clone(target))
        throw Error(fmt::format("cannot {}: clone-schema has not finished in the target", command),
                    to_finish_clone);
}

void require_unchanged(const Endpoint& endpoint, const timescale::Server& before) {
    const auto& now = endpoint.server;
    if (now.timescaledb_text != before.timescaledb_text || now.community != before.community)
        throw Error(fmt::format("the {} has {} now, but had {} when this run began",
                                endpoint.connection.name(), now.description(),
                                before.description()),
                    "run the command again");
}

} // namespace run
