#pragma once

#include "postgres/connection.hpp"

namespace postgres {

enum class Access { read_only, read_write };

/// Pins the session settings that a role, a database or a server may have set otherwise and that
/// would change what our statements mean or how long they may run.
void pin_session(Connection& connection, Access access);

} // namespace postgres
