#pragma once

#include "json/value.hpp"
#include "postgres/connection.hpp"

#include <string>
#include <vector>

namespace cloning {

/// The first names of a list, for messages: `a, b and 12 more`.
std::string first_of(std::vector<std::string> names);

/// A JSON array in a result; empty if it is NULL.
json::Array list_in(const postgres::Result& rows, int row, const char* column);

} // namespace cloning
