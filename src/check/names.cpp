#include "check/topics.hpp"
#include "postgres/quote.hpp"

#include <fmt/format.h>

namespace check {

std::vector<postgres::Parameter> names_of(const Pairs& pairs,
                                          const timescale::Hypertable* Pair::*side) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& pair : pairs)
        if (const auto* hypertable = pair.*side; hypertable != nullptr)
            names.push_back(hypertable->name);
    return postgres::name_arrays(names);
}

std::optional<postgres::Result> query_patiently(postgres::Connection& connection,
                                                const std::string& sql) {
    const postgres::Transaction transaction(
        connection,
        fmt::format("BEGIN READ ONLY; SET LOCAL statement_timeout = '{}s'", patience_in_seconds));
    try {
        return connection.query(sql);
    } catch (const postgres::SqlError& error) {
        if (error.sqlstate() != "57014") // query_canceled
            throw;
        return std::nullopt;
    }
}

} // namespace check
