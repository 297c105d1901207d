#include "base/exit_status.hpp"
#include "run/stop_on_signal.hpp"
#include "support/silent_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <unistd.h>

namespace test {
namespace {

using namespace std::chrono_literals;

/// Waits on a connection to a server that does not answer, and is interrupted twice.
[[noreturn]] void be_interrupted_twice() {
    run::Stop stop;
    run::OpenConnections connections;
    const run::StopOnSignal signals(stop, connections);
    SilentServer server;
    const SilentConnection connection(server);
    connections.add(
        {.monitor = connection.monitor(), .name = "", .backend = {}, .connection_string = {}});
    kill(getpid(), SIGINT);
    while (!stop.is_requested())
        std::this_thread::sleep_for(10ms);
    kill(getpid(), SIGTERM);
    server.take(); // the cancel request
    std::this_thread::sleep_for(60s);
    std::_Exit(1);
}

TEST(StopOnSignal, TheSecondEndsTheProcessIfAServerDoesNotAnswer) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(be_interrupted_twice(), testing::ExitedWithCode(exit_interrupted), "");
}

} // namespace
} // namespace test
