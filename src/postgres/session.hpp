#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postgres {

enum class Access { read_only, read_write };

/// Specifies if a session loads TimescaleDB's library. Sessions that do not use its tables leave it
/// out because loading it takes 15 to 30 ms of CPU in the first statement.
enum class Library { loaded, left_out };

/// The settings that determine what our statements mean or how long they may run. A role, a
/// database or a server may have other defaults. Contains only settings that every server accepts
/// from every role. A Connection starts with them; pin_session() sets the rest.
Settings session_settings(Access access, Library library = Library::loaded);

/// The server process of a connection. Both members together identify it uniquely.
struct Backend {
    std::int64_t pid = 0;
    std::string start; ///< pg_stat_activity.backend_start

    bool operator==(const Backend&) const = default;
};

/// Run own_search_path in a transaction before users' functions, and pinned_search_path after them.
/// Users' functions rely on the role's own search_path. Statements in between must qualify all
/// names with schemas.
constexpr auto own_search_path = "SET LOCAL search_path TO DEFAULT";
constexpr auto pinned_search_path = "SET LOCAL search_path TO pg_catalog, pg_temp";

/// The application_name of this process's sessions in pg_stat_activity. It consists of the
/// program's name, the purpose and a random number that identifies this process.
std::string application_name(std::string_view purpose);

/// Makes sure that a session has all pinned settings, and runs further statements in the same round
/// trip. If the connection could not start with the settings, sets them.
/// \param settings the session_settings() of the connection.
/// \returns the results of the further statements.
std::vector<Result> pin_session(Connection& connection, const Settings& settings,
                                const std::vector<Statement>& statements = {});

/// The statements of pin_session() and pin_first_session(). After they have run, is_pinned()
/// returns true if the session is pinned.
/// \param process pins the session only in the server process of this number.
std::vector<Statement> pinning_statements(const Connection& connection, const Settings& settings,
                                          std::optional<int> process = std::nullopt);

/// False if the start-up packet should have pinned the session, but has not reached the server
/// process.
/// \param results of pinning_statements(), and of any statements after them.
bool is_pinned(const Connection& connection, const std::vector<Result>& results);

/// A statement that fails unless the session is pinned in the server process of this number. The
/// failure prevents the statements after it in a pipeline from running.
Statement guard_statement(int process);

/// The statement that reads the backend of a connection, also behind a pooler. It may run before
/// the session is pinned. The functions below must not.
Statement backend_statement();
Backend backend_from(const Result& row);

/// A statement that sets an integer setting until the transaction ends, but not above its present
/// value, which the user has chosen as the limit. \param setting such as a number of workers.
std::string lower_statement(std::string_view setting, int value);

/// The state of a backend as seen by another connection of the same role.
enum class BackendState {
    works,            ///< runs a statement or waits, for example for a lock
    waits_for_client, ///< for the next statement, for data, or for the client to read data
    gone,
};
BackendState look_at(Connection& other, const Backend& backend);

/// Terminates backends of the same role that still exist, to release their locks. Waits for each
/// for 5 s at most. A crashed backend stays in pg_stat_activity until the server ends all sessions
/// because of the crash, including this one.
/// \throws ConnectionError
void terminate(Connection& other, const std::vector<Backend>& backends);

/// Terminates all other sessions of this process in the connection's database.
void terminate_others(Connection& connection);

} // namespace postgres
