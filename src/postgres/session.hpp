#pragma once

#include "postgres/connection.hpp"

#include <vector>

namespace postgres {

enum class Access { read_only, read_write };

/// The statements that pin the session settings that a role, a database or a server may have set
/// otherwise and that would change what our statements mean or how long they may run.
std::vector<Statement> pin_session_statements(Access access);

void pin_session(Connection& connection, Access access);

} // namespace postgres
