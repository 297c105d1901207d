#include "postgres/pooler.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <set>

namespace postgres {

namespace {

constexpr auto select_process = "SELECT pg_catalog.pg_backend_pid() AS process";

/// The number of further sessions to open. A pooler with several processes (so_reuseport) has a
/// pool in each, and the check needs two sessions in the same pool. Five sessions are enough for
/// four processes.
constexpr int most_others = 4;

/// Time to wait for a session that does not get a server process immediately, in milliseconds.
constexpr int process_timeout = 2000;

int process_of(const Result& result) {
    return static_cast<int>(result.integer(0, "process"));
}

/// The connection string of an existing connection. If several hosts were given, it names the one
/// of the connection.
ConnectionString same_way(const Connection& connection) {
    const std::map<std::string_view, const char*> address{
        {"host", PQhost(connection.get())},
        {"hostaddr", PQhostaddr(connection.get())},
        {"port", PQport(connection.get())}};
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfo(connection.get()), &PQconninfoFree);
    std::string text;
    for (const auto* option = options.get(); option && option->keyword != nullptr; ++option) {
        const auto found = address.find(option->keyword);
        const char* value = found == address.end() ? option->val : found->second;
        if (value == nullptr || *value == '\0')
            continue;
        text += fmt::format("{}='", option->keyword);
        for (; *value != '\0'; ++value) {
            if (*value == '\'' || *value == '\\')
                text += '\\';
            text += *value;
        }
        text += "' ";
    }
    return {text, connection.name()};
}

/// Receives the result of select_process: the process that serves a session; nothing if the session
/// gets no process within the given time.
std::optional<int> receive_process(Connection& connection, int milliseconds) {
    pollfd readable{.fd = PQsocket(connection.get()), .events = POLLIN, .revents = 0};
    while (poll(&readable, 1, milliseconds) == -1 && errno == EINTR) {
    }
    return readable.revents == 0 ? std::nullopt : std::optional(process_of(connection.receive()));
}

/**
 * True if other sessions may get the server process that has just served a session.
 *
 * PgBouncer assigns the process that was released last to the next client, or, with
 * server_round_robin, the one that was released first. So if processes are shared, a new session
 * gets the process of the first one while that is idle, or the first one gets another process for
 * its next statement. This holds even if there is only one process. If each session keeps its
 * process, neither happens.
 */
bool is_shared(Connection& first, int process) {
    const auto way = same_way(first);
    std::set<int> processes{process};
    std::vector<Connection> others;
    for (int i = 0; i < most_others; ++i) {
        auto& other = others.emplace_back(way, first.name(), application_name("pooler"));
        other.send(select_process);
        auto of_other = receive_process(other, process_timeout);
        if (process_of(first.query(select_process)) != process)
            return true;
        // The pool is exhausted. If the first session had had to queue for a process, the other
        // session would have been served before it.
        if (!of_other && !(of_other = receive_process(other, 0)))
            return false;
        if (!processes.insert(*of_other).second)
            return true;
    }
    return false;
}

} // namespace

std::vector<Result> pin_first_session(Connection& connection, const Settings& settings,
                                      const std::vector<Statement>& statements,
                                      const std::vector<Statement>& further) {
    // A server sends the process's number to the client, for cancel requests. A pooler sends a
    // number of its own because cancel requests must go to the pooler. So without a pooler the
    // number always equals pg_backend_pid(), and no further check is needed.
    const int expected = PQbackendPID(connection.get());
    auto all = pinning_statements(connection, settings, expected);
    const auto own = static_cast<std::ptrdiff_t>(all.size());
    all.insert(all.end(), statements.begin(), statements.end());
    const auto place_of_process = all.size();
    all.push_back({select_process});
    std::vector<Result> results;
    if (!further.empty()) {
        auto with_further = all;
        with_further.push_back(guard_statement(expected));
        with_further.insert(with_further.end(), further.begin(), further.end());
        try {
            results = connection.pipeline(with_further);
        } catch (const SqlError& error) {
            spdlog::debug("running the statements separately: {}", error.what());
        }
    }
    if (results.empty())
        results = connection.pipeline(all);
    const int process = process_of(results[place_of_process]);
    if (process == expected && is_pinned(connection, results)) {
        const auto further_begin =
            results.begin() +
            static_cast<std::ptrdiff_t>(std::min(results.size(), place_of_process + 2));
        results.erase(results.begin() + static_cast<std::ptrdiff_t>(place_of_process),
                      further_begin);
        results.erase(results.begin(), results.begin() + own);
        return results;
    }
    if (process != expected && is_shared(connection, process))
        throw UsageError(
            fmt::format(
                "the {} is behind a pooler that shares server processes between transactions "
                "(PgBouncer: pool_mode = transaction or statement), so that a session loses its "
                "settings and locks",
                connection.name()),
            "connect to the server directly, or through a pool with pool_mode = session");
    // The pooler may have other processes than the one that received the start-up packet, or may
    // not have passed the packet on.
    connection.note_lost_settings();
    return pin_session(connection, settings, statements);
}

} // namespace postgres
