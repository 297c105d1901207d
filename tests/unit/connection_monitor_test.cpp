#include "postgres/connection_monitor.hpp"
#include "support/silent_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace test {
namespace {

using namespace std::chrono_literals;
using postgres::ConnectionMonitor;

constexpr int soon = 20'000; ///< milliseconds to wait for expected events
constexpr int shortly = 200; ///< milliseconds to wait for unexpected events

TEST(ConnectionMonitor, BreaksTheConnection) {
    SilentServer server;
    const SilentConnection connection(server);
    EXPECT_FALSE(connection.is_broken(0));
    connection.monitor()->hang_up();
    EXPECT_TRUE(connection.is_broken(soon));
}

TEST(ConnectionMonitor, DoesNothingAfterClose) {
    SilentServer server;
    const SilentConnection connection(server);
    connection.monitor()->close();
    connection.monitor()->hang_up();
    connection.monitor()->cancel(); // would wait forever
    EXPECT_FALSE(connection.is_broken(shortly));
    EXPECT_EQ(connection.monitor()->sample().bytes, 0U);
}

TEST(ConnectionMonitor, ReportsThatItsThreadWaits) {
    SilentServer server;
    const SilentConnection connection(server);
    auto& monitor = *connection.monitor();
    const auto before = monitor.sample();
    EXPECT_FALSE(before.waits);
    {
        const ConnectionMonitor::Waiting waiting(monitor);
        const auto now = monitor.sample();
        EXPECT_TRUE(now.waits);
        EXPECT_EQ(now, monitor.sample());
        EXPECT_NE(now, before);
    }
    EXPECT_FALSE(monitor.sample().waits);
    EXPECT_NE(monitor.sample(), before);
}

TEST(ConnectionMonitor, CancelDoesNotBlockOtherThreads) {
    SilentServer server;
    const SilentConnection connection(server);
    auto& monitor = *connection.monitor();
    auto cancelling = std::async(std::launch::async, [&] { monitor.cancel(); });
    ASSERT_GE(server.accept(), 0);
    auto others = std::async(std::launch::async, [&] {
        monitor.sample();
        monitor.hang_up();
        monitor.close();
    });
    EXPECT_EQ(others.wait_for(20s), std::future_status::ready);
    EXPECT_EQ(cancelling.wait_for(0s), std::future_status::timeout);
    server.close_all();
}

} // namespace
} // namespace test
