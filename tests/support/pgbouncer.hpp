#pragma once

#include "support/migration.hpp"
#include "support/temporary_server.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace test {

/// PgBouncer in front of both databases of a migration, for as long as it lives.
class PgBouncer {
  public:
    /// Its program, or nothing when it is not installed.
    static std::string program();

    /// \param settings lines for the section pgbouncer of its configuration.
    /// \param processes that share a port, when so_reuseport is set.
    PgBouncer(const Database& source, const Database& target, const std::string& settings,
              int processes = 1);

    /// A database by way of it.
    std::string uri(const Database& database) const;
    std::unique_ptr<postgres::Connection> connect(const Database& database) const;

  private:
    std::uint16_t port_;
    TemporaryFolder folder_;
    std::vector<std::unique_ptr<Background>> processes_;
};

/// In a test or its SetUp: skips it where PgBouncer is not installed.
#define NEEDS_PGBOUNCER()                                                                          \
    if (PgBouncer::program().empty())                                                              \
    GTEST_SKIP() << "needs pgbouncer"

} // namespace test
