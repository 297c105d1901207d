#include "cloning/database.hpp"

#include "postgres/pooler.hpp"

namespace cloning {

Database::Database(const postgres::ConnectionString& string, const std::string& role,
                   postgres::Access access)
    : connection_string(string), connection(string, role, postgres::application_name(purpose),
                                            postgres::session_settings(access)) {
    take(postgres::pin_first_session(connection, postgres::session_settings(access),
                                     {timescale::server_statement()})
             .back());
}

void Database::look_again() {
    take(connection.pipeline({timescale::server_statement()}).front());
}

void Database::take(const postgres::Result& row) {
    postgres_version = static_cast<int>(row.integer(0, "server_version_num"));
    identity = row.string(0, "identity");
    server.reset();
    if (!row.is_null(0, "timescaledb_version"))
        server = timescale::server_from(row, connection, /*may_be_plain=*/false);
}

} // namespace cloning
