#pragma once

#include <string>

namespace postgres {

/// An identifier for people: with quotes only if it is not lower-case letters, digits and
/// underscores.
std::string shown(const std::string& identifier);

} // namespace postgres
