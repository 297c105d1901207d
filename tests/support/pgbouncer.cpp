#include "support/pgbouncer.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace test {

namespace {

/// The configuration line of a database's pool. Clients do not need the server's own password.
std::string pool(const Database& database) {
    const auto connection = database.connect();
    const auto* end = connection->get();
    return fmt::format("{} = host={} port={} user={} password={}\n", database.name(), PQhost(end),
                       PQport(end), PQuser(end), PQpass(end));
}

} // namespace

std::string PgBouncer::program() {
    for (const auto* path : {"/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"})
        if (access(path, X_OK) == 0)
            return path;
    return {};
}

PgBouncer::PgBouncer(const Database& source, const Database& target, const std::string& settings,
                     int processes)
    : port_(free_port()) {
    folder_.write("pgbouncer.ini",
                  fmt::format("[databases]\n{}{}[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                              "listen_port = {}\nunix_socket_dir =\nauth_file = {}\n"
                              "auth_type = scram-sha-256\n{}\n",
                              pool(source), pool(target), port_, folder_.file("users"), settings));
    folder_.write("users", "\"tester\" \"secret\"\n");
    // PgBouncer refuses to run as root.
    const auto* as_nobody = geteuid() == 0 ? "setpriv --reuid=nobody --clear-groups " : "";
    for (int i = 0; i < processes; ++i)
        processes_.push_back(std::make_unique<Background>(
            fmt::format("exec {}{} {}", as_nobody, program(), folder_.file("pgbouncer.ini")),
            "kill $pid"));
    EXPECT_TRUE(answers(uri(source)));
}

std::string PgBouncer::uri(const Database& database) const {
    return fmt::format("postgresql://tester:secret@127.0.0.1:{}/{}", port_, database.name());
}

std::unique_ptr<postgres::Connection> PgBouncer::connect(const Database& database) const {
    return std::make_unique<postgres::Connection>(
        postgres::ConnectionString(uri(database), "the test"), "test", "backfill test");
}

} // namespace test
