#include "json/value.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace {

using json::Array;
using json::dump;
using json::Object;
using json::parse;
using json::Value;

TEST(Json, IsWrittenInTheOrderOfItsFields) {
    const std::optional<std::string> nothing;
    Object object{{"name", "copy"},   {"count", 3},   {"share", 0.5}, {"all", 1.0},
                  {"removed", false}, {"chart", "="}, {"no", nothing}};
    object["examples"] = Array{Object{{"kind", "different"}}, Array{}};
    object.update({{"count", 4}, {"last", std::string_view("x")}});
    EXPECT_EQ(dump(object),
              R"({"name":"copy","count":4,"share":0.5,"all":1.0,"removed":false,"chart":"=",)"
              R"("no":null,"examples":[{"kind":"different"},[]],"last":"x"})");
}

TEST(Json, EscapesText) {
    EXPECT_EQ(dump("a \"b\" \\ c/\n\x01 \x7f \xc3\xa9"),
              "\"a \\\"b\\\" \\\\ c/\\n\\u0001 \x7f \xc3\xa9\"");
}

TEST(Json, RefusesOrReplacesInvalidUtf8) {
    EXPECT_THROW(dump("a\xff"), json::JsonError);
    EXPECT_EQ(dump("a\xff", json::BadBytes::replace), "\"a\xef\xbf\xbd\"");
}

TEST(Json, IsReadAsWritten) {
    const std::string text = R"({"b":[1,-9223372036854775808,1.5,true,null,"x\"y"],"a":{"c":{}}})";
    EXPECT_EQ(dump(parse(text)), text);
}

TEST(Json, IgnoresTheOrderOfFieldsInComparisons) {
    EXPECT_EQ(parse(R"({"a": 1, "b": [1, 2]})"), parse(R"({"b": [1, 2], "a": 1})"));
    EXPECT_NE(parse(R"({"a": 1, "b": [1, 2]})"), parse(R"({"b": [2, 1], "a": 1})"));
    EXPECT_NE(parse(R"({"a": 1})"), parse(R"({"a": 1, "b": 2})"));
}

TEST(Json, ReturnsItsValues) {
    const auto value =
        parse(R"({"text": "x", "list": ["a", "b"], "null": null, "yes": true, "whole": 2,
                               "part": 0.5})");
    EXPECT_EQ(value.at("text").text(), "x");
    EXPECT_EQ(value.at("text").optional_text(), "x");
    EXPECT_EQ(value.at("null").optional_text(), std::nullopt);
    EXPECT_EQ(value.at("list").texts(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(value.at("list").at(1).text(), "b");
    EXPECT_TRUE(value.at("yes").boolean());
    EXPECT_EQ(value.at("whole").number(), 2);
    EXPECT_EQ(value.at("part").number(), 0.5);
    EXPECT_TRUE(value.object().get("missing").is_null());
}

TEST(Json, ThrowsForValuesOfAnotherKind) {
    const auto value = parse(R"({"text": "x", "list": []})");
    EXPECT_THROW(value.at("missing"), json::JsonError);
    EXPECT_THROW(value.at("text").integer(), json::JsonError);
    EXPECT_THROW(value.at("list").at(0), json::JsonError);
    EXPECT_THROW(value.at("list").at("x"), json::JsonError);
}

TEST(Json, RefusesInvalidText) {
    for (const auto* text : {"", "[1", "{\"a\"}", "[1] 2", "nul", "\"\xff\""})
        EXPECT_THROW(parse(text), json::JsonError) << text;
    EXPECT_THROW(parse(std::string(100'000, '[')), json::JsonError);
}

TEST(Json, KeepsIntegersThatADoubleCannotRepresent) {
    EXPECT_EQ(parse("9223372036854775807").integer(), std::numeric_limits<std::int64_t>::max());
    EXPECT_FALSE(parse("9223372036854775808").is_integer());
    EXPECT_FALSE(parse("18446744073709551615").is_integer());
}

} // namespace
