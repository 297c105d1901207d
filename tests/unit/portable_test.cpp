// The portable executable (src/launcher.cpp).

#include "support/empty_root.hpp"
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
    if (!EmptyRoot::is_available())
        GTEST_SKIP() << "needs root";
    const EmptyRoot root;
    const auto version = root.run({"--version"});
    EXPECT_EQ(version.exit_status, 0) << version.output;
    EXPECT_THAT(version.output, StartsWith("timescaledb-backfill " BACKFILL_VERSION "\ncommit "));
    const auto wrong = root.run({"stage", "--unknown", "two words"});
    EXPECT_EQ(wrong.exit_status, 2);
    EXPECT_THAT(wrong.output, HasSubstr("--unknown"));
    const auto lost = root.run({"status", "--target", "postgresql://me@127.0.0.1:1/there"});
    EXPECT_EQ(lost.exit_status, 1);
    EXPECT_THAT(lost.output, HasSubstr("cannot connect to the target"));
}

/// The variables of the executable's environment that begin with SSL_, while it connects.
std::string variables_for_openssl(const EmptyRoot& root, const std::string& given) {
    const SilentServer server;
    return run_command(
               {"sh", "-c",
                fmt::format(
                    "env -i PATH=\"$PATH\" {1} unshare --mount sh -c 'mount -t proc "
                    "proc {0}/proc && exec chroot {0} /timescaledb-backfill status "
                    "--target \"{2}\"' & pid=$!; "
                    "until [ \"$(cat /proc/$pid/comm)\" = timescaledb-bac ] && "
                    "ls -l /proc/$pid/fd 2>/dev/null | grep -q socket; do sleep 0.05; done; "
                    "tr '\\0' '\\n' </proc/$pid/environ | grep ^SSL_; "
                    "kill $pid; wait",
                    root.path(), given, server.connection_string())})
        .output;
}

TEST(Portable, FindsTheCertificatesOfTheSystem) {
    if (!EmptyRoot::is_available())
        GTEST_SKIP() << "needs root";
    for (const std::string path :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem",
          "/etc/ssl/cert.pem"}) {
        const EmptyRoot root;
        root.write(path, "a certificate");
        EXPECT_EQ(variables_for_openssl(root, ""), "SSL_CERT_FILE=" + path + "\n");
        // What the user has chosen to trust is not extended.
        for (const std::string given : {"SSL_CERT_FILE=/mine", "SSL_CERT_DIR=/mine"})
            EXPECT_EQ(variables_for_openssl(root, given), given + "\n");
    }
    EXPECT_EQ(variables_for_openssl(EmptyRoot(), ""), "");
}

TEST(Portable, HasItsNameAndNoFilesOfTheLauncher) {
    const SilentServer server;
    const auto outcome = run_command(
        {"sh", "-c",
         fmt::format("{} status --target '{}' & pid=$!; "
                     "until [ \"$(cat /proc/$pid/comm)\" = timescaledb-bac ] && "
                     "ls -l /proc/$pid/fd 2>/dev/null | grep -q socket; do sleep 0.05; done; "
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
