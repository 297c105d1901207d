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

/// How many further sessions are looked at: a pooler of several processes (so_reuseport) has as
/// many pools, and two sessions that meet in one are needed. Five are enough for four.
constexpr int most_others = 4;

/// How long a session that gets no server process at once is waited for, in milliseconds.
constexpr int patience = 2000;

int process_of(const Result& result) {
    return static_cast<int>(result.integer(0, "process"));
}

/// What the connection was made with, and of several hosts the very one.
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

/// The number of the process that serves a session which was sent select_process; nothing when it
/// has got none after so many milliseconds.
std::optional<int> receive_process(Connection& connection, int milliseconds) {
    pollfd readable{.fd = PQsocket(connection.get()), .events = POLLIN, .revents = 0};
    while (poll(&readable, 1, milliseconds) == -1 && errno == EINTR) {
    }
    return readable.revents == 0 ? std::nullopt : std::optional(process_of(connection.receive()));
}

/**
 * Whether others may have the server process that has just served a session.
 *
 * PgBouncer gives the process that was set free last to whom comes next, or, with
 * server_round_robin, the one that has been free for longest. So where processes are shared, a
 * session that comes while the first one rests gets the process that the first one had, or else the
 * first one gets another the next time; also where there is only one. Where each session keeps its
 * own, neither ever happens.
 */
bool is_shared(Connection& first, int process) {
    const auto way = same_way(first);
    std::set<int> processes{process};
    std::vector<Connection> others;
    for (int i = 0; i < most_others; ++i) {
        auto& other = others.emplace_back(way, first.name(), application_name("pooler"));
        other.send(select_process);
        auto of_other = receive_process(other, patience);
        if (process_of(first.query(select_process)) != process)
            return true;
        // The pool is exhausted. If the first session had to queue for a process, it would be
        // behind that one.
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
    // A server that lets a client in tells it the number of its process, for cancelling. A pooler
    // makes one up, as it is the one that has to be asked to cancel. So without a pooler the two
    // are the same, always, and nothing else is asked.
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
            spdlog::debug("asking one thing after the other: {}", error.what());
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
                "the {} is behind a pooler that lets others have a session's server process "
                "between its transactions (PgBouncer: pool_mode = transaction or statement), where "
                "settings and locks of a session do not last",
                connection.name()),
            "connect to the server itself, or through a pool with pool_mode = session");
    // A pooler may have other processes than the one that it gave the packet to, if any.
    connection.note_lost_settings();
    return pin_session(connection, settings, statements);
}

} // namespace postgres
