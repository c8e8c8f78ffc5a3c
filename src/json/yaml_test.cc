#include "json/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace ae::json {
namespace {

using ::testing::HasSubstr;

Json read(std::string_view text) {
  auto parsed = parse_yaml(text);
  if (parsed) return *std::move(parsed);
  ADD_FAILURE() << parsed.error().message << "\nin: " << text;
  return Json::object({{"failed", true}});
}

TEST(YamlParseTest, TypesPlainScalarsByTheCoreSchema) {
  const Json value = read(
      "a: true\nb: FALSE\nc: ~\nd:\ne: null\nf: 12\ng: -0\nh: 0x1F\ni: 0o17\nj: 1.5\nk: .5\n"
      "l: 1e3\nm: +7\nn: 007\no: 18446744073709551615\n");
  EXPECT_EQ(dump(value),
            R"({"a":true,"b":false,"c":null,"d":null,"e":null,"f":12,"g":0,"h":31,"i":15,"j":1.5,)"
            R"("k":0.5,"l":1000.0,"m":7,"n":7,"o":18446744073709551615})");
}

TEST(YamlParseTest, WhatOnlyYaml11TypesStaysAString) {
  for (const char* text : {"yes", "no", "on", "off", "y", "n", "2024-01-01", "12:30", "1_000",
                           "0b1", "0x", "1.2.3", "1e", "tRUE", "-0x1F", "nan"}) {
    EXPECT_EQ(read(std::string("v: ") + text + "\n")["v"], Json(text)) << text;
  }
}

TEST(YamlParseTest, QuotesAndTagsDecideTheType) {
  EXPECT_EQ(read("'12'"), "12");
  EXPECT_EQ(read("\"true\""), "true");
  EXPECT_EQ(read("!!str 12"), "12");
  EXPECT_EQ(read("! 12"), "12");
  EXPECT_EQ(read("!!int \"12\""), 12);
  EXPECT_EQ(read("!!map {a: !!seq [1]}"), Json::object({{"a", Json::array({1})}}));
}

TEST(YamlParseTest, ReadsJsonToo) {
  const char* text = R"({"a": "\ud83c\udfb5 \/", "b": [1, 2.5, null], "yes": false})";
  EXPECT_EQ(read(text), parse(text).value());
}

TEST(YamlParseTest, EscapesBeyondJsonsGiveUtf8) {
  EXPECT_EQ(read("\"\\N\\_\\L\\P\\x85é\\N\""), "\u0085\u00a0\u2028\u2029\u0085é\u0085");
}

TEST(YamlParseTest, AnchorsAreExpanded) {
  EXPECT_EQ(dump(read("a: &x {k: [1, 2]}\nb: *x\nc: [*x]\nd: &y text\n*y : 1\n")),
            R"({"a":{"k":[1,2]},"b":{"k":[1,2]},"c":[{"k":[1,2]}],"d":"text","text":1})");
}

TEST(YamlParseTest, BlockTextKeepsItsLines) {
  EXPECT_EQ(read("a: |\n  one\n  two\nb: >\n  one\n  two\n")["a"], "one\ntwo\n");
}

struct Refusal {
  const char* text;
  const char* message;
};

TEST(YamlParseTest, RefusalsSayWhereAndWhy) {
  const Refusal refusals[] = {
      {"a: 1\nb: 2\na: 3\n", "line 3, column 1: the key \"a\" occurs twice"},
      {"a: 1\n2: b\n", "line 2, column 1: a key must be a string"},
      {"{true: 1}", "a key must be a string"},
      {"? [a]\n: 1\n", "a key must be a string"},
      {"~: 1\n", "a key must be a string"},
      {"a: !python/object x\n", "line 1, column 4: the tag !python/object is not supported"},
      {"a: !!binary aGk=\n", "is not supported"},
      {"a: !!int x\n", "is not of the type its tag says"},
      {"a: &x {b: 1}\nc:\n  <<: *x\n", "line 3, column 3: merge keys"},
      {"a: 1\n---\nb: 2\n", "a second document"},
      {"a: [1, 2\nb: 3\n", "line 2"},
      {"a: *nothing\n", "line 1, column 4"},
      {"a: &x [*x]\n", "an alias inside the value"},
      {"a: .inf\n", ".inf is not a JSON value"},
      {"a: -.INF\n", "is not a JSON value"},
      {"a: .nan\n", "is not a JSON value"},
      {"a: 1e999\n", "does not fit"},
      {"a: \x04 b\n", "line 1, column 4: the control character 0x04"},
      {"a: \xff\n", "not UTF-8"},
      {"", "empty"},
      {"# nothing\n", "empty"},
      {"a:\n\t- b\n", "line 2"},
  };
  for (const Refusal& refusal : refusals) {
    const auto parsed = parse_yaml(refusal.text);
    ASSERT_FALSE(parsed.has_value()) << refusal.text << "\n" << dump(*parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument) << refusal.text;
    EXPECT_THAT(parsed.error().message, HasSubstr(refusal.message)) << refusal.text;
  }
}

TEST(YamlParseTest, AliasesCannotMakeMoreThanTheLimitOfBytes) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  const auto parsed = parse_yaml(bomb);
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, ErrorCode::kResourceExhausted);
}

TEST(YamlParseTest, AliasesCannotNestDeeperThanTheLimit) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_EQ(parse_yaml(text).error().code, ErrorCode::kResourceExhausted);
}

TEST(YamlParseTest, LimitsHold) {
  EXPECT_EQ(parse_yaml("a: bcdefgh", {.max_bytes = 5}).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(parse_yaml("a: 1\nb: 2\n", {.max_keys = 1}).error().code,
            ErrorCode::kResourceExhausted);
  std::string deep;
  for (std::size_t i = 0; i < 5000; ++i) deep += "- ";
  EXPECT_EQ(parse_yaml(deep + "x").error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(parse_yaml(std::string(100'000, '[')).error().code, ErrorCode::kResourceExhausted);
}

TEST(YamlDumpTest, IsBlockStyleAndPlainWhereNothingCanBeMistaken) {
  const Json value = parse(R"({"name": "mood-music", "steps": [{"id": "a", "tags": ["x", []]},
      [1, [2]], {}], "empty": {}, "size": 1.5})")
                         .value();
  EXPECT_EQ(dump_yaml(value),
            "name: mood-music\nsteps:\n  - id: a\n    tags:\n      - x\n      - []\n  - - 1\n"
            "    - - 2\n  - {}\nempty: {}\nsize: 1.5\n");
}

TEST(YamlDumpTest, QuotesWhateverSomeReaderTypes) {
  for (const char* text :
       {"yes",  "No",         "on",    "y",     "true", "null", "~",  "",     "12",   "1.0",
        "0o17", "2024-01-01", "12:30", "1_000", ".inf", " a",   "a ", "a: b", "a #b", "- a",
        "?",    "*a",         "&a",    "!a",    "%a",   "@a",   "`a", "{a",   "[a",   "a\nb",
        "a\tb", "'a'",        "\"",    "\\",    "é",    "=",    "<<", "...",  "---"}) {
    const std::string yaml = dump_yaml(Json(text));
    EXPECT_EQ(yaml.front(), '"') << yaml;
    EXPECT_EQ(read(yaml), Json(text)) << yaml;
  }
}

TEST(YamlDumpTest, ExponentsCarryAPointForOldReaders) {
  EXPECT_EQ(dump_yaml(Json(1e20)), "1.0e+20\n");
  EXPECT_EQ(read(dump_yaml(Json(1e-7))), Json(1e-7));
}

// A random value of every kind, with the strings that break emitters.
Json random_value(std::mt19937& random, int depth) {
  static const std::vector<std::string> kTexts{"plain",
                                               "yes",
                                               "12",
                                               "a: b",
                                               "# c",
                                               "",
                                               " x",
                                               "line\nbreak",
                                               "tab\t",
                                               "\x7f",
                                               "\u0085",
                                               "\u2028",
                                               "\ufeff",
                                               "\u0000x",
                                               "🎵",
                                               "- -",
                                               "'",
                                               "\"",
                                               "\\n",
                                               "? k",
                                               "|",
                                               ">",
                                               "a,b",
                                               std::string(1500, 'k'),
                                               std::string("nul\0in", 6),
                                               "<<",
                                               "!!str x",
                                               "&a",
                                               "*a"};
  const auto pick = [&](std::size_t below) { return random() % below; };
  switch (pick(depth > 0 ? 8U : 6U)) {
    case 0:
      return nullptr;
    case 1:
      return pick(2) == 0;
    case 2:
      return static_cast<std::int64_t>(random()) - 2'000'000'000;
    case 3:
      return static_cast<double>(random()) / 1000.0;
    case 4:
    case 5:
      return kTexts[pick(kTexts.size())];
    case 6: {
      Json list = Json::array();
      for (std::size_t i = pick(4); i > 0; --i) list.push_back(random_value(random, depth - 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (std::size_t i = pick(4); i > 0; --i) {
        object[kTexts[pick(kTexts.size())]] = random_value(random, depth - 1);
      }
      return object;
    }
  }
}

TEST(YamlDumpTest, WhatIsWrittenReadsBackTheSame) {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    const Json value = random_value(random, 4);
    const std::string yaml = dump_yaml(value);
    const auto parsed = parse_yaml(yaml);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message << "\n" << yaml;
    ASSERT_EQ(*parsed, value) << yaml;
  }
}

TEST(YamlParseTest, KeepsTheTagsOfAnApplicationAsMembersWhenAsked) {
  const std::string text =
      "a: !Ref Name\nb: !Join [\"-\", [x, !Sub '${y}']]\nc: !If\n  k: 1\nd: !Ref 5\ne: !!str 5\n";
  EXPECT_FALSE(parse_yaml(text));
  const auto parsed = parse_yaml(text, LocalTags::kMember);
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_EQ(*parsed,
            parse(R"({"a": {"!Ref": "Name"}, "b": {"!Join": ["-", ["x", {"!Sub": "${y}"}]]},
      "c": {"!If": {"k": 1}}, "d": {"!Ref": "5"}, "e": "5"})")
                .value());
  EXPECT_FALSE(parse_yaml("!Ref a: 1", LocalTags::kMember)) << "a key is a string";
}

TEST(YamlParseTest, CountsTaggedValuesAsLevels) {
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "!T [";
  deep += std::string(40, ']');
  EXPECT_EQ(parse_yaml(deep, LocalTags::kMember).error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace ae::json
