#include "json/subschema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "json/schema.h"

namespace ae::json {

std::ostream& operator<<(std::ostream& out, Fit fit) {
  return out << (fit == Fit::kYes ? "kYes" : fit == Fit::kNarrow ? "kNarrow" : "kNo");
}

namespace {

using ::testing::HasSubstr;

Json J(std::string_view text) { return parse(text).value(); }

struct Case {
  const char* produced;
  const char* consumed;
  Fit fit;
};

class SubschemaTable : public ::testing::TestWithParam<Case> {};

TEST_P(SubschemaTable, Holds) {
  const Case& one = GetParam();
  const FitResult result = is_subschema(J(one.produced), J(one.consumed));
  EXPECT_EQ(result.fit, one.fit) << one.produced << " into " << one.consumed << ": "
                                 << result.reason;
  EXPECT_EQ(result.reason.empty(), result.fit == Fit::kYes);
}

INSTANTIATE_TEST_SUITE_P(
    Types, SubschemaTable,
    ::testing::Values(Case{R"({"type":"string"})", R"({"type":"string"})", Fit::kYes},
                      Case{R"({"type":"string"})", "{}", Fit::kYes},
                      Case{R"({"type":"string"})", "true", Fit::kYes},
                      Case{R"({"type":"string"})", R"({"type":"integer"})", Fit::kNo},
                      Case{R"({"type":"integer"})", R"({"type":"number"})", Fit::kYes},
                      Case{R"({"type":"number"})", R"({"type":"integer"})", Fit::kNarrow},
                      Case{R"({"type":["string","null"]})", R"({"type":"string"})", Fit::kNarrow},
                      Case{R"({"type":"string"})", R"({"type":["string","null"]})", Fit::kYes},
                      Case{"{}", R"({"type":"string"})", Fit::kNarrow}, Case{"{}", "{}", Fit::kYes},
                      Case{"true", R"({"type":"string"})", Fit::kNarrow},
                      Case{"false", R"({"type":"string"})", Fit::kYes},
                      Case{R"({"type":"string"})", "false", Fit::kNo},
                      Case{R"({"type":"boolean"})", R"({"enum":[true,false]})", Fit::kYes},
                      Case{R"({"type":"null"})", R"({"const":null})", Fit::kYes},
                      Case{R"({"description":"a","type":"string"})",
                           R"({"type":"string","title":"b"})", Fit::kYes}));

INSTANTIATE_TEST_SUITE_P(
    Values, SubschemaTable,
    ::testing::Values(Case{R"({"enum":["a","b"]})", R"({"enum":["b","a","c"]})", Fit::kYes},
                      Case{R"({"enum":["a","b"]})", R"({"enum":["a"]})", Fit::kNarrow},
                      Case{R"({"enum":["a","b"]})", R"({"enum":["c"]})", Fit::kNo},
                      Case{R"({"enum":["a",1],"type":"string"})", R"({"enum":["a"]})", Fit::kYes},
                      Case{R"({"const":3})", R"({"type":"integer","minimum":1})", Fit::kYes},
                      Case{R"({"type":"string"})", R"({"enum":["a"]})", Fit::kNarrow},
                      Case{R"({"type":"string"})", R"({"enum":[1,2]})", Fit::kNo},
                      Case{R"({"enum":["2026-12-24"]})", R"({"format":"date"})", Fit::kYes}));

INSTANTIATE_TEST_SUITE_P(
    Strings, SubschemaTable,
    ::testing::Values(
        Case{R"({"type":"string","minLength":2})", R"({"type":"string","minLength":1})", Fit::kYes},
        Case{R"({"type":"string"})", R"({"type":"string","minLength":1})", Fit::kNarrow},
        Case{R"({"type":"string","format":"date"})", R"({"type":"string","minLength":1})",
             Fit::kYes},
        Case{R"({"type":"string","maxLength":3})", R"({"type":"string","minLength":4})", Fit::kNo},
        Case{R"({"type":"string","format":"date"})", R"({"type":"string","format":"date"})",
             Fit::kYes},
        Case{R"({"type":"string"})", R"({"type":"string","format":"date"})", Fit::kNarrow},
        Case{R"({"type":"string"})", R"({"type":"string","format":"made-up"})", Fit::kYes},
        Case{R"({"type":"string","pattern":"^a"})", R"({"type":"string","pattern":"^a"})",
             Fit::kYes},
        Case{R"({"type":"string","pattern":"^ab"})", R"({"type":"string","pattern":"^a"})",
             Fit::kNarrow}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, SubschemaTable,
    ::testing::Values(
        Case{R"({"type":"integer","minimum":1,"maximum":5})", R"({"type":"integer","minimum":0})",
             Fit::kYes},
        Case{R"({"type":"integer","minimum":1})", R"({"type":"integer","exclusiveMinimum":0})",
             Fit::kYes},
        Case{R"({"type":"number","minimum":1})", R"({"type":"number","exclusiveMinimum":1})",
             Fit::kNarrow},
        Case{R"({"type":"integer","exclusiveMinimum":0})", R"({"type":"integer","minimum":1})",
             Fit::kYes},
        Case{R"({"type":"integer","maximum":3})", R"({"type":"integer","minimum":4})", Fit::kNo},
        Case{R"({"type":"integer","multipleOf":6})", R"({"type":"integer","multipleOf":3})",
             Fit::kYes},
        Case{R"({"type":"integer","multipleOf":3})", R"({"type":"integer","multipleOf":6})",
             Fit::kNarrow},
        Case{R"({"type":"integer"})", R"({"type":"number","multipleOf":1})", Fit::kYes}));

INSTANTIATE_TEST_SUITE_P(
    Arrays, SubschemaTable,
    ::testing::Values(
        Case{R"({"type":"array","items":{"type":"integer"}})",
             R"({"type":"array","items":{"type":"number"}})", Fit::kYes},
        Case{R"({"type":"array","items":{"type":"string"}})",
             R"({"type":"array","items":{"type":"number"}})", Fit::kNo},
        Case{R"({"type":"array"})", R"({"type":"array","items":{"type":"number"}})", Fit::kNarrow},
        Case{R"({"type":"array"})", R"({"type":"array","minItems":1})", Fit::kNarrow},
        Case{R"({"type":"array","prefixItems":[{"type":"string"}],"items":false})",
             R"({"type":"array","items":{"type":"string"},"maxItems":1})", Fit::kYes},
        Case{
            R"({"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false})",
            R"({"type":"array","items":{"type":"string"}})", Fit::kNo},
        Case{R"({"type":"array","items":{"type":"string"}})",
             R"({"type":"array","uniqueItems":true})", Fit::kNarrow},
        Case{R"({"type":"array","maxItems":1})", R"({"type":"array","uniqueItems":true})",
             Fit::kYes},
        Case{R"({"type":"array","contains":{"const":1}})",
             R"({"type":"array","contains":{"const":1}})", Fit::kYes},
        Case{R"({"type":"array"})", R"({"type":"array","contains":{"const":1}})", Fit::kNarrow}));

INSTANTIATE_TEST_SUITE_P(
    Objects, SubschemaTable,
    ::testing::Values(
        Case{R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})",
             R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})",
             Fit::kYes},
        Case{
            R"({"type":"object","properties":{"a":{"type":"string"},"b":{}},"required":["a","b"]})",
            R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})",
            Fit::kYes},
        Case{R"({"type":"object","properties":{"a":{"type":"string"}}})",
             R"({"type":"object","required":["a"]})", Fit::kNarrow},
        Case{R"({"type":"object","properties":{"b":{"type":"string"}}})",
             R"({"type":"object","required":["a"]})", Fit::kNo},
        Case{R"({"type":"object"})", R"({"type":"object","required":["a"]})", Fit::kNarrow},
        Case{R"({"type":"object","additionalProperties":{"type":"string"}})",
             R"({"type":"object","required":["a"]})", Fit::kNarrow},
        Case{R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})",
             R"({"type":"object","properties":{"a":{"type":"integer"}}})", Fit::kNo},
        // An open object may carry anything under a name that it does not declare.
        Case{R"({"type":"object","properties":{"a":{}}})",
             R"({"type":"object","properties":{"b":{"type":"integer"}}})", Fit::kNarrow},
        Case{R"({"type":"object","properties":{"a":{}},"additionalProperties":false})",
             R"({"type":"object","properties":{"b":{"type":"integer"}}})", Fit::kYes},
        Case{R"({"type":"object","properties":{"a":{}},"additionalProperties":false})",
             R"({"type":"object","properties":{"a":{},"b":{}},"additionalProperties":false})",
             Fit::kYes},
        Case{R"({"type":"object","properties":{"a":{}}})",
             R"({"type":"object","properties":{"a":{}},"additionalProperties":false})",
             Fit::kNarrow},
        Case{R"({"type":"object","properties":{"a":{},"b":{}},"required":["b"]})",
             R"({"type":"object","properties":{"a":{}},"additionalProperties":false})", Fit::kNo},
        Case{R"({"type":"object","additionalProperties":{"type":"integer"}})",
             R"({"type":"object","additionalProperties":{"type":"number"}})", Fit::kYes},
        Case{R"({"type":"object","patternProperties":{"^x":{"type":"string"}},
             "additionalProperties":{"type":"integer"}})",
             R"({"type":"object","additionalProperties":{"type":"integer"}})", Fit::kNarrow},
        Case{R"({"type":"object","properties":{"xa":{"type":"integer"}},"required":["xa"],
             "additionalProperties":false})",
             R"({"type":"object","patternProperties":{"^x":{"type":"string"}}})", Fit::kNo},
        Case{R"({"type":"object","properties":{"a":{}},"required":["a"]})",
             R"({"type":"object","minProperties":1})", Fit::kYes},
        Case{R"({"type":"object","properties":{"a":{}},"additionalProperties":false})",
             R"({"type":"object","maxProperties":1,"propertyNames":{"maxLength":1}})", Fit::kYes},
        Case{R"({"type":"object","properties":{"a":{},"b":{}},"required":["b"]})",
             R"({"type":"object","dependentRequired":{"a":["b"]}})", Fit::kYes}));

INSTANTIATE_TEST_SUITE_P(
    Combinations, SubschemaTable,
    ::testing::Values(
        Case{R"({"anyOf":[{"type":"string"},{"type":"null"}]})", R"({"type":"string"})",
             Fit::kNarrow},
        Case{R"({"anyOf":[{"type":"string"},{"type":"null"}]})", R"({"type":["null","string"]})",
             Fit::kYes},
        Case{R"({"type":["string","null"]})", R"({"anyOf":[{"type":"string"},{"type":"null"}]})",
             Fit::kYes},
        Case{R"({"anyOf":[{"type":"string"},{"type":"null"}]})", R"({"type":"integer"})", Fit::kNo},
        Case{R"({"type":"integer","oneOf":[{"maximum":1},{"minimum":5}]})",
             R"({"anyOf":[{"maximum":2},{"minimum":4}]})", Fit::kYes},
        Case{R"({"allOf":[{"type":"integer"},{"minimum":3}]})", R"({"type":"integer","minimum":1})",
             Fit::kYes},
        Case{R"({"type":"integer","minimum":3})", R"({"allOf":[{"type":"integer"},{"minimum":1}]})",
             Fit::kYes},
        Case{R"({"type":"string"})", R"({"oneOf":[{"type":"string"},{"type":"integer"}]})",
             Fit::kYes},
        Case{R"({"type":"string"})", R"({"oneOf":[{"type":"string"},{"minLength":1}]})",
             Fit::kNarrow},
        Case{R"({"type":"string"})", R"({"not":{"type":"null"}})", Fit::kYes},
        Case{R"({"type":"string"})", R"({"not":{"const":""}})", Fit::kNarrow},
        Case{R"({"not":{"const":""}})", R"({"not":{"const":""}})", Fit::kYes},
        Case{R"({"type":"string"})", R"({"if":{"minLength":3},"then":{"maxLength":5}})",
             Fit::kNarrow},
        Case{R"({"type":"string"})", R"({"if":{"minLength":3},"then":{"type":"string"}})",
             Fit::kYes},
        Case{R"({"type":"object"})", R"({"unevaluatedProperties":false})", Fit::kNarrow}));

constexpr const char* kTree = R"({"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object",
    "properties":{"name":{"type":"string"},"children":{"type":"array",
    "items":{"$ref":"#/$defs/tree"}}},"required":["name"],"additionalProperties":false}}})";
constexpr const char* kLooseTree = R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object",
    "properties":{"children":{"items":{"$ref":"#/$defs/n"}}},"required":["name"]}}})";

INSTANTIATE_TEST_SUITE_P(
    References, SubschemaTable,
    ::testing::Values(
        Case{R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"integer"}}})", R"({"type":"number"})",
             Fit::kYes},
        Case{R"({"type":"integer"})", R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}})",
             Fit::kNo},
        // The same text, but the references lead elsewhere.
        Case{R"({"items":{"$ref":"#/$defs/a"},"type":"array","$defs":{"a":{"type":"string"}}})",
             R"({"items":{"$ref":"#/$defs/a"},"type":"array","$defs":{"a":{"type":"integer"}}})",
             Fit::kNo},
        Case{kTree, kTree, Fit::kYes}, Case{kTree, kLooseTree, Fit::kYes},
        Case{kLooseTree, kTree, Fit::kNarrow},
        Case{R"({"type":"string"})", R"({"$ref":"#/none"})", Fit::kNarrow},
        Case{R"({"$ref":"#/none"})", R"({"type":"string"})", Fit::kNarrow},
        Case{R"({"type":"string"})", R"({"$ref":"#"})", Fit::kNarrow}));

TEST(SubschemaReasonTest, SaysWhatClashesAndWhereInTheConsumer) {
  const FitResult clash =
      is_subschema(J(R"({"type":"object","properties":{"n":{"type":"string"}},"required":["n"]})"),
                   J(R"({"type":"object","properties":{"n":{"type":"integer"}}})"));
  EXPECT_EQ(clash.reason, "member \"n\": string does not fit integer");
  EXPECT_EQ(clash.pointer, "/properties/n/type");
  EXPECT_EQ(is_subschema(J("{}"), J(R"({"type":"string"})")).reason,
            "the producer does not say its type, the consumer takes string");
  EXPECT_THAT(is_subschema(J(R"({"type":["string","null"]})"), J(R"({"type":"string"})")).reason,
              HasSubstr("null"));
}

TEST(SubschemaHostileTest, SharedReferencesStayCheapAndAreNotProven) {
  Json schema{{"$ref", "#/$defs/s0"}};
  for (int i = 0; i < 40; ++i) {
    const Json next{{"$ref", "#/$defs/s" + std::to_string(i + 1)}};
    schema["$defs"]["s" + std::to_string(i)] = Json{{"anyOf", {next, next}}};
  }
  schema["$defs"]["s40"] = Json{{"type", "string"}};
  EXPECT_NE(is_subschema(schema, Json{{"minLength", 1}}).fit, Fit::kYes);
  EXPECT_NE(is_subschema(Json{{"type", "integer"}}, schema).fit, Fit::kYes);
}

TEST(MemberSchemaTest, FollowsPathsReferencesAndAllOf) {
  const Json schema = J(R"({"$ref":"#/$defs/out","$defs":{
      "out":{"type":"object","properties":{"song":{"$ref":"#/$defs/song"}},"required":["song"]},
      "song":{"allOf":[{"properties":{"title":{"type":"string"},"year":{"type":"integer"}}},
                       {"required":["title"]}]}}})");
  bool optional = true;
  EXPECT_EQ(*member_schema(schema, "song.title", &optional), J(R"({"type":"string"})"));
  EXPECT_FALSE(optional);
  EXPECT_EQ(*member_schema(schema, "song.year", &optional), J(R"({"type":"integer"})"));
  EXPECT_TRUE(optional);
  EXPECT_EQ(member_schema(schema, "song.artist"), nullptr);
  EXPECT_EQ(member_schema(schema, "title"), nullptr);
  EXPECT_EQ(member_schema(Json(true), "a"), nullptr);
}

// ---- Whatever is_subschema() calls proven must hold for every value.

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }
  bool chance(std::size_t percent) { return below(100) < percent; }

  Json value(int depth) {
    switch (below(depth > 0 ? 8U : 6U)) {
      case 0:
        return nullptr;
      case 1:
        return chance(50);
      case 2:
      case 3:
        return static_cast<int>(below(9)) - 2;
      case 4:
        return static_cast<double>(below(12)) / 2 - 1;
      case 5:
        return text();
      case 6: {
        Json list = Json::array();
        for (std::size_t i = below(4); i > 0; --i) list.push_back(value(depth - 1));
        return list;
      }
      default: {
        Json object = Json::object();
        for (std::size_t i = below(4); i > 0; --i) object[name()] = value(depth - 1);
        return object;
      }
    }
  }

  Json schema(int depth) {
    if (chance(6)) return chance(80);
    Json schema = Json::object();
    if (chance(75)) schema["type"] = chance(75) ? Json(type()) : Json{type()};
    if (chance(8)) schema["enum"] = Json{value(1), value(1), value(0)};
    if (chance(4)) schema["const"] = value(1);
    numbers(schema);
    strings(schema);
    if (depth > 0) {
      arrays(schema, depth);
      objects(schema, depth);
      combinators(schema, depth);
    }
    return schema;
  }

  // The same with one keyword more or less, so that many pairs are nearly subschemas.
  Json variation(Json schema, int depth) {
    if (!schema.is_object()) return schema;
    const Json other = this->schema(depth);
    if (chance(50) && !schema.empty()) erase_one(schema);
    if (chance(30) && other.is_object() && !other.empty()) {
      const auto item = std::next(other.begin(), static_cast<long>(below(other.size())));
      schema[item.key()] = item.value();
    }
    for (auto& item : schema.items()) {
      if (item.key() == "minimum" || item.key() == "minLength" || item.key() == "minItems") {
        if (chance(50) && item.value().is_number_integer()) {
          item.value() = std::max(0, item.value().get<int>() - 1);
        }
      }
      if (depth > 0 && item.key() == "properties") {
        for (auto& member : item.value().items()) {
          if (chance(30)) member.value() = variation(member.value(), depth - 1);
        }
      }
    }
    return schema;
  }

 private:
  void erase_one(Json& object) {
    const auto victim = std::next(object.begin(), static_cast<long>(below(object.size())));
    object.erase(std::string(victim.key()));
  }
  std::string text() {
    static const std::vector<std::string> kTexts{"",  "a",          "ab",     "abc",
                                                 "b", "2026-12-24", "x@y.org"};
    return kTexts[below(kTexts.size())];
  }
  std::string name() { return std::string(1, static_cast<char>('a' + below(4))); }
  std::string type() {
    static const std::vector<std::string> kTypes{"string", "integer", "number", "boolean",
                                                 "null",   "array",   "object"};
    return kTypes[below(kTypes.size())];
  }
  void numbers(Json& schema) {
    if (chance(15)) schema["minimum"] = below(4);
    if (chance(15)) schema["maximum"] = 1 + below(5);
    if (chance(8)) schema["exclusiveMinimum"] = static_cast<double>(below(5)) / 2;
    if (chance(8)) schema["exclusiveMaximum"] = 2 + below(4);
    if (chance(8)) schema["multipleOf"] = chance(70) ? Json(1 + below(4)) : Json(0.5);
  }
  void strings(Json& schema) {
    if (chance(12)) schema["minLength"] = below(3);
    if (chance(12)) schema["maxLength"] = 1 + below(3);
    if (chance(8)) schema["pattern"] = chance(50) ? "^a" : "b$";
    if (chance(6)) schema["format"] = chance(50) ? "date" : "email";
  }
  void arrays(Json& schema, int depth) {
    if (chance(15)) schema["items"] = this->schema(depth - 1);
    if (chance(8)) schema["prefixItems"] = Json::array({this->schema(depth - 1)});
    if (chance(8)) schema["minItems"] = below(3);
    if (chance(8)) schema["maxItems"] = below(4);
    if (chance(5)) schema["uniqueItems"] = true;
    if (chance(5)) schema["contains"] = this->schema(0);
    if (chance(3)) schema["minContains"] = below(3);
  }
  void objects(Json& schema, int depth) {
    if (chance(30)) {
      Json& properties = schema["properties"] = Json::object();
      for (std::size_t i = 1 + below(3); i > 0; --i) properties[name()] = this->schema(depth - 1);
    }
    if (chance(20)) schema["required"] = Json::array({name()});
    if (chance(20))
      schema["additionalProperties"] = chance(60) ? Json(false) : this->schema(depth - 1);
    if (chance(8)) schema["patternProperties"] = Json{{"^[ab]", this->schema(depth - 1)}};
    if (chance(5)) schema["propertyNames"] = Json{{"pattern", "^[a-c]"}};
    if (chance(5)) schema["minProperties"] = below(3);
    if (chance(5)) schema["maxProperties"] = below(4);
    if (chance(4)) schema["dependentRequired"] = Json{{name(), Json::array({name()})}};
  }
  void combinators(Json& schema, int depth) {
    if (chance(6))
      schema["anyOf"] = Json::array({this->schema(depth - 1), this->schema(depth - 1)});
    if (chance(4))
      schema["oneOf"] = Json::array({this->schema(depth - 1), this->schema(depth - 1)});
    if (chance(6)) schema["allOf"] = Json::array({this->schema(depth - 1)});
    if (chance(4)) schema["not"] = this->schema(0);
    if (chance(3)) {
      schema["if"] = this->schema(0);
      schema["then"] = this->schema(depth - 1);
    }
  }

  std::mt19937 random_;
};

TEST(SubschemaProperty, AProvenFitHoldsForEveryValue) {
  Generator generate(20261120);
  std::vector<Json> values;
  for (int i = 0; i < 250; ++i) values.push_back(generate.value(3));
  int proven = 0;
  int witnesses = 0;  // values that made a proof worth something
  for (int i = 0; i < 1200; ++i) {
    const Json produced = generate.schema(2);
    const Json consumed =
        generate.chance(70) ? generate.variation(produced, 2) : generate.schema(2);
    ASSERT_TRUE(check_schema(produced).empty()) << dump(produced);
    if (is_subschema(produced, consumed).fit != Fit::kYes) continue;
    ++proven;
    for (const Json& value : values) {
      if (!validate(produced, value).empty()) continue;
      ++witnesses;
      ASSERT_TRUE(validate(consumed, value).empty())
          << dump(produced) << "\ninto " << dump(consumed) << "\nrefuses " << dump(value);
    }
  }
  RecordProperty("proven", proven);
  EXPECT_GT(proven, 700);
  EXPECT_GT(witnesses, 8'000);
}

TEST(SubschemaProperty, EverySchemaIsASubschemaOfItself) {
  Generator generate(3);
  for (int i = 0; i < 2000; ++i) {
    const Json schema = generate.schema(3);
    const FitResult result = is_subschema(schema, schema);
    ASSERT_EQ(result.fit, Fit::kYes) << dump(schema) << result.reason;
  }
}

// Of scalars: a clash of optional members or of items counts as no, although {} and [] would fit.
TEST(SubschemaProperty, ANoIsNeverSaidOfASchemaThatAllItsValuesFit) {
  Generator generate(5);
  std::vector<Json> values;
  for (int i = 0; i < 600; ++i) values.push_back(generate.value(3));
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    const Json produced = generate.schema(0);
    const Json consumed = generate.variation(produced, 0);
    if (is_subschema(produced, consumed).fit != Fit::kNo) continue;
    int valid = 0;
    int fitting = 0;
    for (const Json& value : values) {
      if (!validate(produced, value).empty()) continue;
      ++valid;
      fitting += validate(consumed, value).empty() ? 1 : 0;
    }
    if (valid < 5) continue;  // too few to tell
    ++refused;
    ASSERT_LT(fitting, valid) << dump(produced) << "\ninto " << dump(consumed);
  }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace ae::json
