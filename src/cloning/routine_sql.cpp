#include "cloning/routine_sql.hpp"

#include "postgres/quote.hpp"

#include <fmt/format.h>

namespace cloning {

std::string routine_sql(const std::string& signature) {
    return fmt::format("{}::pg_catalog.regprocedure::pg_catalog.oid::pg_catalog.regproc",
                       postgres::quote_literal(signature));
}

} // namespace cloning
