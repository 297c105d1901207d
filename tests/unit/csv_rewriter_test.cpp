#include "base/error.hpp"
#include "csv/records.hpp"
#include "csv/rewriter.hpp"
#include "csv/times.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace test {
namespace {

using csv::Field;
using csv::Format;
using csv::Rewriter;

const Field kept{};
const Field left_out{.is_kept = false};
const Field null_quoted{.is_null_quoted = true};
const Field number{.values = csv::Values::numbers, .column = "value"};
const Field integer{.values = csv::Values::integers, .column = "count"};

/// \returns nothing if a record has too few fields.
std::optional<std::string> rewritten(const std::string& text, const Format& format,
                                     std::vector<Field> fields, bool ends_with_delimiter = false) {
    std::string result;
    const auto unfit =
        Rewriter(format, std::move(fields), ends_with_delimiter).rewrite(text, result);
    return unfit ? std::nullopt : std::optional(result);
}

/// Why a record is unfit; empty if it is not.
std::string problem_of(const std::string& text, const Format& format, std::vector<Field> fields) {
    std::string result;
    const auto unfit = Rewriter(format, std::move(fields), false).rewrite(text, result);
    EXPECT_EQ(unfit.has_value(), result.empty());
    return unfit ? unfit->reason : "";
}

Field time_in(const std::string& format) {
    return {.values = csv::Values::times,
            .time_format = csv::parse_time_format(format),
            .column = "time"};
}

TEST(CsvRewriter, IsNeededOnlyForWhatCopyCannotDo) {
    EXPECT_FALSE(Rewriter({.null = "x"}, {kept, null_quoted}, false).is_needed());
    EXPECT_TRUE(Rewriter({}, {kept, left_out}, false).is_needed());
    EXPECT_TRUE(Rewriter({}, {kept}, true).is_needed());
    EXPECT_TRUE(Rewriter({.more_nulls = {"x"}}, {kept}, false).is_needed());
    EXPECT_TRUE(Rewriter({.comment = '#'}, {kept}, false).is_needed());
}

TEST(CsvRewriter, LeavesOutFieldsAndKeepsTheBytesOfOthers) {
    const std::vector<Field> fields{left_out, kept, left_out, kept};
    EXPECT_EQ(rewritten("1,\"a,\n\"\"b\",3,x\n5,,\"7,\r\n\",\n", {}, fields),
              "\"a,\n\"\"b\",x\n,\n");
    EXPECT_EQ(rewritten("1,2,3,4\r\n1,2,3,4", {}, fields), "2,4\r\n2,4");
    EXPECT_EQ(
        rewritten("1;'a\\';\\\\';3;4\r", {.delimiter = ';', .quote = '\'', .escape = '\\'}, fields),
        "'a\\';\\\\';4\r");
    // The server notices the field that is too many.
    EXPECT_EQ(rewritten("1,2,3,4,5\n", {}, fields), "2,4,5\n");
}

TEST(CsvRewriter, FindsMissingFields) {
    EXPECT_EQ(rewritten("1,2\n3\n", {}, {kept, left_out}), std::nullopt);
    EXPECT_EQ(rewritten("\n", {}, {kept, left_out}), std::nullopt);
}

TEST(CsvRewriter, KeepsAnEmptyRecordAtTheEnd) {
    EXPECT_EQ(rewritten("1,2\n3,", {}, {left_out, kept}), "2\n\n");
    EXPECT_EQ(rewritten("1,2\r\n3,", {}, {left_out, kept}), "2\r\n\r\n");
    EXPECT_EQ(rewritten("1,2\r3,", {}, {left_out, kept}), "2\r\r");
    EXPECT_EQ(rewritten("3,", {}, {left_out, kept}), "\n");
}

TEST(CsvRewriter, NeverMakesTheEndMark) {
    EXPECT_EQ(rewritten("1,\\.\n", {}, {left_out, kept}), "\"\\.\"\n");
}

TEST(CsvRewriter, DropsTheDelimiterAtTheEnd) {
    EXPECT_EQ(rewritten("1,2,\n3,4\n5,,\n", {}, {kept, kept}, true), "1,2\n3,4\n5,\n");
    EXPECT_EQ(rewritten("1,2,\n", {}, {kept, left_out}, true), "1\n");
    EXPECT_EQ(rewritten("1,2,3\n1,2,,\n", {}, {kept, kept}, true), "1,2,3\n1,2,,\n");
}

TEST(CsvRewriter, HasOneTextForNull) {
    const Format format{.null = "", .more_nulls = {"NULL", "n/a"}};
    EXPECT_EQ(rewritten("NULL,n/a,\"NULL\",\"n/a\"\n", format, {kept, kept, kept, null_quoted}),
              ",,\"NULL\",\n");
    EXPECT_EQ(rewritten("NULLS,n\n", format, {kept, kept}), "NULLS,n\n");
    EXPECT_EQ(rewritten("x,NULL", {.null = "x", .more_nulls = {"NULL"}}, {kept, kept}), "x,x");
}

TEST(CsvRewriter, WritesNumbersWithPoints) {
    const Format format{.delimiter = ';', .decimal = csv::Decimal::comma};
    const std::vector<Field> fields{number, integer, kept};
    EXPECT_EQ(rewritten("1.234,56;1.234;1.234,5\n", format, fields), "1234.56;1234;1.234,5\n");
    EXPECT_EQ(rewritten("-1.234.567,0e-3;+12.345.678;,\n", format, fields),
              "-1234567.0e-3;+12345678;,\n");
    EXPECT_EQ(rewritten(",5;7;\n5,;7;\n", format, fields), ".5;7;\n5.;7;\n");
    EXPECT_EQ(rewritten("\"1,5\"; 2 ;\" 1,5 \"\n", format, fields), "1.5;2;\" 1,5 \"\n");
    // The server decides.
    EXPECT_EQ(rewritten("NaN;x;\n;;\n\"\";\"\";\n", format, fields), "NaN;x;\n;;\n ; ;\n");
    for (const auto* bad : {"1.5", "1.23", "12.3456", "1.2345,6", "0.123", "0.123,4", "1234.567,8",
                            "1,2,3", "1,234.5", ",", "-,", "1..234", ".123", "1.234e5,6", "1,2.3"})
        EXPECT_EQ(problem_of(bad, format, {number}),
                  "\"" + std::string(bad) + "\" is no number with a decimal comma, column value");
    EXPECT_EQ(problem_of("1.234", format, {number}),
              "\"1.234\" is ambiguous with a decimal comma (--decimal grouped-comma reads the "
              "point as one between thousands), column value");
    EXPECT_EQ(rewritten("1.234;1,5", {.delimiter = ';', .decimal = csv::Decimal::grouped_comma},
                        {number, number}),
              "1234;1.5");
    EXPECT_EQ(rewritten("\"1,5\",2\n", {.decimal = csv::Decimal::comma}, {number, kept}),
              "1.5,2\n");
}

TEST(CsvRewriter, KeepsLineBreaksInQuotes) {
    const Format format{.delimiter = ';', .decimal = csv::Decimal::comma};
    EXPECT_EQ(rewritten("1;\"5\n\"\n2;bad\n3;7,5\n", format, {kept, number}),
              "1;\"5\n\"\n2;bad\n3;7.5\n");
    EXPECT_EQ(rewritten("\"5\r\n6\"\n\"\n\\.\n\"\n", {.decimal = csv::Decimal::comma}, {integer}),
              std::nullopt);
    EXPECT_EQ(rewritten("\"5\r6\"\n\"\n7\n\"\n", {.decimal = csv::Decimal::comma}, {integer}),
              "\"5\r6\"\n\"\n7\n\"\n");
    EXPECT_EQ(problem_of("\"15.07.2024\n\"", {}, {time_in("%d.%m.%Y")}),
              "\"15.07.2024\n\" is no time in the format %d.%m.%Y, column time");
    const Format escaped{.delimiter = ';', .escape = '\\', .decimal = csv::Decimal::comma};
    EXPECT_EQ(rewritten("\"\\\"\n\\\\\"\n", escaped, {number}), "\"\\\"\n\\\\\"\n");
}

/// Whatever a field has in quotes, a record stays one.
TEST(CsvRewriter, KeepsTheNumberOfRecords) {
    const Format format{.delimiter = ';', .decimal = csv::Decimal::comma};
    const Rewriter rewriter(format, {number, integer}, false);
    constexpr std::string_view bytes = "1,;\"\n\r\\. ";
    for (std::size_t i = 0; i < bytes.size() * bytes.size() * bytes.size(); ++i) {
        std::string record = "\"";
        for (auto rest = i; rest > 0; rest /= bytes.size())
            record += bytes[rest % bytes.size()] == '"'
                          ? "\"\""
                          : std::string(1, bytes[rest % bytes.size()]);
        record += "\";7\n";
        std::string result;
        const auto unfit = rewriter.rewrite(record, result);
        EXPECT_EQ(csv::records_in(result, format, 1, csv::Newline::lf).size(), unfit ? 0U : 1U)
            << record;
    }
}

TEST(CsvRewriter, TakesNoChangedValueForNull) {
    const Format format{.delimiter = ';', .null = "-9,9", .decimal = csv::Decimal::comma};
    EXPECT_EQ(rewritten("-9,9;1,0\n", format, {number, number}), "-9,9;1.0\n");
    const Format points{.delimiter = ';', .null = "-9.9", .decimal = csv::Decimal::comma};
    EXPECT_EQ(rewritten("-9,9;1,0\n", points, {number, number}), " -9.9;1.0\n");
    EXPECT_EQ(rewritten("\"-9,9\";\"-9,9\"\n", format,
                        {number, Field{.is_null_quoted = true,
                                       .values = csv::Values::numbers,
                                       .column = "value"}}),
              "-9.9;\"-9,9\"\n");
}

TEST(CsvRewriter, WritesTimesThatAreNumbers) {
    EXPECT_EQ(
        rewritten("1721037600\n-1\n0.25\n-0.25\n1721037600.1234567\n", {}, {time_in("epoch")}),
        "2024-07-15 10:00:00+00\n1969-12-31 23:59:59+00\n1970-01-01 "
        "00:00:00.250000000+00\n1969-12-31 23:59:59.750000000+00\n2024-07-15 "
        "10:00:00.123456700+00\n");
    EXPECT_EQ(rewritten("1721037600123\n-1\n-86400000\n", {}, {time_in("epoch-ms")}),
              "2024-07-15 10:00:00.123000000+00\n1969-12-31 23:59:59.999000000+00\n1969-12-31 "
              "00:00:00+00\n");
    EXPECT_EQ(rewritten("1721037600123456\n", {}, {time_in("epoch-us")}),
              "2024-07-15 10:00:00.123456000+00\n");
    EXPECT_EQ(rewritten("1721037600123456789\n", {}, {time_in("epoch-ns")}),
              "2024-07-15 10:00:00.123456789+00\n");
    EXPECT_EQ(rewritten("45488.5208333333\n45488\n61\n45488.9999999999\n", {}, {time_in("excel")}),
              "2024-07-15 12:30:00\n2024-07-15 00:00:00\n1900-03-01 00:00:00\n2024-07-16 "
              "00:00:00\n");
    EXPECT_EQ(rewritten("45488,5;\n", {.delimiter = ';', .decimal = csv::Decimal::comma},
                        {time_in("excel"), kept}),
              "2024-07-15 12:00:00;\n");
    // The delimiter is part of a time.
    EXPECT_EQ(rewritten("1721037600 x\n", {.delimiter = ' '}, {time_in("epoch"), kept}),
              "\"2024-07-15 10:00:00+00\" x\n");
    for (const auto* bad :
         {"1.72e9", "2024-07-15", "x", "99999999999999999999", "1.-5", "--1", "."})
        EXPECT_EQ(problem_of(bad, {}, {time_in("epoch")}),
                  "\"" + std::string(bad) +
                      "\" is no number of seconds (--time-format epoch), column time");
    EXPECT_EQ(problem_of("1721037600123", {}, {time_in("epoch")}),
              "\"1721037600123\" seconds are not between the years 1 and 9999 (--time-format "
              "epoch), column time");
    EXPECT_EQ(problem_of("60", {}, {time_in("excel")}),
              "\"60\" days are not between the years 1900 and 9999 (--time-format excel), column "
              "time");
}

TEST(CsvRewriter, ReadsTimesByPatterns) {
    const auto read = [](const std::string& pattern, const std::string& value) {
        return rewritten("\"" + value + "\"", {}, {time_in(pattern)}).value_or("-");
    };
    EXPECT_EQ(read("%d.%m.%Y %H:%M:%S", "15.7.2024 9:05:00"), "2024-07-15 09:05:00");
    EXPECT_EQ(read("%d.%m.%Y %H:%M:%S", " 15.07.2024   09:05:00 "), "2024-07-15 09:05:00");
    EXPECT_EQ(read("%Y%m%d%H%M%S", "20240715090500"), "2024-07-15 09:05:00");
    EXPECT_EQ(read("%m/%d/%y %I:%M %p", "7/15/24 12:30 am"), "2024-07-15 00:30:00");
    EXPECT_EQ(read("%m/%d/%y %I:%M%p", "07/15/68 12:30PM"), "2068-07-15 12:30:00");
    EXPECT_EQ(read("%d/%b/%Y:%H:%M:%S %z", "15/Jul/2024:01:00:00 +0230"), "2024-07-14 22:30:00+00");
    EXPECT_EQ(read("%Y-%m-%dT%H:%M:%S.%f%z", "2024-07-15T09:05:00.1234567Z"),
              "2024-07-15 09:05:00.1234567+00");
    EXPECT_EQ(read("%a, %d %B %Y %H:%M:%S %z", "Mon, 15 july 2024 09:05:60 -05:30"),
              "2024-07-15 14:36:00+00");
    EXPECT_EQ(read("%Y %j", "2024 366"), "2024-12-31 00:00:00");
    EXPECT_EQ(read("%d.%m.%Y 100%%", "1.2.2024 100%"), "2024-02-01 00:00:00");
    EXPECT_EQ(read("%d.%m.%Y", "29.2.2024"), "2024-02-29 00:00:00");
    for (const auto* bad : {"29.2.2023", "1.13.2024", "1.2.24", "1.2.2024 ", "1.2.2024x", "x",
                            "1.2.", "0.1.2024", "1.2.02024"})
        EXPECT_EQ(read("%d.%m.%Y", bad),
                  bad == std::string("1.2.2024 ") ? "2024-02-01 00:00:00" : "-")
            << bad;
    EXPECT_EQ(read("%Y %j", "2023 366"), "-");
    EXPECT_EQ(read("%Y-%m-%d %H", "2024-01-01 24"), "-");
    for (const auto& [pattern, value] :
         {std::pair("%Y-%m-%d %H%M", "2024-07-15 123"), std::pair("%Y%m%d", "2024111"),
          std::pair("%Y%m%d%H%M%S", "1712010123456"), std::pair("%d%m%Y", "1112024"),
          std::pair("%Y-%m-%d %H %M", "2024-07-15 123")})
        EXPECT_EQ(read(pattern, value), "-") << value;
    EXPECT_EQ(read("%Y-%m-%d %H %M", "2024-07-15 1 2"), "2024-07-15 01:02:00");
    EXPECT_EQ(read("%d%b%Y", "1Jul2024"), "2024-07-01 00:00:00");
    EXPECT_EQ(problem_of("1.2.24", {}, {time_in("%d.%m.%Y")}),
              "\"1.2.24\" is no time in the format %d.%m.%Y, column time");
}

TEST(CsvRewriter, RefusesTimeFormatsThatDoNotGiveATime) {
    for (const auto* bad :
         {"", "epoch_ms", "Epoch", "%Y", "%Y-%m", "%d.%m", "%Y %j %d", "%Y %y %m %d", "%Y-%m-%d %M",
          "%Y-%m-%d %I", "%Y-%m-%d %H %p", "%Y-%m-%d %Q", "%Y-%m-%d %", "%Y-%m-%d %d",
          "%Y-%m-%d %H:%S", "%m %b %d %Y"})
        EXPECT_THROW(csv::parse_time_format(bad), UsageError) << bad;
}

TEST(CsvRewriter, LeavesOutComments) {
    EXPECT_EQ(rewritten("#\"\n1\n# a,b\n\"#\n#\"\n#", {.comment = '#'}, {kept}), "1\n\"#\n#\"\n");
}

} // namespace
} // namespace test
