#include "timescale/hypertable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using timescale::Column;
using timescale::column_differences;
using timescale::Hypertable;

Hypertable with_columns(std::vector<Column> columns) {
    Hypertable hypertable;
    hypertable.columns = std::move(columns);
    return hypertable;
}

TEST(Hypertable, IsKnownByTheViewOfItsAggregate) {
    Hypertable hypertable;
    hypertable.name = {"_timescaledb_internal", "_materialized_hypertable_2"};
    EXPECT_EQ(hypertable.known_as(), hypertable.name);
    hypertable.cagg = {"public", "daily"};
    EXPECT_EQ(hypertable.known_as(), (postgres::QualifiedName{"public", "daily"}));
}

TEST(ColumnDifferences, AreEmptyForTheSameColumns) {
    const auto hypertable = with_columns({{"time", "date"}, {"value", "real"}});
    EXPECT_THAT(column_differences(hypertable, hypertable), IsEmpty());
}

TEST(ColumnDifferences, IgnoreTheOrder) {
    EXPECT_THAT(column_differences(with_columns({{"time", "date"}, {"value", "real"}}),
                                   with_columns({{"value", "real"}, {"time", "date"}})),
                IsEmpty());
}

TEST(ColumnDifferences, IgnoreGeneratedColumns) {
    EXPECT_THAT(
        column_differences(with_columns({{.name = "sum", .type = "real", .generated = true}}),
                           with_columns({{.name = "sum", .type = "real", .generated = false}})),
        IsEmpty());
}

TEST(ColumnDifferences, IncludeColumnsMissingInTheTarget) {
    EXPECT_THAT(column_differences(with_columns({{"time", "date"}, {"my \"value\"", "real"}}),
                                   with_columns({{"time", "date"}})),
                ElementsAre(R"(column "my ""value""" (real) is missing in the target)"));
}

TEST(ColumnDifferences, IncludeColumnsMissingInTheSource) {
    EXPECT_THAT(column_differences(with_columns({{"time", "date"}}),
                                   with_columns({{"time", "date"}, {"my \"value\"", "real"}})),
                ElementsAre(R"(column "my ""value""" (real) is missing in the source)"));
}

TEST(ColumnDifferences, IncludeBothTypesIfTheyDiffer) {
    EXPECT_THAT(column_differences(with_columns({{"value", "numeric(10,2)"}}),
                                   with_columns({{"value", "numeric(12,2)"}})),
                ElementsAre(R"(column "value" is numeric(10,2) in the source and )"
                            R"(numeric(12,2) in the target)"));
}

TEST(ColumnDifferences, DistinguishNamesByCase) {
    EXPECT_THAT(
        column_differences(with_columns({{"Value", "real"}}), with_columns({{"value", "real"}})),
        ElementsAre(R"(column "Value" (real) is missing in the target)",
                    R"(column "value" (real) is missing in the source)"));
}

TEST(ColumnDifferences, IncludeAllColumns) {
    EXPECT_THAT(column_differences(with_columns({{"a", "real"}, {"b", "real"}, {"c", "real"}}),
                                   with_columns({{"c", "text"}, {"d", "real"}})),
                ElementsAre(R"(column "a" (real) is missing in the target)",
                            R"(column "b" (real) is missing in the target)",
                            R"(column "c" is real in the source and text in the target)",
                            R"(column "d" (real) is missing in the source)"));
}

} // namespace
