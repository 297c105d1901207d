#include "cloning/connect.hpp"

namespace cloning {

run::Endpoint connect(const postgres::ConnectionString& connection_string, Side side) {
    return run::Endpoint(connection_string, side, purpose, run::Session::first,
                         run::Endpoint::default_patience, std::nullopt, {},
                         run::Extension::optional);
}

} // namespace cloning
