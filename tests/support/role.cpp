#include "support/role.hpp"

#include <fmt/format.h>

namespace test {

Role::Role(Database& database, const std::string& name)
    : database_(database), name_(fmt::format("{}_{}", database.name(), name)) {
    database_.run(fmt::format("CREATE ROLE {} LOGIN PASSWORD '{}'", name_, password));
}

Role::~Role() {
    try {
        database_.run(fmt::format("REASSIGN OWNED BY {0} TO current_user; "
                                  "DROP OWNED BY {0} CASCADE; DROP ROLE {0}",
                                  name_));
    } catch (const Error& error) {
        ADD_FAILURE() << error.what();
    }
}

} // namespace test
