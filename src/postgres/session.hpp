#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

enum class Access { read_only, read_write };

/// Whether a session has TimescaleDB's library. One that touches none of its tables does without:
/// the first statement would load it, for 15 to 30 ms of CPU.
enum class Library { loaded, left_out };

/// The settings that a role, a database or a server may have set otherwise and that would change
/// what our statements mean or how long they may run; as far as every server takes them from
/// everybody. For a Connection to begin with; pin_session() does the rest.
Settings session_settings(Access access, Library library = Library::loaded);

/// The server process that works for a connection: no other one ever has the same two.
struct Backend {
    std::int64_t pid = 0;
    std::string start; ///< pg_stat_activity.backend_start

    bool operator==(const Backend&) const = default;
};

/// In a transaction, before and after users' functions run: they name tables as the role's own
/// search_path finds them. What runs in between has to name the schemas of all it uses.
constexpr auto own_search_path = "SET LOCAL search_path TO DEFAULT";
constexpr auto pinned_search_path = "SET LOCAL search_path TO pg_catalog, pg_temp";

/// What this process's sessions are called in pg_stat_activity: after the program, what they are
/// for, and a number that no other process has.
std::string application_name(std::string_view purpose);

/// Sees to it that a session has all settings that are to be pinned, and runs further statements in
/// the same round trip. Where the connection could not begin with the settings, they are made.
/// \param settings the session_settings() that the connection was given.
/// \returns what the further statements returned.
std::vector<Result> pin_session(Connection& connection, const Settings& settings,
                                const std::vector<Statement>& statements = {});

/// The statements that do so, for the function above and pin_first_session(). When they have run,
/// the session is pinned if is_pinned().
/// \param process it is pinned in the server process of this number only.
std::vector<Statement> pinning_statements(const Connection& connection, const Settings& settings,
                                          std::optional<int> process = std::nullopt);

/// Whether the start-up packet has reached the server process, if that was to pin the session.
/// \param results of pinning_statements(), and of others behind them.
bool is_pinned(const Connection& connection, const std::vector<Result>& results);

/// A statement that fails unless the session is pinned, and in the server process of this number:
/// for others behind it in a pipeline not to be run otherwise.
Statement guard_statement(int process);

/// The statement that reads which backend works for a connection, also behind a pooler. It may be
/// run before the session is pinned, but not those below.
Statement backend_statement();
Backend backend_from(const Result& row);

/// What another connection of the same role sees of a backend.
enum class BackendState {
    works,            ///< runs a statement, or waits for a lock or the like
    waits_for_client, ///< for the next statement, for data, or for its data to be taken
    gone,
};
BackendState look_at(Connection& other, const Backend& backend);

/// Ends backends of the same role, if they are there still, so that what they have locked is free,
/// and waits for each, for 5 s at most. One that has crashed stays in pg_stat_activity until the
/// server ends all sessions for it, this one too.
/// \throws ConnectionError
void terminate(Connection& other, const std::vector<Backend>& backends);

/// The same for all other sessions of this process's in the connection's database.
void terminate_others(Connection& connection);

} // namespace postgres
