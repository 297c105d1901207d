#pragma once

#include "support/temporary_server.hpp"

#include <memory>

namespace test {

/// A suite with servers of its own for source and target, for tests of objects of the whole server,
/// such as roles. SetUp() skips the test if no server can be started.
/// \tparam Base Migration, or a class with the same constructors.
template <typename Base>
class WithOwnServers : public Base {
  protected:
    static void SetUpTestSuite() {
        if (!TemporaryServer::is_available())
            return;
        source_server = std::make_unique<TemporaryServer>();
        target_server = std::make_unique<TemporaryServer>();
    }
    static void TearDownTestSuite() {
        target_server.reset();
        source_server.reset();
    }

    WithOwnServers() : Base(source_server.get(), target_server.get()) {}

    void SetUp() override {
        NEEDS_TEMPORARY_SERVER();
        Base::SetUp();
    }

    static inline std::unique_ptr<TemporaryServer> source_server;
    static inline std::unique_ptr<TemporaryServer> target_server;
};

} // namespace test
