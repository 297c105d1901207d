#include "postgres/search_path.hpp"

#include "json/value.hpp"
#include "postgres/quote.hpp"
#include "postgres/transaction.hpp"
#include "sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace postgres {

namespace {

std::vector<std::string> searched_schemas(Connection& connection, const std::string& path) {
    const Transaction transaction(connection, "BEGIN READ ONLY");
    connection.query("SELECT pg_catalog.set_config('search_path', $1, true)", {path});
    return json::parse(connection.query(sql::searched_schemas).text(0, "schemas")).texts();
}

} // namespace

std::optional<SearchPathDifference> search_path_difference(Connection& source, Connection& target) {
    const auto ours = source.query(sql::default_search_path);
    const auto theirs = target.query(sql::default_search_path);
    SearchPathDifference difference{
        .source = ours.string(0, "path"), .target = theirs.string(0, "path"), .remedy = {}};
    if (difference.source == difference.target)
        return std::nullopt;
    const auto wanted = searched_schemas(source, difference.source);
    const auto found = searched_schemas(source, difference.target);
    if (wanted.size() <= found.size() && std::equal(wanted.begin(), wanted.end(), found.begin()))
        return std::nullopt;
    const bool is_of_role = ours.boolean(0, "is_of_role") || theirs.boolean(0, "is_of_role");
    difference.remedy = fmt::format(
        "ALTER {}DATABASE {} SET search_path TO {}",
        is_of_role ? fmt::format("ROLE {} IN ", theirs.text(0, "role")) : std::string(),
        theirs.text(0, "database"), difference.source.empty() ? "''" : difference.source);
    return difference;
}

} // namespace postgres
