#include "timescale/routing.hpp"

#include "sql.hpp"

namespace timescale {

void route_exactly(postgres::Connection& connection, const Hypertable& hypertable) {
    if (hypertable.dimensions.size() > 1)
        connection.pipeline({route_exactly_statement(hypertable.name)});
}

postgres::Statement route_exactly_statement(const postgres::QualifiedName& hypertable) {
    return {std::string(sql::route_exactly),
            {hypertable.schema, hypertable.name},
            /*repeated=*/true};
}

} // namespace timescale
