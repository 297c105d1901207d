// The portable executable (src/launcher.cpp).

#include "support/shell.hpp"
#include "support/silent_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Portable, RunsWithoutAnyFilesOfTheMachine) {
    const TextFile executable("timescaledb-backfill");
    const std::filesystem::path root = executable.folder();
    std::filesystem::create_directory(root / "proc");
    std::filesystem::copy_file(BACKFILL_PORTABLE, executable.path());
    const auto run = [&](std::vector<std::string> arguments) {
        std::vector<std::string> words{"unshare",
                                       "--mount",
                                       "--pid",
                                       "--fork",
                                       fmt::format("--mount-proc={}", (root / "proc").string()),
                                       "chroot",
                                       root,
                                       "/timescaledb-backfill"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return run_command(words);
    };
    const auto version = run({"--version"});
    if (version.exit_status != 0 && version.output.find("unshare") != std::string::npos)
        GTEST_SKIP() << "needs root";
    EXPECT_EQ(version.exit_status, 0) << version.output;
    EXPECT_THAT(version.output, StartsWith("timescaledb-backfill " BACKFILL_VERSION "\ncommit "));
    const auto wrong = run({"stage", "--unknown", "two words"});
    EXPECT_EQ(wrong.exit_status, 2);
    EXPECT_THAT(wrong.output, HasSubstr("--unknown"));
    const auto lost = run({"status", "--target", "postgresql://me@127.0.0.1:1/there"});
    EXPECT_EQ(lost.exit_status, 1);
    EXPECT_THAT(lost.output, HasSubstr("cannot connect to the target"));
}

TEST(Portable, HasItsNameAndNoFilesOfTheLauncher) {
    const SilentServer server;
    const auto outcome =
        run_command({"sh", "-c",
                     fmt::format("{} status --target '{}' & pid=$!; "
                                 "until [ \"$(cat /proc/$pid/comm)\" = timescaledb-bac ] && "
                                 "ls -l /proc/$pid/fd | grep -q socket; do sleep 0.05; done; "
                                 "ls -l /proc/$pid/fd; kill $pid; wait",
                                 BACKFILL_PORTABLE, server.connection_string())});
    EXPECT_THAT(outcome.output, HasSubstr("socket"));
    EXPECT_THAT(outcome.output, Not(HasSubstr("memfd"))) << outcome.output;
}

TEST(Portable, SaysThatItIsIncomplete) {
    const TextFile cut("timescaledb-backfill");
    std::filesystem::copy_file(BACKFILL_PORTABLE, cut.path());
    std::filesystem::resize_file(cut.path(), std::filesystem::file_size(cut.path()) - 1);
    const auto outcome = run_command({cut.path(), "--version"});
    EXPECT_EQ(outcome.exit_status, 1);
    EXPECT_THAT(outcome.output,
                HasSubstr("cannot start: this file is incomplete; download it again"));
}

} // namespace
} // namespace test
