#include "json/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "base/file.h"

namespace ae::json {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Json J(std::string_view text) { return parse(text).value(); }

std::string first_message(std::string_view schema, std::string_view instance) {
  const auto violations = validate(J(schema), J(instance));
  return violations.empty() ? "valid"
                            : violations.front().pointer + ": " + violations.front().message;
}

TEST(SchemaMessageTest, SaysWhatWouldBeRight) {
  EXPECT_EQ(first_message(R"({"type":"integer"})", R"("abc")"),
            ": expected integer, got the string \"abc\"");
  EXPECT_EQ(first_message(R"({"type":["string","null"]})", "[1,2]"),
            ": expected string or null, got an array of 2 items");
  EXPECT_EQ(
      first_message(R"({"enum":["red","green"]})", R"("gren")"),
      ": must be one of \"red\", \"green\"; got the string \"gren\"; did you mean \"green\"?");
  EXPECT_EQ(first_message(R"({"required":["user_id"]})", "{}"),
            ": the member \"user_id\" is missing");
  EXPECT_EQ(first_message(R"({"properties":{"user_id":{}},"additionalProperties":false})",
                          R"({"userid":1})"),
            "/userid: unknown member \"userid\"; did you mean \"user_id\"?");
  EXPECT_EQ(first_message(R"({"properties":{"a":{"minLength":1}}})", R"({"a":""})"),
            "/a: must not be empty, got the string \"\"");
  EXPECT_EQ(first_message(R"({"minimum":1})", "0"), ": must be at least 1, got 0");
  EXPECT_EQ(first_message(R"({"format":"date"})", R"("tomorrow")"),
            ": must be a date like 2026-12-24, got the string \"tomorrow\"");
  EXPECT_EQ(first_message(R"({"pattern":"^a+$"})", R"("b")"),
            ": must match the pattern ^a+$, got the string \"b\"");
  EXPECT_EQ(first_message(R"({"anyOf":[{"type":"string"},{"minimum":5,"type":"integer"}]})", "3"),
            ": matches none of the 2 alternatives: expected string, got the integer 3; or: must be "
            "at least 5, got 3");
}

TEST(SchemaMessageTest, AHugeValueMakesAShortMessage) {
  const Json text(std::string(100'000, 'x'));
  EXPECT_LT(validate(J(R"({"type":"integer"})"), text).front().message.size(), 200U);
}

TEST(SchemaValidateTest, ViolationsComeInTheOrderOfTheInstanceAndAtMostTwenty) {
  const Json schema = J(R"({"properties":{"a":{"type":"string"},"b":{"type":"string"}},
      "allOf":[{"properties":{"c":{"type":"string"}}}]})");
  std::vector<std::string> pointers;
  for (const auto& violation : validate(schema, J(R"({"c":1,"b":1,"a":1})"))) {
    pointers.push_back(violation.pointer);
  }
  EXPECT_THAT(pointers, ElementsAre("/c", "/b", "/a"));
  Json many = Json::array();
  for (int i = 0; i < 100; ++i) many.push_back(i);
  EXPECT_THAT(validate(J(R"({"items":{"type":"string"}})"), many), SizeIs(20));
}

TEST(SchemaValidateTest, FormatsAreChecked) {
  const std::map<std::string, std::pair<std::vector<std::string>, std::vector<std::string>>> cases{
      {"date",
       {{"2024-02-29"}, {"2023-02-29", "2024-13-01", "2024-1-1", "24-01-01", "2024-01-01x"}}},
      {"time", {{"18:30:00Z", "23:59:60Z", "00:59:60+01:00"}, {"18:30", "24:00:00Z", "18:30:60Z"}}},
      {"date-time", {{"2026-12-24T18:30:00.5+01:00"}, {"2026-12-24 18:30:00Z", "2026-12-24"}}},
      {"email",
       {{"anna@example.org", "\"a b\"@example.org", "a@[127.0.0.1]"},
        {"anna", "anna@", ".a@example.org", "a@-x.org", "a b@example.org"}}},
      {"uri",
       {{"https://example.org/a?b#c", "urn:x:y", "http://[::1]:80/"},
        {"/a", "example.org", "http://a b", "http://x/%zz", "http://[::1"}}},
      {"uuid", {{"123e4567-e89b-12d3-a456-426614174000"}, {"123e4567e89b12d3a456426614174000"}}},
      {"ipv4", {{"127.0.0.1"}, {"127.0.0.256", "127.0.0", "01.2.3.4", "1.2.3.4.5"}}},
      {"unheard-of", {{"anything"}, {}}}};
  for (const auto& [format, texts] : cases) {
    const Json schema{{"format", format}};
    for (const auto& text : texts.first) {
      EXPECT_THAT(validate(schema, Json(text)), IsEmpty()) << format << " " << text;
    }
    for (const auto& text : texts.second) {
      EXPECT_THAT(validate(schema, Json(text)), SizeIs(1)) << format << " " << text;
    }
  }
}

TEST(SchemaValidateTest, APartIsJudgedWithTheReferencesOfItsDocument) {
  const Json root =
      J(R"({"$defs":{"id":{"type":"string"}},"properties":{"a":{"$ref":"#/$defs/id"}}})");
  const Json& part = root["properties"]["a"];
  EXPECT_THAT(validate(SchemaPart{&root, &part}, Json("x")), IsEmpty());
  EXPECT_THAT(validate(SchemaPart{&root, &part}, Json(1)), SizeIs(1));
}

TEST(SchemaHostileTest, SharedReferencesDoNotCostExponentialTime) {
  Json schema{{"$ref", "#/$defs/s0"}};
  for (int i = 0; i < 60; ++i) {
    const Json next{{"$ref", "#/$defs/s" + std::to_string(i + 1)}};
    schema["$defs"]["s" + std::to_string(i)] = Json{{"anyOf", {next, next}}};
  }
  schema["$defs"]["s60"] = Json{{"type", "string"}};
  ASSERT_THAT(check_schema(schema), IsEmpty());
  EXPECT_THAT(validate(schema, Json("x")), IsEmpty());
  EXPECT_THAT(validate(schema, Json(1)), SizeIs(1));
}

TEST(SchemaHostileTest, WhatCannotBeJudgedWithinTheBoundsIsInvalid) {
  const Json endless = J(R"({"$ref":"#"})");
  ASSERT_THAT(validate(endless, Json(1)), SizeIs(1));
  EXPECT_THAT(validate(endless, Json(1)).front().message, HasSubstr("too deep"));
  EXPECT_THAT(validate(J(R"({"not":{"$ref":"#"}})"), Json(1)), SizeIs(1));
  Json values = Json::array();
  for (int i = 0; i < 20'000; ++i) values.push_back(i + 100'000);
  Json wide{{"items", {{"enum", values}}}};
  Json instance = Json::array();
  for (int i = 0; i < 20'000; ++i) instance.push_back(119'999);
  EXPECT_THAT(validate(wide, instance).front().message, HasSubstr("too costly"));
}

TEST(SchemaHostileTest, APatternThatDefeatsBacktrackersIsLinear) {
  EXPECT_THAT(validate(J(R"({"pattern":"^(a+)+$"})"), Json(std::string(100'000, 'a') + "b")),
              SizeIs(1));
}

TEST(SchemaHostileTest, DeepInstancesAgainstRecursiveSchemasDoNotOverflowTheStack) {
  Json instance = Json::object();
  for (int i = 0; i < 5000; ++i) {
    Json outer = Json::object();
    outer["k"] = std::move(instance);
    instance = std::move(outer);
  }
  const Json schema = J(R"({"properties":{"k":{"$ref":"#"}}})");
  EXPECT_THAT(validate(schema, instance).front().message, HasSubstr("too deep"));
}

struct Fault {
  const char* schema;
  const char* pointer;
  const char* message;
};

TEST(SchemaCheckTest, FaultsOfASchemaAreFoundWithTheirPlace) {
  const Fault faults[] = {
      {"3", "", "a schema is an object, true or false"},
      {R"({"type":"strng"})", "/type", "did you mean \"string\"?"},
      {R"({"type":[]})", "/type", "list of types"},
      {R"({"properties":{"a":3}})", "/properties/a", "a schema is an object"},
      {R"({"properties":[]})", "/properties", "an object of schemas"},
      {R"({"required":"a"})", "/required", "a list of names"},
      {R"({"required":["a","a"]})", "/required/1", "different names"},
      {R"({"minLength":-1})", "/minLength", "a whole number from 0"},
      {R"({"exclusiveMinimum":true})", "/exclusiveMinimum", "a number"},
      {R"({"multipleOf":0})", "/multipleOf", "above 0"},
      {R"({"enum":[]})", "/enum", "a list of values"},
      {R"({"anyOf":[]})", "/anyOf", "a list of schemas"},
      {R"x({"items":{"pattern":"(?=a)"}})x", "/items/pattern", "look-around"},
      {R"({"patternProperties":{"(":{}}})", "/patternProperties/(", "cannot be used"},
      {R"({"$ref":"https://example.org/s"})", "/$ref", "outside this schema"},
      {R"({"$ref":"#/$defs/none"})", "/$ref", "does not exist"},
      {R"({"$defs":{"a":{"type":1}}})", "/$defs/a/type", "unknown type"},
      {R"({"$ref":"#/x-parts/a","x-parts":{"a":{"type":1}}})", "/x-parts/a/type", "unknown type"},
      {R"({"$ref":"#"})", "", "refers to itself"},
      {R"({"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}})",
       nullptr, "refers to itself"},
  };
  for (const Fault& fault : faults) {
    const auto violations = check_schema(J(fault.schema));
    ASSERT_THAT(violations, SizeIs(1)) << fault.schema;
    if (fault.pointer != nullptr) EXPECT_EQ(violations[0].pointer, fault.pointer) << fault.schema;
    EXPECT_THAT(violations[0].message, HasSubstr(fault.message)) << fault.schema;
  }
}

TEST(SchemaCheckTest, RecursionThatEntersTheValueIsFine) {
  EXPECT_THAT(check_schema(J(R"({"properties":{"next":{"$ref":"#"}}})")), IsEmpty());
  EXPECT_THAT(check_schema(J(R"({"anyOf":[{"items":{"$ref":"#"}},{"type":"null"}]})")), IsEmpty());
  EXPECT_THAT(check_schema(Json(true)), IsEmpty());
}

// The official test suite, as Debian's package json-schema-test-suite installs it. AE_SCHEMA_SUITE
// names another copy; a folder of draft 2020-12 is preferred, Debian 12 has draft 7.
class OfficialSuite {
 public:
  static std::filesystem::path folder() {
    const char* elsewhere = std::getenv("AE_SCHEMA_SUITE");
    const std::filesystem::path root =
        elsewhere != nullptr ? elsewhere : "/usr/share/json-schema-test-suite/tests";
    for (const char* draft : {"draft2020-12", "draft7"}) {
      if (std::filesystem::is_directory(root / draft)) return root / draft;
    }
    return {};
  }

  // Why a file is not run; "" when it is.
  static std::string skip_file(const std::string& name) {
    static const std::map<std::string, std::string> kReasons{
        {"anchor.json", "references are JSON pointers only"},
        {"dynamicRef.json", "$dynamicRef is not supported"},
        {"recursiveRef.json", "$recursiveRef is not supported"},
        {"refRemote.json", "remote references are refused"},
        {"definitions.json", "refers to the remote meta-schema"},
        {"defs.json", "refers to the remote meta-schema"},
        {"id.json", "$id changes no base address here"},
        {"unevaluatedItems.json", "not supported"},
        {"unevaluatedProperties.json", "not supported"},
        {"vocabulary.json", "custom vocabularies are remote"},
        {"dependencies.json", "draft 7 only; dependentRequired and dependentSchemas replace it"},
        {"unknownKeyword.json", "is about $id"},
        {"content.json", "is about annotations"},
        {"format.json", "says that formats are annotations; here seven are asserted"}};
    const auto found = kReasons.find(name);
    return found == kReasons.end() ? "" : found->second;
  }

  static std::string skip_group(const Json& group) {
    const std::string description = group.at("description").get<std::string>();
    static const std::map<std::string, std::string> kReasons{
        {"$ref prevents a sibling $id from changing the base uri", "$id"},
        {"ref overrides any sibling keywords", "draft 7 ignores the siblings of $ref"},
        {"refs with relative uris and defs", "$id"},
        {"relative refs with absolute uris and defs", "$id"},
        {"ECMA 262 regex escapes control codes with \\c and upper letter", "not in RE2"},
    };
    if (const auto found = kReasons.find(description); found != kReasons.end())
      return found->second;
    const std::string schema = dump(group.at("schema"));
    if (schema.find("\"$id\"") != std::string::npos) return "$id";
    if (schema.find("\"$anchor\"") != std::string::npos) return "$anchor";
    if (schema.find("\"$ref\":\"http") != std::string::npos) return "remote reference";
    if (schema.find("\"unevaluated") != std::string::npos) return "unevaluated* is not supported";
    if (schema.find("\"$dynamicRef\"") != std::string::npos) return "$dynamicRef is not supported";
    return "";
  }

  static std::vector<std::filesystem::path> files(const std::filesystem::path& root) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      if (entry.path().extension() == ".json") found.push_back(entry.path());
    }
    for (const char* name : {"date", "date-time", "time", "email", "uri", "uuid", "ipv4"}) {
      const auto file = root / "optional" / "format" / (std::string(name) + ".json");
      if (std::filesystem::exists(file)) found.push_back(file);
    }
    std::ranges::sort(found);
    return found;
  }
};

TEST(OfficialSchemaSuite, EverySupportedKeywordBehavesAsPublished) {
  const std::filesystem::path folder = OfficialSuite::folder();
  if (folder.empty()) GTEST_SKIP() << "the package json-schema-test-suite is not installed";
  int passed = 0;
  int skipped = 0;
  for (const auto& file : OfficialSuite::files(folder)) {
    const std::string name = file.filename().string();
    const Json groups = parse(read_file(file).value()).value();
    const bool format_folder = file.parent_path().filename() == "format";
    const std::string skip_file = format_folder ? "" : OfficialSuite::skip_file(name);
    for (const Json& group : groups) {
      const std::string reason = skip_file.empty() ? OfficialSuite::skip_group(group) : skip_file;
      if (!reason.empty()) {
        skipped += static_cast<int>(group.at("tests").size());
        std::cout << "skipped " << name << ": " << group.at("description").get<std::string>()
                  << " (" << reason << ")\n";
        continue;
      }
      const Json& schema = group.at("schema");
      EXPECT_THAT(check_schema(schema), IsEmpty()) << name << " " << dump(schema);
      for (const Json& test : group.at("tests")) {
        const bool valid = validate(schema, test.at("data")).empty();
        passed += valid == test.at("valid").get<bool>() ? 1 : 0;
        EXPECT_EQ(valid, test.at("valid").get<bool>())
            << name << ": " << group.at("description") << ": " << test.at("description") << "\n"
            << dump(schema) << "\n"
            << dump(test.at("data"));
      }
    }
  }
  std::cout << folder.string() << ": " << passed << " passed, " << skipped << " skipped\n";
  RecordProperty("passed", passed);
  EXPECT_GT(passed, 400);  // draft 7 has 416
}

}  // namespace
}  // namespace ae::json
