#include "cloning/lists.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace cloning {

std::string first_of(std::vector<std::string> names) {
    constexpr std::size_t most_names = 5;
    const auto all = names.size();
    names.resize(std::min(all, most_names));
    return all <= most_names
               ? fmt::format("{}", fmt::join(names, ", "))
               : fmt::format("{} and {} more", fmt::join(names, ", "), all - most_names);
}

json::Array list_in(const postgres::Result& rows, int row, const char* column) {
    return rows.is_null(row, column) ? json::Array() : json::parse(rows.text(row, column)).array();
}

} // namespace cloning
