#include "output/units.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace {

using output::format_bytes;
using output::format_count;
using output::format_duration;
using output::format_names;
using output::format_rate;
using output::Seconds;

constexpr auto largest = std::numeric_limits<std::int64_t>::max();

TEST(FormatBytes, CountsBytesBelowAThousand) {
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(512), "512 B");
    EXPECT_EQ(format_bytes(999), "999 B");
}

TEST(FormatBytes, HasThreeDigitsInDecimalUnits) {
    EXPECT_EQ(format_bytes(1'000), "1.00 kB");
    EXPECT_EQ(format_bytes(1'500), "1.50 kB");
    EXPECT_EQ(format_bytes(45'600), "45.6 kB");
    EXPECT_EQ(format_bytes(618'000'000), "618 MB");
    EXPECT_EQ(format_bytes(7'890'000'000), "7.89 GB");
    EXPECT_EQ(format_bytes(12'300'000'000'000), "12.3 TB");
    EXPECT_EQ(format_bytes(456'000'000'000'000'000), "456 PB");
    EXPECT_EQ(format_bytes(largest), "9.22 EB");
}

TEST(FormatBytes, KeepsThreeDigitsWhenRoundingCarries) {
    EXPECT_EQ(format_bytes(9'994), "9.99 kB");
    EXPECT_EQ(format_bytes(9'996), "10.0 kB");
    EXPECT_EQ(format_bytes(99'949), "99.9 kB");
    EXPECT_EQ(format_bytes(99'951), "100 kB");
}

TEST(FormatBytes, UsesTheNextUnitInsteadOfFourDigits) {
    EXPECT_EQ(format_bytes(999'499), "999 kB");
    EXPECT_EQ(format_bytes(999'500), "1.00 MB");
    EXPECT_EQ(format_bytes(999'499'999), "999 MB");
    EXPECT_EQ(format_bytes(999'999'999), "1.00 GB");
}

TEST(FormatCount, SeparatesThousandsByCommas) {
    EXPECT_EQ(format_count(0), "0");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_count(1'000), "1,000");
    EXPECT_EQ(format_count(12'345), "12,345");
    EXPECT_EQ(format_count(4'300'000), "4,300,000");
    EXPECT_EQ(format_count(largest), "9,223,372,036,854,775,807");
}

TEST(FormatAll, TakesTheVerbThatAgrees) {
    EXPECT_EQ(output::format_all(1, "task", "was", "were"), "the only task was");
    EXPECT_EQ(output::format_all(2, "task", "was", "were"), "all 2 tasks were");
    EXPECT_EQ(output::format_all(1000, "task", "was", "were"), "all 1,000 tasks were");
}

TEST(FormatCount, PutsNoCommaAfterAMinus) {
    EXPECT_EQ(format_count(-1), "-1");
    EXPECT_EQ(format_count(-100), "-100");
    EXPECT_EQ(format_count(-100'000), "-100,000");
}

TEST(FormatCount, UsesThePluralUnlessTheCountIsOne) {
    EXPECT_EQ(format_count(0, "chunk"), "0 chunks");
    EXPECT_EQ(format_count(1, "chunk"), "1 chunk");
    EXPECT_EQ(format_count(2, "chunk"), "2 chunks");
    EXPECT_EQ(format_count(3'000, "row"), "3,000 rows");
}

TEST(FormatDuration, HasHundredthsBelowTenSeconds) {
    EXPECT_EQ(format_duration(Seconds(0)), "0.00 s");
    EXPECT_EQ(format_duration(Seconds(0.123)), "0.12 s");
    EXPECT_EQ(format_duration(Seconds(9.99)), "9.99 s");
}

TEST(FormatDuration, HasTheTwoLargestUnitsAboveASecond) {
    EXPECT_EQ(format_duration(Seconds(11)), "11 s");
    EXPECT_EQ(format_duration(Seconds(60)), "1 min 0 s");
    EXPECT_EQ(format_duration(Seconds(185)), "3 min 5 s");
    EXPECT_EQ(format_duration(Seconds(3'600)), "1 h 0 min");
    EXPECT_EQ(format_duration(Seconds(7'440)), "2 h 4 min");
    EXPECT_EQ(format_duration(Seconds(360'000)), "100 h 0 min");
}

TEST(FormatDuration, UsesTheNextUnitWhenRoundingCarries) {
    EXPECT_EQ(format_duration(Seconds(9.996)), "10 s");
    EXPECT_EQ(format_duration(Seconds(59.4)), "59 s");
    EXPECT_EQ(format_duration(Seconds(59.6)), "1 min 0 s");
    EXPECT_EQ(format_duration(Seconds(3'599.4)), "59 min 59 s");
    EXPECT_EQ(format_duration(Seconds(3'599.6)), "1 h 0 min");
}

TEST(FormatRate, IsInBytesPerSecond) {
    EXPECT_EQ(format_rate(618'000'000, Seconds(11.2)), "55.2 MB/s");
    EXPECT_EQ(format_rate(1'000, Seconds(0.5)), "2.00 kB/s");
    EXPECT_EQ(format_rate(1, Seconds(100)), "0 B/s");
    EXPECT_EQ(format_rate(0, Seconds(1)), "0 B/s");
}

TEST(FormatRate, RoundsToWholeBytes) {
    EXPECT_EQ(format_rate(2, Seconds(3)), "1 B/s");
    EXPECT_EQ(format_rate(19'999, Seconds(20)), "1.00 kB/s");
}

TEST(FormatRate, IsUnknownIfNoTimeHasPassed) {
    EXPECT_EQ(format_rate(1'000, Seconds(0)), "-");
    EXPECT_EQ(format_rate(1'000, Seconds(-1)), "-");
}

TEST(Shortened, LosesItsMiddleIfItIsTooLong) {
    EXPECT_EQ(output::shortened("public.readings", 15), "public.readings");
    EXPECT_EQ(output::shortened("public.readings", 14), "public.…adings");
    EXPECT_EQ(output::shortened("public.readings", 8), "publ…ngs");
    EXPECT_EQ(output::shortened("größe.maße", 5), "gr…ße");
    EXPECT_EQ(output::shortened("public.readings", 1), "…");
    for (int columns = 1; columns <= 15; ++columns)
        EXPECT_EQ(output::columns_of(output::shortened("public.readings", columns)), columns);
}

TEST(Shortened, CountsWideCharactersTwice) {
    EXPECT_EQ(output::columns_of("测量"), 4);
    EXPECT_EQ(output::columns_of("한글 表"), 7);
    EXPECT_EQ(output::columns_of("e\u0301"), 1);  // with a combining accent
    EXPECT_EQ(output::columns_of("\x80\xff"), 2); // not UTF-8
    EXPECT_EQ(output::shortened("测量数据表", 10), "测量数据表");
    EXPECT_EQ(output::shortened("测量数据表", 9), "测量…据表");
    EXPECT_EQ(output::shortened("测量数据表", 8), "测量…表");
    EXPECT_EQ(output::shortened("测量数据表", 1), "…");
}

TEST(Visible, ShowsControlCharactersAsInC) {
    EXPECT_EQ(output::visible("größe 表"), "größe 表");
    EXPECT_EQ(output::visible("esc\x1b[31mred\r\n\tx\x7f"), R"(esc\x1b[31mred\r\n\tx\x7f)");
    EXPECT_EQ(output::visible("\xc2\x9b\xc2\xa0\xc2"), "\\x9b\xc2\xa0\xc2");
}

TEST(Clipped, LosesItsEndIfItIsTooLong) {
    EXPECT_EQ(output::clipped("1: waiting", 10), "1: waiting");
    EXPECT_EQ(output::clipped("1: waiting", 9), "1: waiti…");
    EXPECT_EQ(output::clipped("测量数据表", 9), "测量数据…");
    EXPECT_EQ(output::clipped("测量数据表", 8), "测量数…");
    EXPECT_EQ(output::clipped("[\x1b[32m###\x1b[0m.]", 6), "[\x1b[32m###\x1b[0m.]");
    EXPECT_EQ(output::clipped("[\x1b[32m###\x1b[0m.]", 3), "[\x1b[32m#…\x1b[0m");
}

TEST(Wrapped, IsBrokenAtBlanks) {
    EXPECT_EQ(output::wrapped("2 mended (11 inserted)", 22, "  "), "2 mended (11 inserted)");
    EXPECT_EQ(output::wrapped("2 mended (11 inserted)", 21, "  "), "2 mended (11\n  inserted)");
    EXPECT_EQ(output::wrapped("2 mended (11 inserted)", 11, "  "), "2 mended\n  (11\n  inserted)");
    EXPECT_EQ(output::wrapped("  of measurements", 9, "  "), "  of\n  mea…nts");
    EXPECT_EQ(output::wrapped("", 9, "  "), "");
}

TEST(FormatNames, CountsWhatFollowsTheFirst) {
    EXPECT_EQ(format_names({}), "");
    EXPECT_EQ(format_names({"a", "b", "c", "d", "e"}), "a, b, c, d, e");
    EXPECT_EQ(format_names({"a", "b", "c", "d", "e", "f"}), "a, b, c, d, e and 1 more");
    EXPECT_EQ(format_names(std::vector<std::string>(1205, "a")), "a, a, a, a, a and 1,200 more");
}

} // namespace
