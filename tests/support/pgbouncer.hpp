#pragma once

#include "support/migration.hpp"
#include "support/temporary_server.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace test {

/// Runs PgBouncer in front of both databases of a migration during its lifetime.
class PgBouncer {
  public:
    /// The program's path; empty if it is not installed.
    static std::string program();

    /// \param settings lines for section [pgbouncer] of its configuration.
    /// \param processes number of processes that share a port if so_reuseport is set.
    PgBouncer(const Database& source, const Database& target, const std::string& settings,
              int processes = 1);

    /// The connection string of a database through PgBouncer.
    std::string uri(const Database& database) const;
    std::unique_ptr<postgres::Connection> connect(const Database& database) const;

  private:
    std::uint16_t port_;
    TemporaryFolder folder_;
    std::vector<std::unique_ptr<Background>> processes_;
};

/// Use in a test or its SetUp: skips the test if PgBouncer is not installed.
#define NEEDS_PGBOUNCER()                                                                          \
    if (PgBouncer::program().empty())                                                              \
    GTEST_SKIP() << "needs pgbouncer"

} // namespace test
