#include "check/topics.hpp"
#include "postgres/quote.hpp"
#include "postgres/sqlstate.hpp"

#include <fmt/format.h>

namespace check {

std::vector<postgres::Parameter> names_of(const Pairs& pairs,
                                          const timescale::Hypertable* HypertablePair::*side) {
    std::vector<postgres::QualifiedName> names;
    for (const auto& pair : pairs)
        if (const auto* hypertable = pair.*side; hypertable != nullptr)
            names.push_back(hypertable->name);
    return postgres::name_arrays(names);
}

std::string begin_with_timeout() {
    return fmt::format("BEGIN READ ONLY; SET LOCAL statement_timeout = '{}s'", timeout_in_seconds);
}

bool is_timeout(const postgres::SqlError& error) {
    return error.sqlstate() == postgres::sqlstate::query_canceled;
}

std::optional<postgres::Result> query_with_timeout(postgres::Connection& connection,
                                                   const std::string& sql) {
    return with_timeout(connection, [&] { return connection.query(sql); });
}

} // namespace check
