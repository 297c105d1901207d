#include "postgres/error.hpp"
#include "postgres/quote.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::string_view with_nul("a\0b", 3);

TEST(QualifiedName, IsShownWithoutNeedlessQuotes) {
    using postgres::QualifiedName;
    EXPECT_EQ((QualifiedName{"public", "cpu_2"}.shown()), "public.cpu_2");
    EXPECT_EQ((QualifiedName{"Odd", "a \"b\""}.shown()), R"("Odd"."a ""b""")");
    EXPECT_EQ((QualifiedName{"2", ""}.shown()), R"("2"."")");
}

TEST(QuoteIdentifier, AlwaysUsesDoubleQuotes) {
    EXPECT_EQ(quote_identifier("conditions"), R"("conditions")");
    EXPECT_EQ(quote_identifier("Mixed Case"), R"("Mixed Case")");
    EXPECT_EQ(quote_identifier("select"), R"("select")");
    EXPECT_EQ(quote_identifier("a; DROP TABLE b --"), R"("a; DROP TABLE b --")");
}

TEST(QuoteIdentifier, DoublesDoubleQuotesOnly) {
    EXPECT_EQ(quote_identifier(R"(my "x")"), R"("my ""x""")");
    EXPECT_EQ(quote_identifier(R"(")"), R"("""")");
    EXPECT_EQ(quote_identifier("it's"), R"("it's")");
}

TEST(QuoteIdentifier, LeavesBackslashesAndOtherBytesUnchanged) {
    EXPECT_EQ(quote_identifier(R"(a\b)"), R"("a\b")");
    EXPECT_EQ(quote_identifier("a\n\tb"), "\"a\n\tb\"");
    EXPECT_EQ(quote_identifier("Wärme 温度 🌡"), R"("Wärme 温度 🌡")");
}

TEST(QuoteIdentifier, QuotesTheEmptyName) {
    EXPECT_EQ(quote_identifier(""), R"("")");
}

TEST(QuoteIdentifier, RefusesNul) {
    EXPECT_THAT([] { quote_identifier(with_nul); }, ThrowsMessage<UsageError>(HasSubstr("NUL")));
}

TEST(QuoteLiteral, UsesSingleQuotes) {
    EXPECT_EQ(quote_literal("text"), "'text'");
    EXPECT_EQ(quote_literal(""), "''");
    EXPECT_EQ(quote_literal("Wärme 温度 🌡\n"), "'Wärme 温度 🌡\n'");
}

TEST(QuoteLiteral, DoublesSingleQuotesOnly) {
    EXPECT_EQ(quote_literal("it's"), "'it''s'");
    EXPECT_EQ(quote_literal("'"), "''''");
    EXPECT_EQ(quote_literal(R"("public"."a")"), R"('"public"."a"')");
}

TEST(QuoteLiteral, DoublesBackslashesInAnEscapeString) {
    EXPECT_EQ(quote_literal(R"(\)"), R"(E'\\')");
    EXPECT_EQ(quote_literal(R"(C:\n)"), R"(E'C:\\n')");
    EXPECT_EQ(quote_literal(R"(\'; DROP TABLE a; --)"), R"(E'\\''; DROP TABLE a; --')");
}

TEST(QuoteLiteral, RefusesNul) {
    EXPECT_THAT([] { quote_literal(with_nul); }, ThrowsMessage<UsageError>(HasSubstr("NUL")));
}

TEST(QualifiedName, QuotesSchemaAndNameSeparately) {
    EXPECT_EQ((QualifiedName{"public", "conditions"}).quoted(), R"("public"."conditions")");
    EXPECT_EQ((QualifiedName{"a.b", R"(c"d)"}).quoted(), R"("a.b"."c""d")");
}

TEST(ArrayLiteral, QuotesEveryValue) {
    EXPECT_EQ(postgres::array_literal(std::vector<std::string>{}), "{}");
    EXPECT_EQ(postgres::array_literal({"a", "", "NULL"}), R"({"a","","NULL"})");
    EXPECT_EQ(postgres::array_literal({R"({"x": "\y"})"}), R"({"{\"x\": \"\\y\"}"})");
}

TEST(ObjectName, JoinsTwoNames) {
    EXPECT_EQ(postgres::object_name("_hyper_1_2_chunk", "t_time_idx"),
              "_hyper_1_2_chunk_t_time_idx");
}

TEST(ObjectName, TruncatesTheLongerName) {
    const std::string longest(63, 'x');
    EXPECT_EQ(postgres::object_name("_hyper_1_2_chunk", longest),
              "_hyper_1_2_chunk_" + std::string(46, 'x'));
    EXPECT_EQ(postgres::object_name(longest, longest),
              std::string(31, 'x') + "_" + std::string(31, 'x'));
}

TEST(ObjectName, LeavesRoomForALabel) {
    EXPECT_EQ(postgres::object_name("a", "b", "1"), "a_b_1");
    EXPECT_EQ(postgres::object_name("_hyper_1_2_chunk", std::string(63, 'x'), "12"),
              "_hyper_1_2_chunk_" + std::string(43, 'x') + "_12");
}

TEST(ObjectName, DoesNotSplitCharacters) {
    std::string umlauts;
    for (int i = 0; i < 31; ++i)
        umlauts += "\u00e4"; // two bytes each
    EXPECT_EQ(postgres::object_name("_hyper_1_20_chunk", umlauts),
              "_hyper_1_20_chunk_" + umlauts.substr(0, 44));
}

TEST(LockStatement, ListsAllTablesWithoutTheirChildren) {
    EXPECT_EQ(postgres::lock_statement({{"a", "b"}}, "SHARE"),
              R"(LOCK TABLE ONLY "a"."b" IN SHARE MODE)");
    EXPECT_EQ(postgres::lock_statement({{"a", "b"}, {"c", "d"}}, "ACCESS SHARE"),
              R"(LOCK TABLE ONLY "a"."b", ONLY "c"."d" IN ACCESS SHARE MODE)");
}

TEST(QualifiedName, IsComparedBySchemaThenName) {
    EXPECT_EQ((QualifiedName{"a", "b"}), (QualifiedName{"a", "b"}));
    EXPECT_LT((QualifiedName{"a", "z"}), (QualifiedName{"b", "a"}));
    EXPECT_LT((QualifiedName{"a", "a"}), (QualifiedName{"a", "b"}));
}

} // namespace
