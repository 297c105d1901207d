#pragma once

#include "timescale/hypertable.hpp"

namespace timescale {

/// Makes inserts into the hypertable put rows into the right chunks for the rest of the open
/// transaction. By default, TimescaleDB does not always do so (sql/timescale/route_exactly.sql).
void route_exactly(postgres::Connection& connection, const Hypertable& hypertable);

/// Returns the statement for the same when the number of dimensions is unknown.
postgres::Statement route_exactly_statement(const postgres::QualifiedName& hypertable);

} // namespace timescale
