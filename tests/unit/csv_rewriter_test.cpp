#include "csv/rewriter.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace test {
namespace {

using csv::Field;
using csv::Format;
using csv::Rewriter;

constexpr Field kept{};
constexpr Field left_out{.is_kept = false};
constexpr Field null_quoted{.is_null_quoted = true};

/// \returns nothing if a record has too few fields.
std::optional<std::string> rewritten(const std::string& text, const Format& format,
                                     std::vector<Field> fields, bool ends_with_delimiter = false) {
    std::string result;
    const bool is_whole =
        Rewriter(format, std::move(fields), ends_with_delimiter).rewrite(text, result);
    return is_whole ? std::optional(result) : std::nullopt;
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

TEST(CsvRewriter, LeavesOutComments) {
    EXPECT_EQ(rewritten("#\"\n1\n# a,b\n\"#\n#\"\n#", {.comment = '#'}, {kept}), "1\n\"#\n#\"\n");
}

} // namespace
} // namespace test
