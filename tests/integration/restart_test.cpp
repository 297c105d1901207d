// What `copy` does when both servers crash and start again. Nothing else may use the servers
// meanwhile, so tests/properties.cmake makes these tests run alone.

#include "support/fault_migration.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

namespace test {
namespace {

using testing::IsEmpty;
using testing::Not;

class Restart : public FaultMigration {
  protected:
    void SetUp() override {
        if (std::getenv("BACKFILL_RESTART") == nullptr)
            GTEST_SKIP() << "needs servers of scripts/servers";
        FaultMigration::SetUp();
    }

    void restart_servers() {
        ASSERT_EQ(run_shell(std::getenv("BACKFILL_RESTART")), 0);
        source.reconnect();
        target.reconnect();
    }
};

TEST_F(Restart, IsSurvivedByACopy) {
    add_gate();
    const auto holder = shut_gate();
    const auto program = start_copy();
    expect_waiting_at_gate(3);
    restart_servers();
    const auto outcome = wait_for_end(*program);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
    // The program waited for the target, and closes the connections to the source with the others.
    EXPECT_THAT(lines_with(outcome.errors, "lost the connection to the target"), Not(IsEmpty()));
    expect_recovered();
}

TEST_F(Restart, IsSurvivedAtRandomMoments) {
    const auto seed = random_seed();
    SHOW_SEED(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < rounds(2) && !HasFailure(); ++round) {
        start_over();
        const auto program = start_copy();
        // Without its first connections, the program would end immediately.
        ASSERT_TRUE(eventually([&] { return target.sessions() > 1; }));
        std::this_thread::sleep_for(
            std::chrono::milliseconds(std::uniform_int_distribution(0, 600)(random)));
        restart_servers();
        const auto outcome = wait_for_end(*program);
        EXPECT_EQ(outcome.exit_status, 0) << outcome.output << outcome.errors;
        // With synchronous_commit = off, the target may have lost the last commits.
        expect_recovered();
    }
}

} // namespace
} // namespace test
