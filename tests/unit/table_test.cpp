#include "output/table.hpp"
#include "output/units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace output {
namespace {

using testing::ElementsAre;

constexpr int unlimited = std::numeric_limits<int>::max();

TEST(Table, ShowsNamesWithoutQuotesThatTheyDoNotNeed) {
    EXPECT_THAT(table({{"table", "rows"},
                       {postgres::QualifiedName{"public", "items"}, "1,000"},
                       {postgres::QualifiedName{"plant", "Odd\none"}, "1"},
                       {"total", "1,001"}},
                      "lr", unlimited),
                ElementsAre("table              rows",    //
                            "public.items      1,000",    //
                            "plant.\"Odd\\none\"      1", //
                            "total             1,001"));
}

TEST(Table, LeavesOutPublicWhereItIsTooWide) {
    const std::vector<Row> rows{{"table", "rows"},
                                {postgres::QualifiedName{"public", "gauges_of_the_north"}, "1"},
                                {postgres::QualifiedName{"plant", "gauges"}, "1"}};
    EXPECT_THAT(table(rows, "lr", 32),
                ElementsAre("table                       rows", "public.gauges_of_the_north     1",
                            "plant.gauges                   1"));
    EXPECT_THAT(table(rows, "lr", 31), ElementsAre("table                rows", //
                                                   "gauges_of_the_north     1", //
                                                   "plant.gauges            1"));
}

TEST(Table, LeavesOutTheOnlySchemaWhereItIsTooWide) {
    EXPECT_THAT(table({{"table"},
                       {postgres::QualifiedName{"Big plant", "gauges_of_the_north"}},
                       {postgres::QualifiedName{"Big plant", "Odd"}},
                       {"total"}},
                      "l", 20),
                ElementsAre("table", "gauges_of_the_north", "\"Odd\"", "total"));
}

TEST(Table, ShortenedNamesStillDiffer) {
    const auto of = [](const std::string& name) {
        return Row{postgres::QualifiedName{"public", name}, "1"};
    };
    EXPECT_THAT(table({of("gauges_of_the_northern_plant"), of("gauges_in_a_southern_plant")}, //
                      "lr", 19),
                ElementsAre("gauges_o…n_plant  1", "gauges_i…n_plant  1"));
    const std::vector<Row> alike{of("measurements_of_region_eu_1_by_device"),
                                 of("measurements_of_region_eu_2_by_device"),
                                 of("measurements_of_region_us_1_by_device"), //
                                 of("items")};
    EXPECT_THAT(table(alike, "lr", 19), ElementsAre("meas…eu_1_by_de…  1", //
                                                    "meas…eu_2_by_de…  1", //
                                                    "meas…us_1_by_de…  1", //
                                                    "items             1"));
    std::vector<Row> many;
    for (int i = 100; i < 300; ++i)
        many.push_back(of("测量数据测量数据测量数据_" + std::to_string(i) + "_历史历史历史历史"));
    std::set<std::string> lines;
    for (const auto& line : table(many, "lr", 19)) {
        EXPECT_EQ(columns_of(line), 19) << line;
        lines.insert(line);
    }
    EXPECT_EQ(lines.size(), many.size());
}

} // namespace
} // namespace output
