#pragma once

#include "timescale/hypertable.hpp"

namespace timescale {

/// Has the rest of an open transaction put rows into the chunks that they belong to, when they go
/// into the hypertable by its name. TimescaleDB does not always (sql/timescale/route_exactly.sql).
void route_exactly(postgres::Connection& connection, const Hypertable& hypertable);

/// The same as a statement, where the number of dimensions is not known.
postgres::Statement route_exactly_statement(const postgres::QualifiedName& hypertable);

} // namespace timescale
