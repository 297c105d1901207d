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

std::string begin_patiently() {
    return fmt::format("BEGIN READ ONLY; SET LOCAL statement_timeout = '{}s'", patience_in_seconds);
}

bool says_out_of_patience(const postgres::SqlError& error) {
    return error.sqlstate() == postgres::sqlstate::query_canceled;
}

std::optional<postgres::Result> query_patiently(postgres::Connection& connection,
                                                const std::string& sql) {
    return patiently(connection, [&] { return connection.query(sql); });
}

} // namespace check
