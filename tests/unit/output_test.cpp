#include "output/output.hpp"
#include "output/units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace output {
namespace {

using testing::Optional;

constexpr int unlimited = std::numeric_limits<int>::max();

Subject range_of(const std::string& name, const std::string& range) {
    return {.name = name, .part = range, .is_in_public = name.starts_with("public.")};
}

TEST(FittingLine, LeavesOutOtherThingsBeforeItShortensNames) {
    const auto subject = range_of("public.gauges_in_the_cellar", "2025-01-01 00:00 – 06:00 UTC");
    const std::vector<std::string> endings{": 10 compressed batches, 234 kB in 1.01 s",
                                           ": 10 batches, 234 kB in 1.01 s",
                                           ": 10 batches, 234 kB"};
    const std::vector<std::string> wanted{
        "[1/40] public.gauges_in_the_cellar 2025-01-01 00:00 – 06:00 UTC" + endings[0],
        "[1/40] public.gauges_in_the_cellar 2025-01-01 00:00 – 06:00 UTC" + endings[1],
        "[1/40] public.gauges_in_the_cellar 2025-01-01 00:00 – 06:00 UTC" + endings[2],
        "[1/40] public.gauges_in_the_cellar 2025-01-01 00:00 – 06:00" + endings[2],
        "[1/40] gauges_in_the_cellar 2025-01-01 00:00 – 06:00" + endings[2]};
    EXPECT_THAT(fitting_line("[1/40] ", subject, endings, unlimited), Optional(wanted[0]));
    for (const auto& line : wanted)
        EXPECT_THAT(fitting_line("[1/40] ", subject, endings, columns_of(line)), Optional(line));
    EXPECT_LE(columns_of(wanted.back()), 80);
    EXPECT_EQ(fitting_line("[1/40] ", subject, endings, columns_of(wanted.back()) - 1),
              std::nullopt);
}

TEST(FittingLine, ShortensLongNames) {
    const auto subject =
        range_of("public.measurements_of_all_sensors_in_the_north", "2024-01-01 – 2024-01-02");
    const auto line = fitting_line("[1/4] ", subject, {": 72 rows in 0.02 s", ": 72 rows"}, 78);
    EXPECT_THAT(line, Optional(std::string("[1/4] measurements_o…s_in_the_north 2024-01-01 – "
                                           "2024-01-02: 72 rows in 0.02 s")));
}

TEST(FittingLine, KeepsOtherSchemas) {
    EXPECT_THAT(fitting_line("", range_of("plant.gauges", "2024"), {" skipped"}, 25),
                Optional(std::string("plant.gauges 2024 skipped")));
    EXPECT_EQ(fitting_line("", range_of("plant.gauges", "2024"), {" skipped"}, 24), std::nullopt);
}

} // namespace
} // namespace output
