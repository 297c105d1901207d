#include "postgres/connection_monitor.hpp"
#include "run/watchdog.hpp"
#include "support/silent_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <thread>

namespace test {
namespace {

using namespace std::chrono_literals;
using postgres::ConnectionMonitor;

constexpr int soon = 60'000; ///< milliseconds to wait for expected events
constexpr int shortly = 200; ///< milliseconds to wait for unexpected events

/// A connection string with a port on which nobody listens.
std::string nowhere() {
    return SilentServer().connection_string();
}

run::OpenConnection entry(const SilentConnection& connection) {
    return {.monitor = connection.monitor(),
            .name = "server",
            .backend = {},
            .connection_string = {nowhere(), "--source"}};
}

TEST(Watchdog, BreaksConnectionsThatWaitForAnUnreachableServer) {
    SilentServer server;
    const SilentConnection idle(server);
    const SilentConnection hanging(server);
    const SilentConnection hanging_too(server);
    run::OpenConnections connections;
    for (const auto* connection : {&idle, &hanging, &hanging_too})
        connections.add(entry(*connection));
    const ConnectionMonitor::Waiting waiting(*hanging.monitor());
    const ConnectionMonitor::Waiting waiting_too(*hanging_too.monitor());
    const run::Watchdog watchdog(connections, 200ms);
    EXPECT_TRUE(hanging.is_broken(soon));
    EXPECT_TRUE(hanging_too.is_broken(soon));
    EXPECT_FALSE(idle.is_broken(0)) << "no thread waits for it";
}

TEST(Watchdog, ForgetsClosedConnections) {
    SilentServer server;
    run::OpenConnections connections;
    const run::Watchdog watchdog(connections, 50ms);
    for (int i = 0; i < 3; ++i) {
        const SilentConnection connection(server);
        connections.add(entry(connection));
        const ConnectionMonitor::Waiting waiting(*connection.monitor());
        EXPECT_TRUE(connection.is_broken(soon));
    }
    // The watchdog may be examining the last connection now.
    const auto are_forgotten = [&] {
        connections.add({});
        return connections.list().size() == 1;
    };
    bool forgotten = are_forgotten();
    for (int i = 0; i < 500 && !forgotten; ++i) {
        std::this_thread::sleep_for(10ms);
        forgotten = are_forgotten();
    }
    EXPECT_TRUE(forgotten);
}

TEST(Deadline, ClosesTheConnection) {
    SilentServer server;
    const SilentConnection connection(server);
    const postgres::Deadline deadline(connection.monitor(), 50ms);
    EXPECT_TRUE(connection.is_broken(soon));
}

TEST(Deadline, DoesNothingIfDestroyedInTime) {
    SilentServer server;
    const SilentConnection connection(server);
    std::optional<postgres::Deadline> deadline(std::in_place, connection.monitor(), 60s);
    deadline.reset();
    EXPECT_FALSE(connection.is_broken(shortly));
}

} // namespace
} // namespace test
