// What rests on schemas that nobody declared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "dag/serialize.h"
#include "json/yaml.h"
#include "verify/verify.h"

namespace ae::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// fetch's schemas are guesses, resize declares its own.
Verdict verified(const std::string& body) {
  const auto schema = [](const char* text) { return json::parse_yaml(text).value(); };
  static const std::map<std::string, dag::FunctionSpec> specs = [&] {
    dag::FunctionSpec fetch;
    fetch.name = "fetch";
    fetch.version = "v1";
    fetch.schemas = dag::SchemaSource::kInferred;
    fetch.input =
        schema("{type: object, properties: {key: {type: string}, bucket: {}}, required: [key]}");
    fetch.output = schema("{type: object, properties: {image: {type: string}}, required: [image]}");
    dag::FunctionSpec resize;
    resize.name = "resize";
    resize.version = "v1";
    resize.input =
        schema("{type: object, properties: {image: {type: integer}}, required: [image]}");
    resize.output = fetch.output;
    return std::map<std::string, dag::FunctionSpec>{{"fetch", fetch}, {"resize", resize}};
  }();
  const auto parsed = dag::parse_workflow_text(
      "apiVersion: actionengine/v1\nkind: Workflow\nmetadata: {name: w}\n" + body);
  EXPECT_TRUE(parsed.has_value()) << body;
  return verify(parsed->workflow,
                [](std::string_view name, std::string_view) -> const dag::FunctionSpec* {
                  const auto found = specs.find(std::string(name));
                  return found == specs.end() ? nullptr : &found->second;
                },
                {"fetch", "resize"});
}

std::vector<std::string> codes(const Verdict& verdict) {
  std::vector<std::string> codes;
  for (const dag::Diagnostic& one : verdict.diagnostics) codes.push_back(one.code);
  return codes;
}

std::string text(const Verdict& verdict) {
  return json::dump_pretty(dag::to_json(verdict.diagnostics));
}

TEST(UnprovenTest, WhatRestsOnAGuessIsAWarningForEachArgument) {
  const Verdict verdict = verified(R"(
inputs: {type: object, properties: {key: {type: string}}, required: [key]}
nodes:
  - {id: f, function: fetch, arguments: {key: {input: key}, bucket: {value: photos}}}
outputs: {image: {node: f, output: image}}
)");
  EXPECT_TRUE(verdict.proven()) << text(verdict);
  ASSERT_THAT(codes(verdict), ElementsAre("unproven_schema", "unproven_schema", "unproven_schema"));
  EXPECT_EQ(verdict.diagnostics[0].pointer, "/nodes/0/arguments/key");
  EXPECT_EQ(verdict.diagnostics[1].pointer, "/nodes/0/arguments/bucket");
  EXPECT_EQ(verdict.diagnostics[2].pointer, "/outputs/image");
  EXPECT_THAT(verdict.diagnostics[0].message,
              HasSubstr("f.key rests on the schema of fetch, which was inferred"));
  EXPECT_THAT(verdict.diagnostics[0].fix, HasSubstr("function.yaml"));
}

TEST(UnprovenTest, AGuessThatContradictsIsNoProofOfAMistake) {
  const Verdict verdict = verified(R"(
inputs: {type: object, properties: {n: {type: integer}}, required: [n]}
nodes:
  - {id: f, function: fetch, arguments: {key: {input: n}, other: {input: n}}}
  - {id: g, function: fetch}
  - {id: r, function: resize, arguments: {image: {node: f, output: image}}}
  - {id: s, function: resize, arguments: {image: {node: g, output: picture}}}
outputs: {a: {node: r, output: image}, b: {node: s, output: image}, c: {node: f, output: size}}
)");
  EXPECT_TRUE(verdict.proven()) << text(verdict);
  for (const auto& finding : verdict.diagnostics) EXPECT_EQ(finding.code, "unproven_schema");
  const std::string all = text(verdict);
  EXPECT_THAT(all, HasSubstr("by that guess the input \\\"n\\\" does not fit f.key"));
  EXPECT_THAT(all, HasSubstr("fetch has no parameter \\\"other\\\""));
  EXPECT_THAT(all, HasSubstr("of fetch gets no value, as far as its code tells"));
  EXPECT_THAT(all, HasSubstr("f.image does not fit r.image"));
  EXPECT_THAT(all, HasSubstr("fetch gives no field \\\"picture\\\""));
  EXPECT_THAT(all, HasSubstr("fetch gives no field \\\"size\\\""));
}

TEST(UnprovenTest, ADeclaredFunctionIsHeldToItsWordBesideAGuessedOne) {
  const Verdict verdict = verified(R"(
inputs: {type: object, properties: {key: {type: string}}, required: [key]}
nodes:
  - {id: f, function: fetch, arguments: {key: {input: key}}}
  - {id: r, function: resize, arguments: {image: {input: key}}}
outputs: {a: {node: f, output: image}, b: {node: r, output: image}}
)");
  EXPECT_FALSE(verdict.proven());
  EXPECT_EQ(verdict.diagnostics.front().code, "input_type_clash");
}

}  // namespace
}  // namespace ae::verify
