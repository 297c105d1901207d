#include "run/window.hpp"

#include <gtest/gtest.h>

namespace run {
namespace {

TEST(Window, IsAPartOfADay) {
    const auto window = Window::parse("9:30-17:05").value();
    EXPECT_EQ(window.begin, (9 * 60 + 30) * 60);
    EXPECT_EQ(window.end, (17 * 60 + 5) * 60);
    EXPECT_EQ(window.zone, "");
    EXPECT_FALSE(window.contains(window.begin - 1));
    EXPECT_TRUE(window.contains(window.begin));
    EXPECT_TRUE(window.contains(window.end - 1));
    EXPECT_FALSE(window.contains(window.end));
}

TEST(Window, MayContainMidnight) {
    const auto window = Window::parse("22:00-06:00@Europe/Berlin").value();
    EXPECT_EQ(window.zone, "Europe/Berlin");
    EXPECT_TRUE(window.contains(23 * 3600));
    EXPECT_TRUE(window.contains(0));
    EXPECT_TRUE(window.contains(6 * 3600 - 1));
    EXPECT_FALSE(window.contains(6 * 3600));
    EXPECT_FALSE(window.contains(12 * 3600));
}

TEST(Window, IsNothingElse) {
    for (const auto* text :
         {"", "22:00", "22:00-", "-06:00", "22-06", "22:00-22:00", "24:00-06:00", "22:60-06:00",
          "22:0-06:00", "22:00-06:00@", "22:00-06:00@+2", "22:00-06:00@UTC-2", "22:00-06:00 ",
          "a:00-06:00", "+2:00-06:00", "-1:00-06:00", "022:00-06:00", "22:00-06:00-07:00"})
        EXPECT_FALSE(Window::parse(text)) << text;
}

} // namespace
} // namespace run
