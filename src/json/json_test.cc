#include "json/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace ae::json {
namespace {

using ::testing::HasSubstr;

TEST(JsonParseTest, KeepsTheOrderOfKeysAndTheKindOfNumbers) {
  const Json value = parse(R"({"b": 1, "a": 1.0, "c": [18446744073709551615, -3]})").value();
  EXPECT_EQ(dump(value), R"({"b":1,"a":1.0,"c":[18446744073709551615,-3]})");
  EXPECT_TRUE(value["b"].is_number_integer());
  EXPECT_TRUE(value["a"].is_number_float());
}

TEST(JsonParseTest, AnErrorSaysLineAndColumn) {
  const auto parsed = parse("{\n  \"a\": tru\n}");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(parsed.error().message, HasSubstr("line 2, column 11: not valid JSON: syntax error"));
}

TEST(JsonParseTest, RefusesWhatRfc8259Refuses) {
  for (const char* text : {"", "  ", "{\"a\":1,}", "[1 2]", "01", "+1", "NaN", "'a'", "// x\n1",
                           "\"\xff\"", "\"\\ud800\"", "1 2", "1e999", "{\"a\":1,\"a\":2}"}) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_FALSE(parsed.error().message.empty()) << text;
  }
}

TEST(JsonParseTest, ADuplicateKeyIsNamed) {
  EXPECT_THAT(parse("{\"user\": 1,\n \"user\": 2}").error().message,
              HasSubstr("line 2, column 7: the key \"user\" occurs twice"));
}

TEST(JsonParseTest, LimitsHoldAndAreToldApartFromMalformedText) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_EQ(parse(deep).error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(parse(deep, {.max_depth = 100}).has_value());
  EXPECT_EQ(parse(std::string(1'000'000, '[')).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(parse("[1,2,3]", {.max_bytes = 6}).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(parse(R"({"a":1,"b":2})", {.max_keys = 1}).error().code, ErrorCode::kResourceExhausted);
}

TEST(JsonDumpTest, ReplacesInvalidUtf8InsteadOfThrowing) {
  EXPECT_EQ(dump(Json(std::string("a\xff"))), "\"a\xef\xbf\xbd\"");
}

TEST(JsonCanonicalTest, DoesNotDependOnKeyOrderOrOnTheSpellingOfNumbers) {
  const Json one = parse(R"({"b": [1.0, {"y": 2, "x": -0.5}], "a": "é"})").value();
  const Json two = parse(R"({"a": "\u00e9", "b": [1, {"x": -5e-1, "y": 2.0}]})").value();
  EXPECT_EQ(canonical(one), canonical(two));
  EXPECT_EQ(canonical(one), R"({"a":"é","b":[1,{"x":-0.5,"y":2}]})");
}

TEST(JsonEqualTest, IsMathematical) {
  EXPECT_TRUE(equal(parse(R"({"a":1,"b":[2]})").value(), parse(R"({"b":[2.0],"a":1})").value()));
  EXPECT_FALSE(equal(Json(1), Json(true)));
  EXPECT_FALSE(equal(Json("1"), Json(1)));
  EXPECT_FALSE(equal(parse(R"({"a":1})").value(), parse(R"({"b":1})").value()));
  EXPECT_FALSE(equal(parse("[1,2]").value(), parse("[2,1]").value()));
}

TEST(JsonTypeNameTest, TellsIntegersFromNumbers) {
  EXPECT_EQ(type_name(Json(1)), "integer");
  EXPECT_EQ(type_name(Json(1.5)), "number");
  EXPECT_EQ(type_name(Json(nullptr)), "null");
  EXPECT_EQ(type_name(Json::array()), "array");
}

TEST(JsonPointerTest, EscapesAndFollows) {
  EXPECT_EQ(pointer_append(pointer_append("/x", "a/b~c"), std::size_t{3}), "/x/a~1b~0c/3");
  const Json value = parse(R"({"x": {"a/b~c": [0, 1, 2, {"": "found"}]}})").value();
  EXPECT_EQ(*at_pointer(value, "/x/a~1b~0c/3/"), "found");
  EXPECT_EQ(at_pointer(value, ""), &value);
  for (const char* wrong :
       {"x", "/y", "/x/a~1b~0c/4", "/x/a~1b~0c/01", "/x/a~1b~0c/-", "/x/~2", "/x/~"}) {
    EXPECT_EQ(at_pointer(value, wrong), nullptr) << wrong;
  }
}

TEST(JsonFindTest, NeverThrowsAndNeverInserts) {
  const Json object{{"name", "Anna"}, {"age", 3}};
  EXPECT_EQ(*find(object, "name"), "Anna");
  EXPECT_EQ(find(object, "none"), nullptr);
  EXPECT_EQ(find(Json(3), "name"), nullptr);
  EXPECT_EQ(string_or(object, "name"), "Anna");
  EXPECT_EQ(string_or(object, "age", "?"), "?");
}

}  // namespace
}  // namespace ae::json
