// The units in docs/systemd.md.

#include "support/shell.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <vector>

namespace {

TEST(SystemdUnits, PassVerification) {
    if (!test::has_program("systemd-analyze"))
        GTEST_SKIP() << "needs systemd-analyze";
    std::ifstream file(BACKFILL_SYSTEMD_DOCUMENT);
    std::stringstream text;
    text << file.rdbuf();
    const auto document = text.str();
    const std::regex unit("`/etc/systemd/system/([^`]+)`:\n\n```ini\n([^`]+)```");
    std::vector<std::string> command{"systemd-analyze", "verify"};
    std::vector<std::unique_ptr<test::TextFile>> units;
    for (std::sregex_iterator found(document.begin(), document.end(), unit), end; found != end;
         ++found) {
        // The program need not be installed.
        const auto contents = std::regex_replace(
            (*found)[2].str(), std::regex("/usr/bin/timescaledb-backfill"), "/bin/true");
        units.push_back(std::make_unique<test::TextFile>((*found)[1].str(), contents));
        command.push_back(units.back()->path());
    }
    ASSERT_EQ(units.size(), 3U);
    const auto outcome = test::run_command(command);
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(outcome.exit_status, 0);
}

} // namespace
