#include "postgres/line.hpp"
#include "support/silent_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace test {
namespace {

using namespace std::chrono_literals;
using postgres::Line;

constexpr int soon = 20'000; ///< milliseconds, for what is to happen
constexpr int shortly = 200; ///< for what is not

TEST(Line, HangsUp) {
    SilentServer server;
    const SilentConnection connection(server);
    EXPECT_FALSE(connection.is_broken_off(0));
    connection.line()->hang_up();
    EXPECT_TRUE(connection.is_broken_off(soon));
}

TEST(Line, DoesNothingOnceItIsClosed) {
    SilentServer server;
    const SilentConnection connection(server);
    connection.line()->close();
    connection.line()->hang_up();
    connection.line()->cancel(); // would wait for ever
    EXPECT_FALSE(connection.is_broken_off(shortly));
    EXPECT_EQ(connection.line()->activity().bytes, 0U);
}

TEST(Line, TellsWhetherItsThreadWaits) {
    SilentServer server;
    const SilentConnection connection(server);
    auto& line = *connection.line();
    const auto before = line.activity();
    EXPECT_FALSE(before.waits);
    {
        const Line::Waiting waiting(line);
        const auto now = line.activity();
        EXPECT_TRUE(now.waits);
        EXPECT_EQ(now, line.activity());
        EXPECT_NE(now, before);
    }
    EXPECT_FALSE(line.activity().waits);
    EXPECT_NE(line.activity(), before);
}

TEST(Line, NobodyWaitsForTheServerThatACancelWaitsFor) {
    SilentServer server;
    const SilentConnection connection(server);
    auto& line = *connection.line();
    auto cancelling = std::async(std::launch::async, [&] { line.cancel(); });
    ASSERT_GE(server.take(), 0);
    auto others = std::async(std::launch::async, [&] {
        line.activity();
        line.hang_up();
        line.close();
    });
    EXPECT_EQ(others.wait_for(20s), std::future_status::ready);
    EXPECT_EQ(cancelling.wait_for(0s), std::future_status::timeout);
    server.end_all();
}

} // namespace
} // namespace test
