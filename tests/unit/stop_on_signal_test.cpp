#include "base/exit_status.hpp"
#include "run/stop_on_signal.hpp"
#include "support/silent_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <pthread.h>
#include <thread>
#include <unistd.h>

namespace test {
namespace {

using namespace std::chrono_literals;

/// Waits on a connection to a server that does not answer, and is interrupted twice.
/// \param has_threads false if no thread can be created when the second signal comes.
[[noreturn]] void be_interrupted_twice(bool has_threads) {
    run::Stop stop;
    const run::Pause pause;
    run::OpenConnections connections;
    const run::StopOnSignal signals(stop, pause, connections);
    SilentServer server;
    const SilentConnection connection(server);
    connections.add(
        {.monitor = connection.monitor(), .name = "", .backend = {}, .connection_string = {}});
    kill(getpid(), SIGINT);
    while (!stop.is_requested())
        std::this_thread::sleep_for(10ms);
    if (!has_threads) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, std::size_t{1} << 46U); // no address space for it
        pthread_setattr_default_np(&attributes);
    }
    kill(getpid(), SIGTERM);
    if (has_threads)
        server.accept(); // the cancel request
    std::this_thread::sleep_for(60s);
    std::_Exit(1);
}

TEST(StopOnSignal, TheSecondSignalEndsTheProcessIfAServerDoesNotAnswer) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(be_interrupted_twice(/*has_threads=*/true),
                testing::ExitedWithCode(exit_interrupted), "");
}

TEST(StopOnSignal, TheSecondSignalEndsTheProcessIfNoThreadCanBeCreated) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(be_interrupted_twice(/*has_threads=*/false),
                testing::ExitedWithCode(exit_interrupted), "");
}

} // namespace
} // namespace test
