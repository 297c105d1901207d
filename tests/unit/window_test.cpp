#include "run/window.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace run {
namespace {

TEST(Window, IsAPartOfADay) {
    const auto window = Window::parse("9:30-17:05");
    EXPECT_EQ(window.begin, (9 * 60 + 30) * 60);
    EXPECT_EQ(window.end, (17 * 60 + 5) * 60);
    EXPECT_EQ(window.zone, "");
    EXPECT_FALSE(window.contains(window.begin - 1));
    EXPECT_TRUE(window.contains(window.begin));
    EXPECT_TRUE(window.contains(window.end - 1));
    EXPECT_FALSE(window.contains(window.end));
}

TEST(Window, MayContainMidnight) {
    const auto window = Window::parse("22:00-06:00@Europe/Berlin");
    EXPECT_EQ(window.zone, "Europe/Berlin");
    EXPECT_TRUE(window.contains(23 * 3600));
    EXPECT_TRUE(window.contains(0));
    EXPECT_TRUE(window.contains(6 * 3600 - 1));
    EXPECT_FALSE(window.contains(6 * 3600));
    EXPECT_FALSE(window.contains(12 * 3600));
}

/// Expects that each text is refused, for the same reason.
void expect_refused(const std::vector<std::string>& texts, const std::string& reason) {
    for (const auto& text : texts)
        try {
            Window::parse(text);
            ADD_FAILURE() << text;
        } catch (const std::invalid_argument& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr(reason)) << text;
        }
}

TEST(Window, IsNothingElse) {
    expect_refused({"", "22:00", "22:00-", "-06:00", "22-06", "22:00-24:00", "24:00-06:00",
                    "22:60-06:00", "22:0-06:00", "22:00-06:00 ", "a:00-06:00", "+2:00-06:00",
                    "-1:00-06:00", "022:00-06:00", "22:00-06:00-07:00"},
                   "two times of day from 00:00 to 23:59");
    expect_refused({"22:00-22:00"}, "different times");
    expect_refused({"22:00-06:00@", "22:00-06:00@+2", "22:00-06:00@UTC-2"},
                   "name of a time zone after @");
}

} // namespace
} // namespace run
