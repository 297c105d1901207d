#include "postgres/shown.hpp"

#include "postgres/quote.hpp"

#include <algorithm>

namespace postgres {

std::string shown(const std::string& identifier) {
    const bool is_plain = !identifier.empty() && (identifier[0] < '0' || identifier[0] > '9') &&
                          std::ranges::all_of(identifier, [](char c) {
                              return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                          });
    return is_plain ? identifier : quote_identifier(identifier);
}

} // namespace postgres
