#pragma once

#include "json/value.hpp"
#include "postgres/connection.hpp"

namespace cloning {

/// A JSON array in a result; empty if it is NULL.
json::Array list_in(const postgres::Result& rows, int row, const char* column);

} // namespace cloning
