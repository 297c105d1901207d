#pragma once

#include "support/migration.hpp"
#include "support/temporary_server.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

namespace test {

/// A suite whose source is on a primary with a standby.
/// \tparam Base Migration, or a class with the same constructors.
template <typename Base>
class WithStandby : public Base {
  protected:
    static void SetUpTestSuite() {
        if (!TemporaryServer::is_available())
            return;
        primary = std::make_unique<TemporaryServer>();
        standby = std::make_unique<TemporaryServer>(*primary);
    }
    static void TearDownTestSuite() {
        standby.reset();
        primary.reset();
    }

    WithStandby() : Base(primary.get(), nullptr) {}

    /// Waits until the standby has replayed what the primary has written so far.
    /// \returns false if it has not within a minute.
    bool wait_for_standby() {
        const auto position = this->source.value("SELECT pg_current_wal_lsn()");
        return eventually([&] {
            return on_standby(
                       fmt::format("SELECT pg_last_wal_replay_lsn() >= '{}' AS is_there", position))
                .boolean(0, "is_there");
        });
    }

    static postgres::Result on_standby(const std::string& sql) {
        return postgres::Connection(postgres::ConnectionString(standby->uri(), "the test"), "test",
                                    "backfill test")
            .execute(sql);
    }

    static inline std::unique_ptr<TemporaryServer> primary;
    static inline std::unique_ptr<TemporaryServer> standby;
};

} // namespace test
